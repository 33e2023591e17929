"""What one node saw, and what the cluster makes of it."""

from enum import Enum

from attrs import field, frozen

from qutrio.model.ids import CheckId, Extra, NodeId, Revision, Seconds

DETAIL_CHARS_MAX = 200


class Outcome(Enum):
    """One node's vote.  Nobody votes FAIL because of a fault of its own: that is ABSTAIN."""

    OK = "ok"
    FAIL = "fail"
    ABSTAIN = "abstain"


class State(Enum):
    """The cluster's verdict."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


def clip(detail: str) -> str:
    """Return `detail` as one printable line of at most `DETAIL_CHARS_MAX` characters."""
    line = "".join(c if c.isprintable() else " " for c in detail[: 4 * DETAIL_CHARS_MAX])
    line = " ".join(line.split())
    return line if len(line) <= DETAIL_CHARS_MAX else line[: DETAIL_CHARS_MAX - 1] + "…"


@frozen(kw_only=True)
class Result:
    """One finished probe.

    `changed` is copied from the check that was probed.  `detail` says in plain words what was
    seen, or why the node abstained.
    """

    check: CheckId
    changed: Revision
    outcome: Outcome
    latency_ms: float | None = None
    detail: str = field(default="", converter=clip)


@frozen(kw_only=True)
class Evidence:
    """One node's newest vote on a check, as the reader received it `age_s` seconds ago."""

    node: NodeId
    name: str
    outcome: Outcome
    latency_ms: float | None
    detail: str
    age_s: Seconds
    counted: bool
    extra: Extra = ()
