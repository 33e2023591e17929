"""Raft's leader election: the state machine, the state table, and the vote count."""
