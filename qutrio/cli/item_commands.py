"""Makes the commands that add and edit checks and alert channels, from their fields."""

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Annotated, Any, Final

import typer

from qutrio.cli.field_options import (
    argument,
    fields_of,
    fields_of_all,
    is_required,
    option,
    parameter,
    values_of,
)
from qutrio.cli.options import AsJson, Unset
from qutrio.cli.requests import ask, committed, given
from qutrio.codec.field import NAMED, Field, Kinds

_AS_JSON: Final = parameter("as_json", AsJson, default=False)
_NEW_NAME: Final = Annotated[str | None, typer.Option("--name", help="Rename it.")]
_DISABLED: Final = parameter(
    "disabled",
    Annotated[bool, typer.Option("--disabled", help="Add it without probing it yet.")],
    default=False,
)
TARGETS: Final = frozenset({"url", "address", "host"})
_SECTIONS: Final = {"check": "check", "alert": "channel"}
"""The field of a request that holds the new item."""
_EDITING: Final = {
    "check": ("a check", "web --interval 10s --unset body_contains"),
    "alert": ("an alert channel", "ops --to oncall@example.org"),
}


def register_add(
    app: typer.Typer, noun: str, kinds: Kinds, about: Mapping[str, tuple[str, str]]
) -> None:
    """Add to `app` a command for each kind; `about` has its summary and an example.

    A field that says where to connect or send is an argument if it alone is required.
    """
    for kind, (summary, example) in about.items():
        known = fields_of(kinds.known[kind], {"enabled"})
        required = {field.name for field in known if is_required(kinds.known[kind], field)}
        target = required & TARGETS if len(required) == 1 else set()
        parameters = [
            argument(NAMED[1]),
            *(argument(f) for f in known if f.name in target),
            *(option(f, required=f.name in required) for f in known if f.name not in target),
            *([_DISABLED] if noun == "check" else []),
            _AS_JSON,
        ]
        epilog = f"Example: qutrio {noun} add {kind} {example}"
        run = partial(_add, noun, kind, known)
        app.command(kind, help=summary, epilog=epilog)(_command(run, parameters))


def _add(noun: str, kind: str, known: list[Field], **params: Any) -> None:
    name = params["name"]
    item = {"kind": kind, "name": name, **values_of(known, params)}
    if params.get("disabled"):
        item["enabled"] = False
    answer = ask(f"{noun}.add", **{_SECTIONS[noun]: item})
    committed(f"{noun} {name} added", answer, as_json=params["as_json"])


def register_edit(
    app: typer.Typer, noun: str, kinds: Kinds, name: Any, *, without: Collection[str] = ()
) -> None:
    """Add to `app` the command that edits an item; `name` is the argument that names it.

    The fields in `without` have commands of their own.
    """
    known = fields_of_all(kinds, without)
    what, example = _EDITING[noun]
    parameters = [
        parameter("name", name),
        parameter("new_name", _NEW_NAME, default=None),
        *map(option, known),
        parameter("unset", Unset, default=None),
        _AS_JSON,
    ]
    summary = f"Change the given fields of {what} and keep the others."
    epilog = f"Example: qutrio {noun} edit {example}"
    run = partial(_edit, noun, known)
    app.command("edit", help=summary, epilog=epilog)(_command(run, parameters))


def _edit(noun: str, known: list[Field], **params: Any) -> None:
    changes = given(name=params["new_name"], **values_of(known, params))
    unset = params["unset"] or []
    answer = ask(f"{noun}.edit", name=params["name"], set=changes, unset=unset)
    committed(f"{noun} {answer['name']} changed", answer, as_json=params["as_json"])


def _command(run: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """Return a command with these parameters, which calls `run` with their values."""

    def command(**params: Any) -> None:
        run(**params)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command
