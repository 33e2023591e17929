"""Whether this node can tell how things are: said once, marked, and told by the exit code."""

import sys
from typing import Any

from qutrio.cli.exits import ExitCode
from qutrio.cli.printing import clean

STALE = " (stale)"
REMOVED = "this node was removed from the cluster and watches nothing any more"

Row = dict[str, Any]


def decides(answer: Row) -> bool:
    """Tell whether the node holds a quorum, hears a master, and still belongs to the cluster.

    A daemon that was not restarted after an upgrade may not say.
    """
    if "quorum" not in answer:
        return True
    held = answer["quorum"]["holds"] and answer["master"] is not None
    return bool(held) and not answer["removed"]


def standing_code(answer: Row) -> ExitCode:
    """Return the exit code of what shows state."""
    return ExitCode.OK if decides(answer) else ExitCode.NO_MASTER


def removed_code(answer: Row) -> ExitCode:
    """Return the exit code of what shows one node's own records; say so if it was removed."""
    if not answer.get("removed"):
        return ExitCode.OK
    print(f"qutrio: {REMOVED}", file=sys.stderr)
    return ExitCode.NO_MASTER


def stale_note(answer: Row) -> str:
    """Return why what is shown may be old; empty when it is not."""
    if answer["removed"]:
        return REMOVED
    if not answer["stale"]:
        return ""
    why = f" ({answer['reason']})" if answer["quorum"]["holds"] and answer["reason"] else ""
    return f"no master is heard: what is shown here may be old{why}"


def mark(answer: Row) -> str:
    """Return what is put behind a state that may be old."""
    return "" if decides(answer) else STALE


def heard(quorum: Row) -> str:
    """Return how many voters are heard and needed, in words."""
    members = "member" if quorum["have"] == 1 else "members"
    return f"{quorum['have']} voting {members} heard, {quorum['need']} needed"


def complain(answer: Row) -> None:
    """Say on stderr that what was printed may be old, if it may."""
    if decides(answer):
        return
    quorum = answer["quorum"]
    shortage = "" if quorum["holds"] or answer["removed"] else f"no quorum: {heard(quorum)}"
    notes = [stale_note(answer), shortage]
    print(f"qutrio: {clean('; '.join(filter(None, notes)))}", file=sys.stderr)
