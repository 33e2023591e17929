"""The DNS check: a name that must have certain records."""

from enum import Enum
from typing import ClassVar

from attrs import field, frozen

from qutrio.errors import InvalidValueError
from qutrio.model.addresses import literal_version
from qutrio.model.ascii_hosts import (
    HOST_CHARS_MAX,
    LABEL_CHARS_MAX,
    shown_host,
    stored_host,
)
from qutrio.model.check_base import CheckBase
from qutrio.model.hosts import is_dns_name
from qutrio.model.levels import NEW_CHECK_KINDS
from qutrio.model.rules import at_most, require, shown

RECORDS_EXPECTED_MAX = 32
RECORD_CHARS_MAX = 1024


class RecordType(Enum):
    """The type of record that is queried."""

    A = "a"
    AAAA = "aaaa"
    CNAME = "cname"
    MX = "mx"
    TXT = "txt"
    NS = "ns"


_PREFERENCE_MAX = 65535

_VERSIONS = {RecordType.A: 4, RecordType.AAAA: 6}
"""The IP versions of the record types that are addresses."""


def _are_records(_: object, attribute: object, value: tuple[str, ...]) -> None:
    del attribute
    require(
        len(value) <= RECORDS_EXPECTED_MAX, "records", f"holds more than {RECORDS_EXPECTED_MAX}"
    )
    fits = all(0 < len(record) <= RECORD_CHARS_MAX for record in value)
    require(fits, "records", f"a record has 1 to {RECORD_CHARS_MAX} characters")
    require(len(set(value)) == len(value), "records", "names a record twice")


@frozen(kw_only=True)
class DnsCheck(CheckBase):
    """A query to a name server, whose answer must be as expected.

    Any record of type `record` is enough, unless one of them must contain the text `contains`, or
    they must be exactly `records`, in any order.  `host` is stored in ASCII.
    """

    kind: ClassVar[str] = "dns"
    needs_level: ClassVar[int] = NEW_CHECK_KINDS

    host: str = field(converter=stored_host, validator=is_dns_name)
    record: RecordType = RecordType.A
    contains: str | None = field(default=None, validator=at_most(RECORD_CHARS_MAX))
    records: tuple[str, ...] = field(default=(), validator=_are_records)

    def __attrs_post_init__(self) -> None:
        """Refuse two expectations at once."""
        both = self.contains is not None and bool(self.records)
        require(not both, "contains", "give contains or records, not both")
        if self.contains is not None:
            _require_condition(self.contains, self.record)
        for text in self.records:
            _require_possible(text, self.record)

    @property
    def target(self) -> str:
        """The name and the type, such as `example.org MX`."""
        return f"{shown_host(self.host)} {self.record.value.upper()}"


def _require_condition(contains: str, record: RecordType) -> None:
    """Refuse a text that is in every record: blanks and a final dot are not compared in names."""
    rest = contains if record is RecordType.TXT else contains.strip().removesuffix(".")
    problem = f"{shown(contains)} is in every record; give more of the text, or leave it out"
    require(bool(rest), "contains", problem)


def _require_possible(text: str, record: RecordType) -> None:
    """Refuse an expected value that no answer of this type could hold."""
    match record:
        case RecordType.A | RecordType.AAAA:
            _require_address_record(text, record)
        case RecordType.MX:
            _require_mail_exchanger(text)
        case RecordType.CNAME | RecordType.NS:
            if not _is_name(text.strip()):
                hint = f"is not a name, which a record of type {record.value} is"
                problem = f"{shown(text)} {hint}; give one such as www.example.org"
                raise InvalidValueError("records", problem)
        case _:
            return  # any text can be a TXT record


def _require_mail_exchanger(text: str) -> None:
    number, _, host = " ".join(text.split()).partition(" ")
    digits = number.isascii() and number.isdigit() and number == str(int(number))
    if digits and int(number) <= _PREFERENCE_MAX and _is_name(host):
        return
    example = f"10 {text.strip()}" if _is_name(text.strip()) else "10 mail.example.org"
    problem = f"{shown(text)} is not the preference and the name that a record of type mx holds"
    raise InvalidValueError("records", f"{problem}; write {shown(example)}, with its own number")


def _is_name(text: str) -> bool:
    """Tell whether a text may be a name in an answer, also one that is no name of a host."""
    name = text.removesuffix(".")
    if any(not "!" <= c <= "~" for c in text) or literal_version(name) is not None:
        return False
    if "\\" in name:  # a byte in another form, which may be a dot within a label
        return True
    labels = name.split(".")
    fits = len(name) <= HOST_CHARS_MAX and all(0 < len(x) <= LABEL_CHARS_MAX for x in labels)
    return fits or text == "."


def _require_address_record(text: str, record: RecordType) -> None:
    """Refuse an expected value that no record of this type can have."""
    wanted = _VERSIONS[record]
    version = None if "%" in text else literal_version(text)  # no record holds a zone
    if version == wanted:
        return
    if version is None:
        example = "192.0.2.1" if record is RecordType.A else "2001:db8::1"
        hint = (
            f"is not an IPv{wanted} address, which a record of type {record.value} is;"
            f" give one such as {example}, or choose another type of record"
        )
    else:
        other = next(kind.value for kind in _VERSIONS if kind is not record)
        hint = (
            f"is an IPv{version} address, and a record of type {record.value} an IPv{wanted} one;"
            f" give IPv{wanted} addresses, or set record to {other}"
        )
    raise InvalidValueError("records", f"{shown(text)} {hint}")
