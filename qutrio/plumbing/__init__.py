"""Pipes between tasks: bounded, each with a policy for when it is full, and none of its own."""
