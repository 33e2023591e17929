"""The sentences of a node's facts: one table for the log, the status and the reports of `sim`."""

from typing import TypeAlias, assert_never

from qutrio.core.api.facts import (
    DiskRefused,
    EngineUnknown,
    MinorityLed,
    MinorityLeft,
    NodeFact,
    NodeStarted,
    NoticeUndelivered,
    OwnChangeRefused,
    ProtocolBroken,
    RemovedFromCluster,
    Resigned,
    RoleClaimed,
    WallClockAgrees,
    WallClockChanged,
    WallClockDiffers,
)
from qutrio.core.api.view import Status

Line: TypeAlias = tuple[str, dict[str, str]]
"""A line of the log: a constant message, and details by their keys."""


def log_line(fact: NodeFact) -> Line:  # noqa: C901, PLR0911, PLR0912 - one branch for each fact
    """Return a fact as a line of the log."""
    match fact:
        case NodeStarted():
            return "started", {}
        case RoleClaimed(term):
            return "claims the role", {"term": str(term)}
        case Resigned(term, reason):
            return "resigned", {"term": str(term), "reason": reason}
        case RemovedFromCluster(reason):
            return "this node was removed from the cluster", {"reason": reason}
        case DiskRefused(reason):
            return "the disk refused a write", {"reason": reason}
        case ProtocolBroken(how):
            return "the election protocol was broken", {"how": how}
        case EngineUnknown(engine):
            what = "does not know the election engine; neither leads nor grants, upgrade it"
            return what, {"engine": engine}
        case OwnChangeRefused(reason):
            return "own change was refused", {"reason": reason}
        case NoticeUndelivered(channel, detail):
            return "a notice was not delivered", {"channel": channel, "detail": detail}
        case WallClockChanged(by_s):
            return "the wall clock was set", {"by_s": f"{by_s:+d}"}
        case WallClockDiffers(node, ahead_s):
            return "wall clocks differ", {"node": node, "ahead_s": str(ahead_s)}
        case WallClockAgrees(node):
            return "wall clocks agree again", {"node": node}
        case MinorityLed(sees):
            return "leads a minority, and may page", {"sees": sees}
        case MinorityLeft(sees):
            return "no longer leads a minority", {"sees": sees}
        case _:
            assert_never(fact)


def sentence(fact: NodeFact) -> str:
    """Return a fact as one line for a person."""
    what, details = log_line(fact)
    return ", ".join([what, *(f"{key} {value}" for key, value in details.items())])


def status_reason(status: Status) -> str:
    """Return why nothing can be changed at a node, or else its latest fact."""
    return status.hopeless or sentence(status.last)
