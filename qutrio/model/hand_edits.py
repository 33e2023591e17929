"""Where a hand edit of cluster.yaml stands, as `qutrio status` shows it."""

from enum import Enum

from attrs import frozen

from qutrio.model.ids import Seconds


class EditStage(Enum):
    """What is being done with the newest edit that is not settled well."""

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
    """One edit: its stage, its size, for how long it has been so, and why it was refused.

    `kept` is where the text of a refused edit is; the report ends when that file is removed.
    """

    stage: EditStage
    size_bytes: int
    for_s: Seconds
    reason: str = ""
    kept: str = ""
