"""`qutrio check add`: one command for each kind of check, with an option for each of its fields."""

from functools import partial
from typing import Annotated, Any, Final

import typer

from qutrio.cli.command_groups import command_group
from qutrio.cli.field_options import argument, command, fields_of, option, parameter, values_of
from qutrio.cli.options import AsJson
from qutrio.cli.requests import ask, committed
from qutrio.codec.check_fields import CHECKS
from qutrio.codec.field import NAMED, Field

app = command_group("Add a check.", "check add http web https://example.org/")

KINDS: Final = {
    "http": (
        "Watch a web page or an HTTP service.",
        "http web https://example.org/ --interval 30s",
    ),
    "tcp": (
        "Watch a TCP port, which must accept connections.",
        "tcp database db.example.org:5432",
    ),
    "icmp": (
        "Watch a host, which must answer a ping (ICMP echo).",
        "icmp gateway 192.0.2.1",
    ),
    "tls": (
        "Watch a TLS server and the remaining validity of its certificate.",
        "tls mail mail.example.org:993 --warn-days 21",
    ),
    "dns": (
        "Watch a DNS name, which must have records, or exactly the given ones.",
        "dns zone example.org --record mx --contains mail.",
    ),
}
"""What each kind is for, and an example."""
_DISABLED: Final = parameter(
    "disabled",
    Annotated[bool, typer.Option("--disabled", help="Add it without probing it yet.")],
    default=False,
)


def _add(kind: str, known: list[Field], **params: Any) -> None:
    name = params["name"]
    check = {"kind": kind, "name": name, **values_of(known, params)}
    if params["disabled"]:
        check["enabled"] = False
    committed(f"check {name} added", ask("check.add", check=check), as_json=params["as_json"])


def _register(kind: str, summary: str, example: str) -> None:
    target, *others = known = fields_of(CHECKS.known[kind], {"enabled"})
    parameters = [argument(NAMED[1]), argument(target), *map(option, others), _DISABLED]
    parameters.append(parameter("as_json", AsJson, default=False))
    epilog = f"Example: qutrio check add {example}"
    made = command(partial(_add, kind, known), parameters)
    app.command(kind, help=summary, epilog=epilog)(made)


for _kind, (_summary, _example) in KINDS.items():
    _register(_kind, _summary, _example)
