"""Hosts of checks without a URL: stored in ASCII, shown as people write them."""

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.addresses import require_address
from qutrio.model.ascii_hosts import shown_host, stored_address, stored_host
from qutrio.model.checks import Check, TcpCheck
from qutrio.model.dns_check import DnsCheck, RecordType
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.ids import CheckId
from qutrio.model.tls_check import TlsCheck

C1 = CheckId("c1")


@pytest.mark.parametrize(
    ("given_as", "stored"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example.", "xn--bcher-kva.example."),
        ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("Example.org", "Example.org"),
    ],
)
def test_a_host_is_stored_in_ascii(given_as: str, stored: str) -> None:
    assert stored_host(given_as) == stored
    assert stored_host(stored) == stored
    assert stored_address(f"{given_as}:80") == f"{stored}:80"


def test_every_kind_of_check_stores_ascii_and_shows_both_forms() -> None:
    shown = {
        TcpCheck(id=C1, name="a", address="bücher.example:80"): (
            "xn--bcher-kva.example:80 (bücher.example:80)"
        ),
        IcmpCheck(id=C1, name="a", host="bücher.example"): (
            "xn--bcher-kva.example (bücher.example)"
        ),
        TlsCheck(id=C1, name="a", address="bücher.example:443"): (
            "xn--bcher-kva.example:443 (bücher.example:443)"
        ),
        DnsCheck(id=C1, name="a", host="bücher.example", record=RecordType.MX): (
            "xn--bcher-kva.example (bücher.example) MX"
        ),
    }
    for check, target in shown.items():
        assert check.target == target
        check.require_dialable(None)
    named = TlsCheck(id=C1, name="a", address="192.0.2.1:443", server_name="bücher.example")
    assert named.server_name == "xn--bcher-kva.example"


@pytest.mark.parametrize("host", ["xn--99999999999.example", "example.org"])
def test_a_host_with_only_one_readable_form_is_shown_once(host: str) -> None:
    assert shown_host(host) == host


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("ä b.example", "holds a blank"),
        ("http://bücher.example", "is a URL; write 'bücher.example"),
        ("ä..example", "it has no ASCII form"),
        ("ä" * 60, "it has no ASCII form"),
        ("aא.example", "it has no ASCII form"),
        ("ä" * 2000, "characters long"),
    ],
)
def test_a_host_without_an_ascii_form_is_refused(host: str, words: str) -> None:
    def tcp() -> Check:
        check = TcpCheck(id=C1, name="a", address=f"{host}:80")
        check.require_dialable(None)
        return check

    for make in (
        tcp,
        lambda: TlsCheck(id=C1, name="a", address=f"{host}:80"),
        lambda: IcmpCheck(id=C1, name="a", host=host),
        lambda: DnsCheck(id=C1, name="a", host=host),
    ):
        with pytest.raises(InvalidValueError, match=words):
            make()


def test_fields_for_ascii_only_name_the_form_to_write() -> None:
    with pytest.raises(InvalidValueError, match=r"write 'xn--bcher-kva\.example'"):
        require_address("bücher.example:7801")
