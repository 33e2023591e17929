"""What a schedule does to a simulated cluster at one moment: faults, and actions of operators.

A schedule is a list of these values.  They can be written down, taken out one by one, and played
again; so nothing here draws random numbers.
"""
