"""What happens to a world at one moment: faults and deeds of operators, as values.

A schedule is a list of these.  They can be written down, taken out one by one, and played
again; so nothing here draws dice.
"""
