"""Election engines: which node *should* lead.

An engine only proposes a leader.  The leader becomes master when a majority grants it the lease
(`core.consensus`), so safety never depends on an engine, and engines may disagree for a while.
"""
