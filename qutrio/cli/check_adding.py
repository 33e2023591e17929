"""Makes the commands of `check add` from the fields that are specific to each kind of check.

The options that several kinds share are added here.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

import typer

from qutrio.cli import options as opt
from qutrio.cli.check_fields import RENAMED
from qutrio.cli.requests import ask, committed, given

Own: TypeAlias = Callable[..., dict[str, object]]
"""Takes the argument and options that are specific to one kind; returns fields of the check."""

_NAME: Final = {
    "name": Annotated[
        str, typer.Argument(help="A name for people: letters, digits, '.', '_', '-'.")
    ]
}
_TIMES: Final = {"interval": opt.Interval, "timeout": opt.Timeout, "retries": opt.Retries}
_DIALLING: Final = {"ip_family": opt.IpFamily, "each_address": opt.EachAddress}
_LAST: Final = {
    "resolver": opt.Resolvers,
    "alert": opt.Alerts,
    "disabled": opt.Disabled,
    "as_json": opt.AsJson,
}
_FLAGS: Final = frozenset({"disabled", "as_json"})


def watches(app: typer.Typer, example: str, *, dials: bool = True) -> Callable[[Own], Own]:
    """Return a decorator that adds a command to `app`, named after the kind of check it adds.

    `example` follows `qutrio check add`.  With `dials`, the command has the options of checks
    that connect to addresses.
    """

    def register(own: Own) -> Own:
        command = _command(own, dials=dials)
        app.command(own.__name__, help=own.__doc__, epilog=f"Example: qutrio check add {example}")(
            command
        )
        return own

    return register


def _command(own: Own, *, dials: bool) -> Callable[..., None]:
    mine = inspect.signature(own).parameters

    def command(**params: Any) -> None:
        name, as_json, disabled = (params.pop(n) for n in ("name", "as_json", "disabled"))
        fields = own(**{n: params.pop(n) for n in mine})
        shared = {RENAMED.get(n, n): value for n, value in params.items()}
        check = given(kind=own.__name__, name=name, enabled=not disabled, **fields, **shared)
        committed(f"check {name} added", ask("check.add", check=check), as_json=as_json)

    target, *others = mine.values()
    parameters = [
        *_required(_NAME),
        target,
        *_optional(_TIMES),
        *others,
        *_optional(_DIALLING if dials else {}),
        *_optional(_LAST),
    ]
    keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    command.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _required(options: dict[str, Any]) -> list[inspect.Parameter]:
    only = inspect.Parameter.KEYWORD_ONLY
    return [inspect.Parameter(n, only, annotation=a) for n, a in options.items()]


def _optional(options: dict[str, Any]) -> list[inspect.Parameter]:
    """Return optional parameters: flags default to false, others to None."""
    return [p.replace(default=False if p.name in _FLAGS else None) for p in _required(options)]
