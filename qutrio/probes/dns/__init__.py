"""A DNS client: the look-ups of all probes, and the questions of the `dns` check."""
