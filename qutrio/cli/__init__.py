"""The front door: one file per noun, each a thin caller of the control socket."""
