"""Converts values to and from bytes, JSON and YAML.  It opens no files and reads no clocks."""
