"""The data model: frozen values that mean the same on every node, with their rules."""
