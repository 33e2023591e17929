"""Options that several commands share, each with its help."""

from typing import Annotated, Any, TypeAlias

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


def _setting(name: str, help_: str, form: str | None = None) -> Any:
    """Return an option that a variable of the environment may give too."""
    variable = f"QUTRIO_{name.upper()}"
    return typer.Option(f"--{name}", envvar=variable, metavar=form, help=help_, callback=not_empty)


Directory: TypeAlias = Annotated[str | None, _setting("dir", "The data directory.", "PATH")]
NodeName: TypeAlias = Annotated[str | None, _setting("name", "This node's name.")]
Advertise: TypeAlias = Annotated[
    str | None, _setting("advertise", "The address that other nodes dial.", "HOST:PORT")
]
Bind: TypeAlias = Annotated[str | None, _setting("bind", "Where to listen.", "ADDRESS")]
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
