"""The state of a hand edit of cluster.yaml, as `qutrio status` shows it."""

from enum import Enum

from attrs import frozen

from qutrio.model.ids import Seconds


class EditStage(Enum):
    """The stage of the newest edit that is not committed."""

    CHANGING = "changing"
    """The file keeps changing, so it is not read yet."""
    READING = "reading"
    PROPOSED = "proposed"
    """The cluster has been asked to commit it."""
    REFUSED = "refused"
    BLOCKED = "blocked"
    """The file cannot be read or replaced, so no edit of it has an effect."""


@frozen(kw_only=True)
class EditReport:
    """One edit: its stage and since how many seconds, its size, and why it was refused.

    `kept` is the file with the text of a refused edit; the report ends when it is removed.
    """

    stage: EditStage
    size_bytes: int
    for_s: Seconds
    reason: str = ""
    kept: str = ""
