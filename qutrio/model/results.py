"""Results of probes, and verdicts."""

from enum import Enum

from attrs import field, frozen

from qutrio.model.ids import CheckId, Extra, NodeId, Revision, Seconds

DETAIL_CHARS_MAX = 200


class Outcome(Enum):
    """One node's vote.  A node that could not probe for a reason of its own votes ABSTAIN."""

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

    `changed` is copied from the check that was probed.  `detail` says what the probe found, or
    why the node abstained.
    """

    check: CheckId
    changed: Revision
    outcome: Outcome
    latency_ms: float | None = None
    detail: str = field(default="", converter=clip)


@frozen(kw_only=True)
class Evidence:
    """One node's newest vote on a check, received `age_s` seconds ago."""

    node: NodeId
    name: str
    outcome: Outcome
    latency_ms: float | None
    detail: str
    age_s: Seconds
    counted: bool
    extra: Extra = ()
