"""Agreement of a majority: on the lease that lets one node act, and on what that node writes.

`lease` is a leader lease on top of Paxos promises: a voter grants one candidate at a time, for a
limited time.  `register` is the replicated value: one record, with the cluster document and the
ledger.  Its writes are phase 2 of Paxos, and `acceptor` is the voter's part in them.  `applying`
and `authorship` change a record, `feature_level` and `announcements` decide which features it may
use, `witnesses` decides which reports of a record are believed, and `disk` what is made durable.
"""
