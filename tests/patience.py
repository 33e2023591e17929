"""How long a test waits for an event before it calls that a hang."""

HANG_S = 300.0
"""No answer takes this long on any machine; a smaller limit would measure the machine."""
