"""What a node knows of its disk: what it holds, whether it takes writes, when to try again.

A disk that refused a write is left alone for a while, and then tried with a write of what it
should hold anyway.  Until one succeeds, nobody hears that this node could lead: it would be
given the role and lose it again, for as long as the disk stays full.
"""

from attrs import define

from qutrio.core.api.effects import Effect, Persist
from qutrio.model.ids import NEVER, Instant, Seconds
from qutrio.model.stable import Stable

DISK_RETRY_S: Seconds = 5.0
"""How long a node whose disk refused a write waits before it tries again."""


@define
class Disk:
    """One node's disk.  `trouble` is why it refused the last write; empty when it did not."""

    _saved: Stable
    trouble: str = ""
    _retry_at: Instant = NEVER
    _on_trial: bool = False

    def refused(self, reason: str, durable: Stable, now: Instant) -> None:
        """Take in that a write failed, and that the disk still holds `durable`."""
        self._saved = durable
        self.trouble, self._retry_at, self._on_trial = reason, Instant(now + DISK_RETRY_S), False

    def deserves_a_trial(self, now: Instant) -> bool:
        """Tell whether it is time to try again; if so, the next `saving` is that trial."""
        if not self.trouble or now < self._retry_at:
            return False
        self.trouble, self._on_trial = "", True
        return True

    def saving(self, stable: Stable, *, eager: bool) -> list[Effect]:
        """Persist what changed; a commit alone can wait unless `eager`: it can be learned again.

        But not one that changes the voters: whoever leaves is told next, and then answers
        nobody who still counts on it.
        """
        saved = self._saved
        voters = stable.committed.document.voters
        urgent = not self.trouble and voters != saved.committed.document.voters
        same = stable.promise == saved.promise and stable.hard_state == saved.hard_state
        same = same and stable.accepted is saved.accepted
        same = same and (stable.committed is saved.committed or not (eager or urgent))
        if same and not self._on_trial:
            return []
        self._saved, self._on_trial = stable, False
        return [Persist(stable)]
