"""From verdicts to alerts: incidents, notices and their deliveries.

The master opens an incident when a check goes DOWN and closes it when the check is UP again.  Both
put notices into the ledger (`alert_manager`, `notices`), which a majority holds before anything is
sent.  `scheduler` decides when each delivery is attempted, and by which member, until it is marked
as delivered.  `unseen` reports checks that have no verdict, and `partition` lets the leader of a
minority send notices if the settings allow it.
"""
