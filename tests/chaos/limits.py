"""The bounds of a run, in seconds; they are extended by the time that the machine stalled."""

HEARTBEAT, DEAD_AFTER, COOLDOWN = "500ms", "3s", "5s"
CHECK_INTERVAL, CHECK_TIMEOUT = "2s", "3s"

SAMPLE_EVERY_S = 0.2
PERIOD_GAP_S = 1.5
"""The longest gap between samples within one period as master."""

ANNOUNCED_WITHIN_S = 20.0
"""An outage is announced if one node is master for this long during it.

That is a few intervals for the votes of nodes that just returned, two rounds, and deliveries.
"""

BELATED_S_MAX = 12.0
"""The largest age of a verdict's basis: an interval, a timeout, two rounds, a commit."""

CLOCK_SLACK_S = 2.0
CALM_BEFORE_REPEAT_S = 15.0
"""A notice may come twice only if a fault lasted until this long before its first arrival."""

HEALED_WITHIN_S = 45.0
QUIET_WITHIN_S = 60.0
"""From the recovery until recoveries are announced, outboxes empty and documents equal."""
