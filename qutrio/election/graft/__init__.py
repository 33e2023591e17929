"""Elections that are shared with programs that use NATS graft."""
