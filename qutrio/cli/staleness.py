"""Marks output, and sets the exit code, when this node's knowledge may be old."""

import sys
from typing import Any

from qutrio.cli.exits import ExitCode
from qutrio.cli.printing import clean

STALE = " (stale)"
REMOVED = "this node was removed from the cluster and watches nothing any more"

Row = dict[str, Any]


def decides(answer: Row) -> bool:
    """Return whether the node holds a quorum, hears a master, and is still a member.

    A daemon not yet restarted after an upgrade may not send this.
    """
    if "quorum" not in answer:
        return True
    held = answer["quorum"]["holds"] and answer["master"] is not None
    return bool(held) and not answer["removed"]


def standing_code(answer: Row) -> ExitCode:
    """Return the exit code of a command that shows state."""
    return ExitCode.OK if decides(answer) else ExitCode.NO_MASTER


def removed_code(answer: Row) -> ExitCode:
    """Return the exit code of a command that shows a node's own records; warn if it was removed."""
    if not answer.get("removed"):
        return ExitCode.OK
    print(f"qutrio: {REMOVED}", file=sys.stderr)
    return ExitCode.NO_MASTER


def stale_note(answer: Row) -> str:
    """Return why the output may be old; empty when it is not."""
    if answer["removed"]:
        return REMOVED
    if not answer["stale"]:
        return ""
    why = f" ({answer['reason']})" if answer["quorum"]["holds"] and answer["reason"] else ""
    return f"no master is heard: this output may be old{why}"


def mark(answer: Row) -> str:
    """Return the mark that is appended to a state that may be old."""
    return "" if decides(answer) else STALE


def heard_text(quorum: Row) -> str:
    """Return how many voters are heard and needed, in words."""
    members = "member" if quorum["have"] == 1 else "members"
    return f"{quorum['have']} voting {members} heard, {quorum['need']} needed"


def warn_if_stale(answer: Row) -> None:
    """Warn on stderr if the output may be old."""
    if decides(answer):
        return
    quorum = answer["quorum"]
    shortage = "" if quorum["holds"] or answer["removed"] else f"no quorum: {heard_text(quorum)}"
    notes = [stale_note(answer), shortage]
    print(f"qutrio: {clean('; '.join(filter(None, notes)))}", file=sys.stderr)
