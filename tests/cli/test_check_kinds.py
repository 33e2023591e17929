"""`qutrio check add icmp`, `tls` and `dns`: what is typed is what the cluster watches."""

import json

import pytest
from attrs import evolve

from qutrio.cli.exits import ExitCode
from qutrio.model.levels import LEVEL
from tests.cli.in_process import CommandRunner


def upgrade(qutrio: CommandRunner) -> None:
    """Let every member know these kinds."""
    qutrio.scripted.publish(evolve(qutrio.scripted.document, level=LEVEL))


EVERY = ("--interval", "9s", "--timeout", "3s", "--retries", "1", "--resolver", "192.0.2.53")


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (
            ("icmp", "gw", "192.0.2.1", "--ip-family", "4"),
            {"host": "192.0.2.1", "ip_family": "4"},
        ),
        (
            ("tls", "mail", "mail.example.org:993", "--warn-days", "21", "--no-verify-name"),
            {"address": "mail.example.org:993", "warn_days": 21, "verify_name": False},
        ),
        (
            ("tls", "mail", "192.0.2.1:443", "--server-name", "example.org", "--fail-days", "3"),
            {"server_name": "example.org", "fail_days": 3, "verify_chain": True},
        ),
        (
            ("dns", "zone", "example.org", "--record", "mx", "--records", "10 mail.example.org."),
            {"host": "example.org", "record": "mx", "records": ["10 mail.example.org."]},
        ),
        (
            ("dns", "zone", "example.org", "--contains", "192.0.2."),
            {"record": "a", "contains": "192.0.2."},
        ),
    ],
)
async def test_a_check_of_each_kind_is_added_with_its_fields(
    qutrio: CommandRunner, words: tuple[str, ...], fields: dict[str, object]
) -> None:
    upgrade(qutrio)
    added = await qutrio("check", "add", *words, *EVERY)
    assert (added.code, added.out, added.err) == (
        ExitCode.OK,
        f"check {words[1]} added (revision 2)\n",
        "",
    )
    shown = json.loads((await qutrio("check", "show", words[1], "--json")).out)["check"]
    expected = {"kind": words[0], "interval": "9s", "timeout": "3s", "retries": 1}
    expected |= {"resolvers": ["192.0.2.53"], **fields}
    assert {name: shown[name] for name in expected} == expected


async def test_the_fields_of_a_kind_are_edited_and_put_back(qutrio: CommandRunner) -> None:
    upgrade(qutrio)
    await qutrio("check", "add", "dns", "zone", "example.org", "--record", "ns")
    await qutrio("check", "edit", "zone", "--contains", "ns1", "--resolver", "192.0.2.53")
    await qutrio("check", "edit", "zone", "--host", "example.net", "--unset", "record")
    shown = json.loads((await qutrio("check", "show", "zone", "--json")).out)["check"]
    wanted = {"host": "example.net", "record": "a", "contains": "ns1", "resolvers": ["192.0.2.53"]}
    assert {name: shown[name] for name in wanted} == wanted
    wrong = await qutrio("check", "edit", "zone", "--warn-days", "3")
    assert wrong.code == ExitCode.BAD_INPUT
    assert "warn_days: is not a field of a dns check" in wrong.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("icmp", "x", "http://example.org"), "host: 'http://example.org' is a URL"),
        (("icmp", "x", "192.0.2.1", "--ip-family", "6"), "ip_family: 6 excludes '192.0.2.1'"),
        (("tls", "x", "example.org"), "address: 'example.org' is not host:port"),
        (("tls", "x", "h:1", "--fail-days", "20"), "warn_days: must not be below fail_days (20)"),
        (("dns", "x", "192.0.2.1"), "host: '192.0.2.1' is an address; give a name"),
        (("dns", "x", "h", "--record", "srv"), "record: 'srv' is not one of a, aaaa, cname"),
        (("dns", "x", "h", "--contains", "a", "--records", "b"), "give contains or records"),
        (("dns", "x", "h", "--resolver", "dns.example.org"), "resolvers: 'dns.example.org' is not"),
    ],
)
async def test_what_cannot_be_watched_is_refused_in_one_sentence(
    qutrio: CommandRunner, words: tuple[str, ...], problem: str
) -> None:
    refused = await qutrio("check", "add", *words)
    assert refused.code == ExitCode.BAD_INPUT
    assert problem in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize("kind", ["http", "tcp", "icmp", "tls", "dns"])
async def test_every_kind_takes_the_options_that_checks_share(
    qutrio: CommandRunner, kind: str
) -> None:
    upgrade(qutrio)
    await qutrio("alert", "add", "webhook", "ops", "https://example.org/hook")
    target = {"http": "http://example.org/", "icmp": "example.org", "dns": "example.org"}
    dialling = () if kind == "dns" else ("--ip-family", "4", "--each-address")
    words = ("check", "add", kind, "new", target.get(kind, "example.org:443"))
    done = await qutrio(*words, *EVERY, *dialling, "--alert", "ops", "--disabled", "--json")
    assert json.loads(done.out)["name"] == "new"
    check = json.loads((await qutrio("check", "show", "new", "--json")).out)["check"]
    shared = {
        "kind": kind,
        "interval": "9s",
        "timeout": "3s",
        "retries": 1,
        "resolvers": ["192.0.2.53"],
        "alerts": ["ops"],
        "enabled": False,
    }
    assert {name: check[name] for name in shared} == shared
    assert (check.get("ip_family"), check.get("each_address")) == (
        (None, None) if kind == "dns" else ("4", True)
    )
