"""Runs a node of the core: a loop that passes it events and performs its effects."""
