"""What runs a node of the core: a loop that gives it events and performs its effects."""
