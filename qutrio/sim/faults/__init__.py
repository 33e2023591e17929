"""The faults and operator actions of a schedule.

A schedule is a list of these values.  They can be stored, left out one by one, and played again,
so nothing here draws random numbers.
"""
