"""Majorities: how many voters are enough, and for how long they are.

Everything that the cluster decides needs a majority of the voters, so that any two decisions have
a voter in common.  While the set of voters changes, a majority of the old set and of the new one
is needed (`majorities.JointConfig`).  `bounds` limits how far one message may move the terms and
revisions that a node knows.
"""
