"""Which node is master: from heartbeats to a lease.

Heartbeats (`heartbeats`) tell which members (`membership`) are alive.  The engine of the settings,
run by `engine_host`, chooses a leader among them.  `leadership` lets the chosen node claim the
lease, take over the newest record (`takeover`), and act as master while the lease lasts.
`lease_voter` says when a voter grants a claim, and why a restarted node waits.  `observed_master`
is which other node was heard to be master; `transfer` moves the role on purpose.
"""
