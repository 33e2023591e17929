"""`qutrio alert add`: one command for each kind of channel, with an option for each field."""

from functools import partial
from typing import Any, Final

from qutrio.cli.command_groups import command_group
from qutrio.cli.field_options import (
    argument,
    command,
    fields_of,
    is_required,
    option,
    parameter,
    values_of,
)
from qutrio.cli.options import AsJson
from qutrio.cli.requests import ask, committed
from qutrio.codec.channel_fields import CHANNELS
from qutrio.codec.field import NAMED, Field

app = command_group("Add an alert channel.", "alert add webhook ops https://hooks.example.org/x")

KINDS: Final = {
    "smtp": (
        "Send notices by mail.",
        "smtp ops --host mail.example.org --from qutrio@example.org --to oncall@example.org",
    ),
    "webhook": (
        "Send notices to a program: JSON by POST, signed when a secret is given.",
        "webhook hook https://example.org/hook",
    ),
    "discord": (
        "Send notices to a Discord channel through its webhook.",
        "discord team @/root/discord-webhook-url",
    ),
}
"""What each kind is for, and an example."""


def _add(kind: str, known: list[Field], **params: Any) -> None:
    name = params["name"]
    channel = {"kind": kind, "name": name, **values_of(known, params)}
    committed(f"alert {name} added", ask("alert.add", channel=channel), as_json=params["as_json"])


def _register(kind: str, summary: str, example: str) -> None:
    cls = CHANNELS.known[kind]
    known = fields_of(cls, {"enabled"})
    parameters = [argument(NAMED[1])]
    for field in known:
        required = is_required(cls, field)
        alone = required and field.name == "url"
        parameters.append(argument(field) if alone else option(field, required=required))
    parameters.append(parameter("as_json", AsJson, default=False))
    epilog = f"Example: qutrio alert add {example}"
    made = command(partial(_add, kind, known), parameters)
    app.command(kind, help=summary, epilog=epilog)(made)


for _kind, (_summary, _example) in KINDS.items():
    _register(_kind, _summary, _example)
