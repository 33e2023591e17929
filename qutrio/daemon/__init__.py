"""Builds a node from its parts, drives it, and stops it in order."""
