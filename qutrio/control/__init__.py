"""The control socket: a local socket on which the daemon answers the command line."""
