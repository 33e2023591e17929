"""Judges the certificates that a TLS server sent: their dates and their names.

Dates are compared with this node's wall clock.  In a verified chain every certificate counts,
because clients refuse a chain when one of its certificates has expired.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor

from attrs import frozen
from cryptography import x509
from cryptography.x509.oid import NameOID
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)

from qutrio.model.addresses import literal_version
from qutrio.model.ids import UnixTime
from qutrio.model.tls_check import TlsCheck

DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60
SUBJECT_CHARS_MAX = 60


@frozen
class Period:
    """The time in which a certificate is valid, in seconds since 1970 UTC."""

    subject: str
    begins_unix: UnixTime
    ends_unix: UnixTime


@frozen(kw_only=True)
class Validity:
    """The verdict on the dates of a chain, in words such as `expires in 5 days`."""

    valid: bool
    words: str


def read_certificate(der: bytes) -> x509.Certificate:
    """Return a certificate; raises `ValueError` for one that cannot be parsed."""
    return x509.load_der_x509_certificate(der)


def period_of(certificate: x509.Certificate) -> Period:
    """Return the subject and the dates of a certificate; raises `ValueError`."""
    return Period(
        subject=_subject(certificate),
        begins_unix=UnixTime(certificate.not_valid_before_utc.timestamp()),
        ends_unix=UnixTime(certificate.not_valid_after_utc.timestamp()),
    )


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """Return whether a certificate is for this host name or literal address."""
    try:
        if literal_version(name) is not None:
            verify_certificate_ip_address(certificate, name)
        else:
            verify_certificate_hostname(certificate, name)
    except (VerificationError, CertificateError, ValueError):
        return False
    return True


def judge_dates(chain: Sequence[Period], check: TlsCheck, wall: UnixTime) -> Validity:
    """Judge the dates of a chain, the server's own certificate first, by the check's bounds."""
    late = min(chain, key=lambda period: period.ends_unix)
    early = max(chain, key=lambda period: period.begins_unix)
    whose = "certificate" if late == chain[0] else f"certificate of the issuer {late.subject}"
    until, left_s = _day(late.ends_unix), late.ends_unix - wall
    if left_s < 0:
        return Validity(valid=False, words=f"{whose} expired {_days(-left_s)} ago, on {until}")
    if early.begins_unix > wall:
        return Validity(
            valid=False, words=f"certificate is not valid before {_day(early.begins_unix)}"
        )
    if left_s < check.fail_days * DAY_S:
        bound = f"fewer than {check.fail_days} days are a failure"
        return Validity(
            valid=False, words=f"{whose} expires in {_days(left_s)}, on {until}; {bound}"
        )
    if left_s < check.warn_days * DAY_S:
        return Validity(
            valid=True, words=f"WARNING: {whose} expires in {_days(left_s)}, on {until}"
        )
    return Validity(valid=True, words=f"{whose} valid until {until} ({_days(left_s)})")


def _days(seconds: float) -> str:
    for unit, length_s in (("days", DAY_S), ("hours", HOUR_S)):
        if seconds >= 2 * length_s:
            return f"{floor(seconds / length_s)} {unit}"
    return f"{floor(seconds / MINUTE_S)} minutes"


def _day(unix: UnixTime) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")


def _subject(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return text[:SUBJECT_CHARS_MAX]
