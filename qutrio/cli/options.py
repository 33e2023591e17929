"""Options that several commands share, each with its help."""

from typing import Annotated, TypeAlias

import typer

from qutrio.cli import completing as tab
from qutrio.errors import InvalidValueError

SECRET_HELP = "'-' reads it from standard input, '@FILE' from a file; '@@' means '@'."  # noqa: S105


def not_empty(parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse an option that is there and empty, as from a variable of a shell that is not set."""
    if value == "":
        raise InvalidValueError(parameter.opts[0], "is empty; give a value, or leave it out")
    return value


AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Directory: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--dir",
        envvar="QUTRIO_DIR",
        metavar="PATH",
        help="The data directory.",
        callback=not_empty,
    ),
]
NodeName: TypeAlias = Annotated[
    str | None,
    typer.Option("--name", envvar="QUTRIO_NAME", help="This node's name.", callback=not_empty),
]
Advertise: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--advertise",
        envvar="QUTRIO_ADVERTISE",
        metavar="HOST:PORT",
        help="The address that other nodes dial.",
        callback=not_empty,
    ),
]
Bind: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--bind",
        envvar="QUTRIO_BIND",
        metavar="ADDRESS",
        help="Where to listen.",
        callback=not_empty,
    ),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option("--port", envvar="QUTRIO_PORT", min=1, max=65535, help="TCP port for nodes."),
]
Unset: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="FIELD", help="Reset a field to its default; repeatable."),
]

CheckName: TypeAlias = Annotated[
    str, typer.Argument(help="The check's name or id.", autocompletion=tab.check_names)
]
ChannelName: TypeAlias = Annotated[
    str, typer.Argument(help="The alert channel's name or id.", autocompletion=tab.channel_names)
]
