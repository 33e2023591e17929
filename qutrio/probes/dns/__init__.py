"""DNS questions of our own: the look-ups of all probes, and what the `dns` check asks."""
