"""How often the master writes a changed ledger: at once, but in a storm it gathers changes.

A write carries the whole ledger to each member and to each disk.  So when hundreds of checks fail
within seconds, many changes share one write, and the longer the ledger is, the more of them.  This
is a token bucket, in the form of the generic cell rate algorithm (ITU-T I.371): a moment instead of
a count of tokens.
"""

from attrs import define

from qutrio.model.ids import NEVER, Instant, Seconds
from qutrio.model.incidents import Ledger

WRITE_EVERY_S: Seconds = 0.25
"""The time between two writes of the ledger while changes come all the time."""
WRITE_S_PER_ITEM: Seconds = 0.0005
"""And for each incident and each notice in the ledger: about ten times what a member needs."""
WRITES_AT_ONCE = 8
"""Writes that need not wait, after a time without any."""


@define
class WritePace:
    """When the next write of a changed ledger may begin."""

    _full_at: Instant = NEVER
    """From when on `WRITES_AT_ONCE` writes need not wait."""

    @property
    def next_at(self) -> Instant:
        """From when on the ledger may be written."""
        return Instant(self._full_at - (WRITES_AT_ONCE - 1) * WRITE_EVERY_S)

    def on_write(self, ledger: Ledger, now: Instant) -> None:
        """Record that the ledger is written."""
        items = len(ledger.incidents) + len(ledger.outbox)
        cost_s = WRITE_EVERY_S + items * WRITE_S_PER_ITEM
        self._full_at = Instant(max(self._full_at, now) + cost_s)
