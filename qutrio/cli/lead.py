"""`qutrio lead`: runs a command on the master."""

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from qutrio.cli.command_groups import verb
from qutrio.errors import InvalidValueError

GRACE_DEFAULT = "10s"
GRACE_S_MAX = 3600.0
KEY_CHARS = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NAME_RULE = "a letter or digit and up to 63 more of them, or of '.', '_' and '-'"

app = verb()


@app.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Example: qutrio lead --name reports -- /usr/local/bin/report-loop",
)
def lead(
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="The program and its arguments.")
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="A name that runs once on a node.  By default the command itself is the name.",
        ),
    ] = None,
    grace: Annotated[
        str, typer.Option("--grace", metavar="TIME", help="Longest time from SIGTERM to SIGKILL.")
    ] = GRACE_DEFAULT,
    once: Annotated[
        bool, typer.Option("--once", help="Exit when the command ends, with its exit code.")
    ] = False,
) -> int:
    """Run a command while this node is master, and never on two nodes at once.

    Start the same command on every node.  It is started when this node becomes master, and
    stopped before another node can be: by SIGTERM, and by SIGKILL after the grace period or
    shortly before the lease ends, whichever is first.  Its environment has QUTRIO_TERM (which
    only grows), QUTRIO_NODE, QUTRIO_CLUSTER and QUTRIO_NAME.  A command that ends by itself is
    started again after a pause, unless `--once` is given.
    """
    from qutrio.cli.leading import Leader, Plan  # noqa: PLC0415 - the help needs none of it
    from qutrio.codec.duration import parse_duration  # noqa: PLC0415
    from qutrio.storage.directories import find_socket  # noqa: PLC0415

    grace_s = parse_duration(grace, "grace")
    if grace_s > GRACE_S_MAX:
        raise InvalidValueError("grace", f"{grace} is too long; at most 1h")
    if name is not None and not NAME.fullmatch(name):
        raise InvalidValueError("name", f"{name[:80]!r} is not {NAME_RULE}")
    if shutil.which(command[0]) is None:
        raise InvalidValueError("command", f"there is no program {command[0]!r} to run")
    plan = Plan(
        words=tuple(command),
        key=_digest(command) if name is None else f"name:{name}",
        name=name or Path(command[0]).name,
        socket=find_socket(os.environ),
        environ=dict(os.environ),
        grace_s=grace_s,
        once=once,
    )
    return Leader(plan).run()


def _digest(words: list[str]) -> str:
    """Return a key for a command without a name."""
    return hashlib.sha256("\0".join(words).encode(errors="surrogateescape")).hexdigest()[:KEY_CHARS]
