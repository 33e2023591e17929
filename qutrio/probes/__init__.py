"""Probes targets, and turns what this node sees of them into votes."""
