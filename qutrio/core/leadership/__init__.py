"""Who acts: from heartbeats to an acting master.

Heartbeats tell which members are alive.  The engine of the settings, in `engine_host`, chooses a
leader among them.  `leadership` lets the chosen node ask for the lease, take over the newest
record, and act as master while the lease lasts; `lease_voter` says when a voter grants it.
`transfer` moves the role on purpose.
"""
