"""From verdicts to people: incidents, notices and their deliveries.

The master opens an incident when a check goes down and closes it when the check is up again.  Both
put notices into the ledger, which a majority holds before anything is sent.  `scheduler` decides
which delivery is attempted when, and by whom, until it is marked as delivered.  `unseen` tells of
checks that nobody can judge, and `partition` lets the leader of a minority alert, if the settings
say so.
"""
