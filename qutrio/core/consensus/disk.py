"""What a node knows of its disk: its content, whether it takes writes, when to try again.

After a refused write the node waits, and then retries with a write of what the disk should hold
anyway.  Until a write succeeds, the node does not say that it could lead.  Otherwise it would get
the role and lose it again, for as long as the disk stays full.
"""

from attrs import define

from qutrio.core.api.effects import Effect, Persist
from qutrio.model.ids import NEVER, Instant, Seconds
from qutrio.model.stable import Stable

DISK_RETRY_S: Seconds = 5.0
"""How long a node whose disk refused a write waits before it tries again."""


@define
class Disk:
    """One node's disk.  `trouble` is why it refused the last write, or empty."""

    _saved: Stable
    trouble: str = ""
    _retry_at: Instant = NEVER
    _retrying: bool = False

    def record_refusal(self, reason: str, durable: Stable, now: Instant) -> None:
        """Record that a write failed and that the disk still holds `durable`."""
        self._saved = durable
        self.trouble, self._retry_at, self._retrying = reason, Instant(now + DISK_RETRY_S), False

    def begin_retry(self, now: Instant) -> bool:
        """Return whether it is time to try again; if so, the next `save` writes in any case."""
        if not self.trouble or now < self._retry_at:
            return False
        self.trouble, self._retrying = "", True
        return True

    def save(self, stable: Stable, *, eager: bool) -> list[Effect]:
        """Persist what changed.  Unless `eager`, a commit alone can wait: it can be learned again.

        A commit that changes the voters cannot wait: a removed voter is told next, and then no
        longer answers nodes that still count on it.
        """
        saved = self._saved
        voters = stable.committed.document.voters
        urgent = not self.trouble and voters != saved.committed.document.voters
        same = stable.promise == saved.promise and stable.hard_state == saved.hard_state
        same = same and stable.accepted is saved.accepted
        same = same and (stable.committed is saved.committed or not (eager or urgent))
        if same and not self._retrying:
            return []
        self._saved, self._retrying = stable, False
        return [Persist(stable)]
