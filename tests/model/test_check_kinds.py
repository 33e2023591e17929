"""The checks of hosts, certificates and names: what they show, and what they refuse."""

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


def test_each_kind_shows_what_it_looks_at() -> None:
    assert IcmpCheck(id=C1, name="gateway", host="192.0.2.1").target == "192.0.2.1"
    assert tls().target == "mail.example.org:993"
    assert dns(record=RecordType.MX).target == "example.org MX"


@pytest.mark.parametrize("host", ["", "http://example.org", "a b", "h:80", "[::1]", "1.2.3"])
def test_a_host_that_cannot_be_looked_up_is_refused(host: str) -> None:
    for make in (lambda: IcmpCheck(id=C1, name="gateway", host=host), lambda: dns(host=host)):
        with pytest.raises(InvalidValueError) as caught:
            make()
        assert caught.value.field == "host"


def test_an_address_is_not_a_name_to_ask_for() -> None:
    with pytest.raises(InvalidValueError, match="is an address; give a name"):
        dns(host="192.0.2.1")


def test_an_address_of_a_family_that_is_excluded_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="excludes '192"):
        IcmpCheck(id=C1, name="gateway", host="192.0.2.1", ip_family=IpFamily.V6)
    with pytest.raises(InvalidValueError, match="excludes '192"):
        tls(address="192.0.2.1:443", ip_family=IpFamily.V6)


def test_the_bound_of_failure_lies_within_that_of_warning() -> None:
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
def test_an_expected_address_of_the_family_of_the_record_is_taken(
    record: RecordType, value: str
) -> None:
    assert dns(record=record, records=(value,)).records == (value,)


@pytest.mark.parametrize(
    ("record", "value", "words"),
    [
        (RecordType.MX, "mail.example.org", "write '10 mail.example.org', with its own number"),
        (RecordType.MX, "010 mail.example.org", "write '10 mail.example.org'"),
        (RecordType.MX, "65536 mail.example.org", "is not the preference and the name"),
        (RecordType.MX, "10", "is not the preference and the name"),
        (RecordType.MX, "10 mail example.org", "is not the preference and the name"),
        (RecordType.MX, "10 192.0.2.1", "is not the preference and the name"),
        (RecordType.CNAME, "www example.org", "is not a name, which a record of type cname is"),
        (RecordType.CNAME, "192.0.2.1", "is not a name"),
        (RecordType.CNAME, "a..b", "is not a name"),
        (RecordType.CNAME, "münchen.example", "is not a name"),
        (RecordType.NS, "10 ns1.example.org", "is not a name, which a record of type ns is"),
        (RecordType.NS, "2001:db8::53", "is not a name"),
        (RecordType.NS, "x" * 64 + ".example.org", "is not a name"),
    ],
)
def test_an_expected_record_has_the_form_of_its_type(
    record: RecordType, value: str, words: str
) -> None:
    with pytest.raises(InvalidValueError, match=words) as caught:
        dns(record=record, records=(value,))
    assert caught.value.field == "records"


@pytest.mark.parametrize(
    ("record", "value"),
    [
        (RecordType.MX, "10 mail.example.org"),
        (RecordType.MX, "0 MAIL.example.org."),
        (RecordType.MX, " 10\t mail.example.org. "),
        (RecordType.MX, "0 ."),
        (RecordType.CNAME, "1.0/25.2.0.192.in-addr.arpa."),
        (RecordType.CNAME, "_dmarc.*.Example.org"),
        (RecordType.CNAME, r"a\.b\032c.example.org"),
        (RecordType.NS, "."),
        (RecordType.TXT, '"v=spf1 -all" \u00fc'),
    ],
)
def test_an_expected_record_that_an_answer_may_hold_is_taken(
    record: RecordType, value: str
) -> None:
    assert dns(record=record, records=(value,)).records == (value,)


@pytest.mark.parametrize(
    ("record", "text"),
    [(r, "") for r in RecordType] + [(RecordType.MX, " . "), (RecordType.NS, " ")],
)
def test_a_text_that_every_record_holds_is_no_condition(record: RecordType, text: str) -> None:
    with pytest.raises(InvalidValueError, match="is in every record; give more") as caught:
        dns(record=record, contains=text)
    assert caught.value.field == "contains"


def test_a_blank_is_a_condition_where_blanks_count() -> None:
    assert dns(record=RecordType.TXT, contains=" ").contains == " "


def test_an_answer_has_one_expectation_at_most() -> None:
    assert dns(contains="mail").contains == "mail"
    with pytest.raises(InvalidValueError, match="not both"):
        dns(contains="mail", records=("192.0.2.1",))
