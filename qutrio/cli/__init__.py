"""The command line: one file for each noun, each a thin client of the control socket."""
