"""A virtual world for whole clusters: seeded, single-stepped, replayable, without trio."""
