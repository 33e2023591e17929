"""Simulates whole clusters: seeded, single-stepped, replayable, without trio."""
