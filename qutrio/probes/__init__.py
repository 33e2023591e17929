"""Probes: what this node sees of the world, turned into votes that blame nobody wrongly."""
