"""qutrio: an uptime monitor whose nodes vote before they wake anybody."""

__version__ = "0.1.0"
