"""Certificates: validity, names, and the sentences about both."""

import datetime

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from qutrio.model.ids import CheckId, UnixTime
from qutrio.model.tls_check import TlsCheck
from qutrio.probes.certificates import Period, is_for, judge_dates, period_of, read_certificate

DAY_S = 86_400.0
NOW = UnixTime(1_800_000_000.0)
CHECK = TlsCheck(id=CheckId("c1"), name="mail", address="mail:993", warn_days=14, fail_days=3)


def period(days: float, subject: str = "mail", begins_days: float = -90.0) -> Period:
    return Period(subject, UnixTime(NOW + begins_days * DAY_S), UnixTime(NOW + days * DAY_S))


@pytest.mark.parametrize(
    ("days", "valid", "words"),
    [
        (65, True, "certificate valid until 2027-03-21 (65 days)"),
        (14, True, "certificate valid until 2027-01-29 (14 days)"),
        (13.9, True, "WARNING: certificate expires in 13 days, on 2027-01-29"),
        (3, True, "WARNING: certificate expires in 3 days, on 2027-01-18"),
        (
            2.9,
            False,
            "certificate expires in 2 days, on 2027-01-18; fewer than 3 days are a failure",
        ),
        (
            0.2,
            False,
            "certificate expires in 4 hours, on 2027-01-15; fewer than 3 days are a failure",
        ),
        (-0.01, False, "certificate expired 14 minutes ago, on 2027-01-15"),
        (-40, False, "certificate expired 40 days ago, on 2026-12-06"),
    ],
)
def test_the_days_that_are_left_decide(days: float, valid: bool, words: str) -> None:
    judged = judge_dates([period(days)], CHECK, NOW)
    assert (judged.valid, judged.words) == (valid, words)


def test_the_certificate_of_the_chain_that_ends_first_counts() -> None:
    judged = judge_dates([period(60), period(5, "Some CA"), period(900)], CHECK, NOW)
    assert judged.valid
    expected = "WARNING: certificate of the issuer Some CA expires in 5 days, on 2027-01-20"
    assert judged.words == expected


def test_a_certificate_that_is_not_valid_yet_is_a_failure() -> None:
    judged = judge_dates([period(60, begins_days=1)], CHECK, NOW)
    assert not judged.valid
    assert judged.words == "certificate is not valid before 2027-01-16"


def issued(*names: str) -> x509.Certificate:
    end = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)
    leaf = trustme.CA().issue_cert(*names, not_after=end, common_name="mail")
    der = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    return read_certificate(der.public_bytes(Encoding.DER))


def test_a_certificate_is_for_its_names_and_addresses() -> None:
    certificate = issued("mail.example.org", "*.shop.example.org", "192.0.2.1", "2001:db8::1")
    for name in ("mail.example.org", "a.shop.example.org", "192.0.2.1", "2001:db8::1"):
        assert is_for(certificate, name)
    for name in ("example.org", "a.b.shop.example.org", "192.0.2.2", "2001:db8::2", "ü"):
        assert not is_for(certificate, name)


def test_a_certificate_is_described_by_subject_and_dates() -> None:
    read = period_of(issued("mail.example.org"))
    assert read.subject == "mail"
    assert read.ends_unix == datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC).timestamp()
    assert read.begins_unix < read.ends_unix


def test_bytes_that_are_no_certificate_are_refused() -> None:
    with pytest.raises(ValueError, match="error parsing"):
        read_certificate(b"nothing")
