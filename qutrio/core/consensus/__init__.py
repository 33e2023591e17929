"""One value that a majority agrees on: the lease that lets one node act, and what it writes.

`lease` is leader leases over Paxos promises: a voter grants one candidate at a time, for a limited
time.  `register` is the replicated value, one record that holds the cluster document and the
ledger; its writes are the second phase of Paxos, and `acceptor` is the voter's part in them.  The
others say how a record is changed, who may be believed about it, and what the disk holds.
"""
