"""Every field of the codec's table is an option, with its help and its completion."""

from typing import Any

import pytest
import typer

from qutrio.cli import alert, alert_add, check, check_add
from qutrio.cli.field_options import NOT_OPTIONS, option_of
from qutrio.codec.channel_fields import CHANNEL_FIELDS, CHANNELS
from qutrio.codec.check_fields import CHECK_FIELDS, CHECKS
from qutrio.codec.field import Field, Kinds
from qutrio.model.check_base import IpFamily
from qutrio.model.dns_check import RecordType

NOUNS = [
    (CHECKS, CHECK_FIELDS, check_add, check),
    (CHANNELS, CHANNEL_FIELDS, alert_add, alert),
]
KINDS = [
    pytest.param(kinds.known[kind], table, add.app, kind, noun.app, id=kind)
    for kinds, table, add, noun in NOUNS
    for kind in kinds.known
]


def parameters(app: typer.Typer, command: str) -> dict[str, Any]:
    """Return the parameters of one command by the fields that they set."""
    group: Any = typer.main.get_command(app)
    return {p.name: p for p in group.commands[command].params}


@pytest.mark.parametrize(("cls", "table", "add", "kind", "noun"), KINDS)
def test_each_field_is_an_option_of_add_and_of_edit_with_a_help(
    cls: type,
    table: dict[type, tuple[Field, ...]],
    add: typer.Typer,
    kind: str,
    noun: typer.Typer,
) -> None:
    adding, editing = parameters(add, kind), parameters(noun, "edit")
    for field in table[cls]:
        if field.name in NOT_OPTIONS:
            continue
        assert field.help or field.name == "enabled"
        if field.name != "enabled":
            shown = adding[field.name]
            assert field.help.rstrip(".") in shown.help
            positional = shown.param_type_name == "argument"
            assert positional or shown.opts[0] == option_of(field).split("/")[0]
        if field.help:
            assert field.help.rstrip(".") in editing[field.name].help or field.name == "host"


@pytest.mark.parametrize("kinds", [CHECKS, CHANNELS])
def test_each_kind_has_a_command(kinds: Kinds) -> None:
    known = check_add.KINDS if kinds is CHECKS else alert_add.KINDS
    assert known.keys() == kinds.known.keys()


def test_the_words_of_a_field_are_shown_and_completed() -> None:
    record = parameters(check_add.app, "dns")["record"]
    words = [member.value for member in RecordType]
    assert record.metavar == "|".join(words)
    assert [item.value for item in record.shell_complete(None, "")] == words
    family = parameters(check.app, "edit")["ip_family"]
    assert family.metavar == "|".join(str(member.value) for member in IpFamily)


def test_the_help_of_edit_names_the_kinds_that_have_a_field() -> None:
    editing = parameters(check.app, "edit")
    assert editing["interval"].help == "Time between probes [30s]."
    assert editing["warn_days"].help.endswith("[14] (tls).")
    assert editing["address"].help == "Where to connect (tcp, tls)."
