"""Shapes: bytes, JSON and YAML on one side, values on the other.  No files, no clocks."""
