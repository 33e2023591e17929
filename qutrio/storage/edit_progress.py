"""The progress of the newest hand edit, for status reports."""

from pathlib import Path

import trio
from attrs import define, evolve, field

from qutrio.model.hand_edits import EditReport, EditStage
from qutrio.model.ids import Seconds


@define
class EditProgress:
    """The stage of the newest edit; there is none once it is in effect."""

    _stage: EditStage | None = field(init=False, default=None)
    _size: int = field(init=False, default=0)
    _since: Seconds = field(init=False, default=0.0)
    _reason: str = field(init=False, default="")
    _kept: Path | None = field(init=False, default=None)
    _blocked: EditReport | None = field(init=False, default=None)
    _blocked_since: Seconds = field(init=False, default=0.0)

    def enter(self, stage: EditStage, size: int) -> None:
        """Record that an edit of `size` bytes has entered a stage."""
        if stage is not self._stage:
            self._since = trio.current_time()
        self._stage, self._size, self._reason, self._kept = stage, size, "", None

    def mark_refused(self, size: int, reason: str, kept: Path) -> None:
        """Record that the newest edit was refused, and where its text was kept."""
        self.enter(EditStage.REFUSED, size)
        self._since, self._reason, self._kept = trio.current_time(), reason, kept

    def clear(self) -> None:
        """Record that no edit is in progress."""
        self._stage = None

    def mark_blocked(self, reason: str) -> None:
        """Record that the file cannot be read or replaced, and why."""
        if self._blocked is None or self._blocked.reason != reason:
            self._blocked_since = trio.current_time()
        self._blocked = EditReport(stage=EditStage.BLOCKED, size_bytes=0, for_s=0.0, reason=reason)

    def clear_blocked(self) -> None:
        """Record that the file can be read and replaced."""
        self._blocked = None

    def report(self) -> EditReport | None:
        """Return the stage of the newest edit; None when it is in effect, or there was none.

        A file that cannot be read or replaced is reported first.
        """
        if self._blocked is not None:
            return evolve(self._blocked, for_s=trio.current_time() - self._blocked_since)
        if self._stage is None or (self._kept is not None and not self._kept.exists()):
            return None
        return EditReport(
            stage=self._stage,
            size_bytes=self._size,
            for_s=trio.current_time() - self._since,
            reason=self._reason,
            kept="" if self._kept is None else str(self._kept),
        )
