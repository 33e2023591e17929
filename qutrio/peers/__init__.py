"""Nodes that talk: mutual TLS, one websocket per pair of members, and enrollment."""
