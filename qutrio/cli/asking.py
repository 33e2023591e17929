"""How a command asks the daemon, and what it says when the cluster has committed a change."""

import os
import sys
from pathlib import Path
from typing import Any

from qutrio.cli.printing import clean, print_answer
from qutrio.control.client import call, user_name
from qutrio.control.protocol import Code, ControlFailure, wait_s
from qutrio.errors import InvalidValueError, plain_reason
from qutrio.storage.places import closed_system_directory, find_socket

SECRET_FILE_BYTES_MAX = 16 * 1024


def ask(op: str, **fields: object) -> dict[str, Any]:
    """Ask the daemon of this user; raises `ControlFailure` when it does not say yes."""
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
    """Tell that a majority holds the change; warnings go to stderr, and into the JSON."""
    for warning in answer.get("warnings", ()):
        print(f"qutrio: warning: {clean(warning)}", file=sys.stderr)
    if as_json:
        print_answer(answer)
    else:
        print(clean(f"{what} (revision {answer['revision']})"))


def secret(value: str | None, field: str) -> str | None:
    """Return a secret that was given as `-` (standard input), `@FILE`, or in plain.

    A command line can be read by every user of the machine; the first two cannot.
    """
    if value == "-":
        return sys.stdin.readline(SECRET_FILE_BYTES_MAX).rstrip("\r\n")
    if value is None or not value.startswith("@"):
        return value
    try:
        with Path(value[1:]).open(encoding="utf-8") as file:
            return file.read(SECRET_FILE_BYTES_MAX).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = plain_reason(error) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidValueError(field, f"cannot read {value[1:]!r}: {reason}") from None


def given(**fields: object) -> dict[str, object]:
    """Return the fields that were given: neither None nor an empty list."""
    return {name: value for name, value in fields.items() if value is not None and value != []}
