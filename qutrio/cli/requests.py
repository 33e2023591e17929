"""How a command asks the daemon, and what it prints when the cluster has committed a change."""

import os
import sys
from typing import Any

from qutrio.cli.printing import clean, print_answer
from qutrio.control.client import call, user_name
from qutrio.control.protocol import Code, ControlFailure, wait_s
from qutrio.storage.directories import closed_system_directory, find_socket


def ask(op: str, **fields: object) -> dict[str, Any]:
    """Ask the daemon of this user; raises `ControlFailure` if the operation fails."""
    path = find_socket(os.environ)
    try:
        return call(path, {"op": op, **fields}, wait_s(op))
    except ControlFailure as failure:
        elsewhere = closed_system_directory(path)
        if failure.code is not Code.NO_DAEMON or elsewhere is None or "QUTRIO_SOCKET" in os.environ:
            raise
        place, uid = elsewhere
        sentence = f"you have no daemon of your own, and {place} belongs to {user_name(uid)}"
        raise ControlFailure(Code.DENIED, f"{sentence}; run this as that user or as root") from None


def committed(what: str, answer: dict[str, Any], *, as_json: bool) -> None:
    """Report that a change is committed; warnings go to stderr, and into the JSON."""
    for warning in answer.get("warnings", ()):
        print(f"qutrio: warning: {clean(warning)}", file=sys.stderr)
    if as_json:
        print_answer(answer)
    else:
        print(clean(f"{what} (revision {answer['revision']})"))


def given(**fields: object) -> dict[str, object]:
    """Return the fields that were given: neither None nor an empty list or tuple."""
    return {name: value for name, value in fields.items() if value not in (None, [], ())}
