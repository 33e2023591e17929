"""Raft's leader election: its state machine, its state table, and the count of its votes."""
