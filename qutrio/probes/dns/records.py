"""Formats the records of an answer, and compares them with those that a check expects."""

from ipaddress import ip_address

from qutrio.model.dns_check import DnsCheck, RecordType
from qutrio.probes.dns.message import Mx, Record, Type

TYPES = {
    RecordType.A: Type.A,
    RecordType.AAAA: Type.AAAA,
    RecordType.CNAME: Type.CNAME,
    RecordType.MX: Type.MX,
    RecordType.TXT: Type.TXT,
    RecordType.NS: Type.NS,
}
SHOWN_MAX = 4
"""The most records listed in a sentence."""

_ADDRESSES = frozenset({RecordType.A, RecordType.AAAA})


def text_of(record: Record) -> str:
    """Return a record's data as people write it: names without a final dot, TXT without quotes."""
    data = record.data
    if isinstance(data, Mx):
        return f"{data.preference} {data.host or '.'}"
    return data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data


def as_answered(expected: str, kind: RecordType) -> str:
    """Return an expected value in the form in which `text_of` would show it."""
    if kind is RecordType.TXT:
        return expected
    if kind in _ADDRESSES:
        try:
            return str(ip_address(expected))
        except ValueError:
            return expected
    words = " ".join(expected.lower().split())
    return words if words.endswith(" .") else words.removesuffix(".")


def mismatch(check: DnsCheck, found: list[str]) -> str | None:
    """Return how these records differ from those that the check expects, or None."""
    if check.contains is not None:
        wanted = as_answered(check.contains, check.record)
        if not any(wanted in text for text in found):
            return f"no record contains {check.contains!r}"
    if check.records:
        wanted_all = {as_answered(text, check.record) for text in check.records}
        lacking, surplus = sorted(wanted_all - set(found)), sorted(set(found) - wanted_all)
        problems = [f"{some_of(lacking)} missing"] if lacking else []
        problems += [f"{some_of(surplus)} not expected"] if surplus else []
        return ", ".join(problems) or None
    return None


def some_of(texts: list[str]) -> str:
    """Return texts as a list in a sentence, at most `SHOWN_MAX` of them."""
    shown = ", ".join(texts[:SHOWN_MAX])
    return shown if len(texts) <= SHOWN_MAX else f"{shown} and {len(texts) - SHOWN_MAX} more"
