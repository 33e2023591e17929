"""Nouns: frozen values that mean the same on every node.  They know nothing but each other."""
