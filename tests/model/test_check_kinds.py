"""The checks of hosts, certificates and names: what they show, and what is refused."""

from typing import Any

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.check_base import IpFamily
from qutrio.model.dns_check import RECORD_CHARS_MAX, RECORDS_EXPECTED_MAX, DnsCheck, RecordType
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.ids import CheckId
from qutrio.model.tls_check import TlsCheck

C1 = CheckId("c1")


def dns(**fields: Any) -> DnsCheck:
    return DnsCheck(id=C1, name="zone", **{"host": "example.org", **fields})


def tls(**fields: Any) -> TlsCheck:
    return TlsCheck(id=C1, name="mail", **{"address": "mail.example.org:993", **fields})


def test_each_kind_shows_its_target() -> None:
    assert IcmpCheck(id=C1, name="gateway", host="192.0.2.1").target == "192.0.2.1"
    assert tls().target == "mail.example.org:993"
    assert dns(record=RecordType.MX).target == "example.org MX"


@pytest.mark.parametrize("host", ["", "http://example.org", "a b", "h:80", "[::1]", "1.2.3"])
def test_a_host_that_cannot_be_looked_up_is_refused(host: str) -> None:
    for make in (lambda: IcmpCheck(id=C1, name="gateway", host=host), lambda: dns(host=host)):
        with pytest.raises(InvalidValueError) as caught:
            make()
        assert caught.value.field == "host"


def test_an_address_is_refused_as_the_name_of_a_dns_check() -> None:
    with pytest.raises(InvalidValueError, match="is an address; give a name"):
        dns(host="192.0.2.1")


def test_an_address_of_a_family_that_is_excluded_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="excludes '192"):
        IcmpCheck(id=C1, name="gateway", host="192.0.2.1", ip_family=IpFamily.V6)
    with pytest.raises(InvalidValueError, match="excludes '192"):
        tls(address="192.0.2.1:443", ip_family=IpFamily.V6)


def test_the_days_before_failure_are_fewer_than_those_before_warning() -> None:
    assert tls(warn_days=7, fail_days=7).fail_days == 7
    with pytest.raises(InvalidValueError, match=r"warn_days.*must not be below fail_days \(21\)"):
        tls(fail_days=21)


@pytest.mark.parametrize(
    ("field", "value"), [("address", "mail"), ("address", "a b:1"), ("server_name", "a b")]
)
def test_a_tls_server_that_cannot_be_asked_is_refused(field: str, value: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        tls(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "records",
    [
        ("a", "a"),
        ("",),
        ("x" * (RECORD_CHARS_MAX + 1),),
        tuple(str(n) for n in range(RECORDS_EXPECTED_MAX + 1)),
    ],
)
def test_a_set_of_records_that_no_answer_could_match_is_refused(records: tuple[str, ...]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        dns(records=records)
    assert caught.value.field == "records"


@pytest.mark.parametrize(
    ("record", "value", "words"),
    [
        (RecordType.A, "notanip", "'notanip' is not an IPv4 address, .* such as 192.0.2.1"),
        (RecordType.A, "192.0.2.1 ", "is not an IPv4 address"),
        (RecordType.AAAA, "notanip", "is not an IPv6 address, .* such as 2001:db8::1"),
        (RecordType.AAAA, "fe80::1%eth0", "is not an IPv6 address"),
        (RecordType.A, "2001:db8::1", "is an IPv6 address, .* or set record to aaaa"),
        (RecordType.AAAA, "192.0.2.1", "is an IPv4 address, .* or set record to a$"),
    ],
)
def test_expected_addresses_must_be_of_the_family_of_the_record(
    record: RecordType, value: str, words: str
) -> None:
    with pytest.raises(InvalidValueError, match=words) as caught:
        dns(record=record, records=(value,))
    assert caught.value.field == "records"
    assert dns(record=RecordType.TXT, records=(value,)).records == (value,)


@pytest.mark.parametrize(
    ("record", "value"), [(RecordType.A, "192.0.2.1"), (RecordType.AAAA, "2001:db8::1")]
)
def test_an_expected_address_of_the_family_of_the_record_is_accepted(
    record: RecordType, value: str
) -> None:
    assert dns(record=record, records=(value,)).records == (value,)


def test_an_answer_has_one_expectation_at_most() -> None:
    assert dns(contains="mail").contains == "mail"
    with pytest.raises(InvalidValueError, match="not both"):
        dns(contains="mail", records=("192.0.2.1",))
