"""What is allowed and seldom meant: done, and told on stderr and in the JSON."""

import json

import pytest
from attrs import evolve

from tests.cli.in_process import CommandRunner

MAIL = ("alert", "add", "smtp", "m", "--host", "mail", "--from", "a@b.ch", "--to", "c@d.ch")


@pytest.mark.parametrize(
    ("port", "security", "words"),
    [
        ("465", "starttls", "usually speaks TLS from the first byte"),
        ("587", "tls", "usually speaks plain words first"),
    ],
)
async def test_a_mail_port_that_usually_speaks_otherwise_is_told_and_taken(
    qutrio: CommandRunner, port: str, security: str, words: str
) -> None:
    added = await qutrio(*MAIL, "--port", port, "--security", security)
    other = {"tls": "starttls", "starttls": "tls"}[security]
    assert (added.code, added.err.count("\n")) == (0, 1)
    assert added.err.startswith(f"qutrio: warning: port {port} {words}")
    assert f"give --security {other}" in added.err
    mended = await qutrio("alert", "edit", "m", "--security", other)
    assert (mended.code, mended.err) == (0, "")
    again = await qutrio("alert", "edit", "m", "--security", security, "--json")
    assert words in json.loads(again.out)["warnings"][0]


async def test_an_address_that_only_its_own_machine_can_dial_is_told_and_taken(
    qutrio: CommandRunner,
) -> None:
    scripted = qutrio.scripted
    far = (
        evolve(m, address=f"192.0.2.{n}:9901") for n, m in enumerate(scripted.document.members, 1)
    )
    scripted.publish(evolve(scripted.document, members=tuple(far)))
    moved = await qutrio("node", "edit", "b", "--address", "127.0.0.1:9901")
    assert moved.code == 0
    assert moved.err == (
        "qutrio: warning: the other nodes cannot dial 127.0.0.1:9901,"
        " an address of its machine alone\n"
    )
    assert (await qutrio("node", "edit", "b", "--name", "c")).err == ""
