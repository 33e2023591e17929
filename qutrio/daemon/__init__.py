"""Life: builds a node from its parts, drives it, and ends it in order."""
