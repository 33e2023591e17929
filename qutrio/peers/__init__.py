"""Links between nodes: mutual TLS, one websocket per pair of members, and enrollment."""
