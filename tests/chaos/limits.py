"""The bounds that a run is held to, in seconds; they grow by what the machine stood still."""

HEARTBEAT, DEAD_AFTER, COOLDOWN = "500ms", "3s", "5s"
CHECK_INTERVAL, CHECK_TIMEOUT = "2s", "3s"

SAMPLE_EVERY_S = 0.2
REIGN_GAP_S = 1.5
"""Samples of a node that acts are this close, or the reign is taken to have ended."""

ANNOUNCED_WITHIN_S = 20.0
"""An outage is announced when one node acts for so long while it lasts.

A few intervals for the votes of nodes that just came back, two rounds, and the deliveries.
"""

BELATED_S_MAX = 12.0
"""How old what a verdict rests on may be: an interval, a timeout, two rounds, a commit."""

CLOCK_SLACK_S = 2.0
CALM_BEFORE_REPEAT_S = 15.0
"""A notice comes twice only when a fault held at most this long before its first arrival."""

HEALED_WITHIN_S = 45.0
QUIET_WITHIN_S = 60.0
"""After the healing: recoveries announced, outbox empty, documents equal."""
