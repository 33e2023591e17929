"""Makes options of the fields of checks and channels, with their help and their completion.

The table of the codec lists the fields; only what belongs to the command line is listed here.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Annotated, Any, Final

import attrs
import typer

from qutrio.cli import completing as tab
from qutrio.cli.inputs import Inputs
from qutrio.cli.options import SECRET_HELP
from qutrio.cli.requests import given
from qutrio.codec import fields
from qutrio.codec.field import Field, Kinds
from qutrio.codec.plain_fields import FIELDS

NOT_OPTIONS: Final = frozenset({"id", "name", "changed"})
"""Fields that commands treat apart, and the one that the cluster counts itself."""
OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "headers": "--header",
        "alerts": "--alert",
        "resolvers": "--resolver",
        "sender": "--from",
        "recipients": "--to",
        "each_address": "--each-address/--any-address",
        "enabled": "--enable/--disable",
    }
)
"""Options that are not called as their field is."""
LISTS: Final = (fields.texts, fields.listed, fields.headers, fields.status_ranges)
COMPLETION: Final[Mapping[str, Callable[[str], list[str]]]] = MappingProxyType(
    {"alerts": tab.channel_names}
)


def option_of(known: Field) -> str:
    """Return the option of a field; a flag has two."""
    name = known.name.replace("_", "-")
    usual = f"--{name}/--no-{name}" if known.read is fields.flag else f"--{name}"
    return OPTIONS.get(known.name, usual)


def fields_of(cls: type, without: Iterable[str] = ()) -> list[Field]:
    """Return the fields of a class that are options or arguments, except those in `without`."""
    return [f for f in FIELDS[cls] if f.name not in NOT_OPTIONS.union(without)]


def fields_of_all(kinds: Kinds, without: Iterable[str] = ()) -> list[Field]:
    """Return the fields of all kinds; the help of one that some lack names those that have it."""
    known = {kind: fields_of(cls, without) for kind, cls in kinds.known.items()}
    first: dict[str, Field] = {}
    for field in chain(*known.values()):
        first.setdefault(field.name, field)

    def of_some(field: Field) -> Field:
        having = [
            kind for kind, of_kind in known.items() if field.name in {f.name for f in of_kind}
        ]
        if len(having) == len(known):
            return field
        return attrs.evolve(field, help=f"{field.help.rstrip('.')} ({', '.join(having)}).")

    return [of_some(field) for field in first.values()]


def is_required(cls: type, known: Field) -> bool:
    """Return whether a class has no default for a field."""
    return getattr(attrs.fields(cls), known.attribute or known.name).default is attrs.NOTHING


def argument(known: Field) -> inspect.Parameter:
    """Return the positional argument for a field."""
    shown = typer.Argument(help=_help(known), metavar=known.form or None)
    return parameter(known.name, Annotated[str, shown])


def option(known: Field, *, required: bool = False) -> inspect.Parameter:
    """Return the option for a field."""
    kind: Any = str
    if known.read in LISTS:
        kind = list[str]
    elif known.read in {fields.whole, fields.flag}:
        kind = int if known.read is fields.whole else bool
    shown = typer.Option(
        option_of(known),
        help=_help(known),
        metavar="|".join(known.words) or known.form or None,
        autocompletion=tab.words(*known.words) if known.words else COMPLETION.get(known.name),
    )
    if required:
        return parameter(known.name, Annotated[kind, shown])
    return parameter(known.name, Annotated[kind | None, shown], default=None)


def parameter(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    """Return a parameter of a command."""
    only = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, only, annotation=annotation, default=default)


def values_of(known: Iterable[Field], params: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields that were given, in the form that the daemon reads.

    Raises `InvalidValueError` for a value that cannot be read.
    """
    inputs = Inputs()
    return given(**{f.name: _value(f, params[f.name], inputs) for f in known if f.name in params})


def _value(known: Field, value: Any, inputs: Inputs) -> object:
    if known.read is fields.headers:
        return inputs.headers(value)
    if known.read is fields.status_ranges:
        return status_codes(value)
    if known.mask is None:
        return value
    name = option_of(known)
    return inputs.text(value, name) if known.multiline else inputs.line(value, name)


def _help(known: Field) -> str:
    if known.mask is None:
        return known.help
    if known.read is fields.headers:
        return f"{known.help}  Of its value, or of whole lines: {SECRET_HELP}"
    return f"{known.help.rstrip('.')}; {SECRET_HELP}"


def status_codes(texts: list[str] | None) -> list[object] | None:
    """Return texts such as `200,300-399` as the codes and ranges that the daemon reads."""
    if not texts:
        return None
    parts = [part.strip() for text in texts for part in text.split(",")]
    return [int(part) if part.isascii() and part.isdigit() else part for part in parts]
