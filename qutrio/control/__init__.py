"""The operator's door: a local socket on which the command line asks and the daemon answers."""
