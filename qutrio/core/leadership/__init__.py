"""Which node is master: from heartbeats to a lease.

Heartbeats (`heartbeats`) tell which members (`membership`) are alive.  The engine of the settings,
run by `engine_host`, chooses a leader among them.  `leadership` lets the chosen node claim the
lease, take over the newest record (`takeover`), and act as master while the lease lasts.
`lease_voter` says when a voter grants a claim, which leaders it passes over because they do not
come to act, and why a restarted node waits.  `observed_master` is the other node that said last
that it is master; `transfer` moves the role on purpose.
"""
