"""Agreement of a majority: on the lease that lets one node act, and on what that node writes.

`lease` is a leader lease on top of Paxos promises: a voter grants one candidate at a time, for a
limited time.  `register` is the replicated value: one record, with the cluster document and the
ledger.  Its writes are phase 2 of Paxos, and `acceptor` is the voter's part in them.  The other
modules say how a record is changed, which reports of it are believed, and what the disk holds.
"""
