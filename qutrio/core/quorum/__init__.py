"""Majorities: how many voters are enough, and for how long.

Every decision of the cluster needs a majority of the voters, so any two decisions have a voter in
common.  While the set of voters changes, a majority of the old set and of the new one is needed
(`majorities.JointConfig`).  `bounds` protects that majority from one member: it limits how far a
message may raise the terms and revisions that a node knows.
"""
