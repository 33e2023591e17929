"""Messages between nodes as bytes: one JSON object each, whose `kind` names the message."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, get_args

import orjson
from attrs import evolve

from qutrio.codec.converter import CONVERTER, INVALID, problem, union_hooks
from qutrio.codec.frequent import read_frequent, write_frequent
from qutrio.codec.items import ItemEncoder, ItemReader, as_text
from qutrio.codec.pinned import tag
from qutrio.core.alerting.ages import AGES_PER_MESSAGE_MAX
from qutrio.core.api.messages import (
    AgesReport,
    Deliver,
    Fetched,
    ItemWrite,
    Message,
    ProbeNow,
    Propose,
    Report,
    Write,
)
from qutrio.core.checks.result_exchange import RESULTS_PER_REPORT_MAX
from qutrio.errors import InvalidDocumentError, UnsupportedVersionError
from qutrio.model.document import ClusterDocument
from qutrio.model.incidents import Ledger

WIRE_VERSION = 1
"""The protocol version, which must be the same at both ends of a link; sent when it opens."""

SMALL_BYTES_MAX = 64 * 1024
"""The limit for messages that are not named below: heartbeats, votes, requests, answers."""
WHOLE_BYTES_MAX = 16 * 1024 * 1024
"""The limit for messages that carry a document or a change of it."""
BYTES_MAX: Final[Mapping[str, int]] = MappingProxyType(
    {tag(kind): SMALL_BYTES_MAX for kind in get_args(Message)}
    | {tag(kind): WHOLE_BYTES_MAX for kind in (Write, ItemWrite, Fetched, Propose)}
    | {tag(kind): 1024 * 1024 for kind in (Report, Deliver)}
    | {tag(ProbeNow): 256 * 1024}
)
"""The limit for each kind of message."""
VALUES_MAX = 1_500_000
"""How many values may be in one message, also in fields of newer versions.

The longest record has one for ten bytes; a list that is empty takes three bytes and becomes 64.
"""
_BEGINNINGS: Final = (b",", b"[", b"{")
"""Of each value stands one before it or at its beginning; others stand in texts, and count too."""
_COUNTS: Final[Mapping[str, tuple[tuple[str, int], ...]]] = MappingProxyType(
    {
        tag(Report): (("results", RESULTS_PER_REPORT_MAX), ("numbers", RESULTS_PER_REPORT_MAX)),
        tag(AgesReport): (("incidents", AGES_PER_MESSAGE_MAX),),
    }
)
"""The most values that some fields may hold: building one costs far more than its bytes suggest."""
_KIND: Final = re.compile(rb'\s*\{\s*"kind"\s*:\s*"(\w{1,64})"')
"""The beginning of a message, in every version."""

_LEDGERS: Final = ItemEncoder(orjson.dumps)
_TEXTS: Final = ItemEncoder(as_text)
_ITEMS: Final = ItemReader()
_HOOKS: Final = union_hooks(CONVERTER, get_args(Message), None)
_READ: Final[Callable[[Any, Any], Message]] = _HOOKS[0]
_WRITE: Final[Callable[[Message], dict[str, Any]]] = _HOOKS[1]


def encode(message: Message) -> bytes:
    """Return the bytes of a message."""
    if isinstance(message, ItemWrite):
        plain = _WRITE(evolve(message, ledger=Ledger(), document=None))
        document = None if message.document is None else _TEXTS.plain(message.document)
        return orjson.dumps({**plain, "ledger": _TEXTS.plain(message.ledger), "document": document})
    if isinstance(message, Write):
        plain = _WRITE(evolve(message, ledger=Ledger()))
        return orjson.dumps({**plain, "ledger": _LEDGERS.plain(message.ledger)})
    return orjson.dumps(write_frequent(message) or _WRITE(message))


def frames(message: Message) -> list[bytes]:
    """Return the bytes of a message, in as many frames as it takes: none is longer than it may be.

    Who receives a longer one ends the link.  What is too long and cannot be split is left out.
    """
    data = encode(message)
    if len(data) <= BYTES_MAX[tag(type(message))]:
        return [data]
    return [frame for half in _halves(message) for frame in frames(half)]


def _halves(message: Message) -> tuple[Message, ...]:
    match message:
        case Report(results=results, numbers=numbers) if len(results) > 1:
            half = len(results) // 2
            return (
                evolve(message, results=results[:half], numbers=numbers[:half]),
                evolve(message, results=results[half:], numbers=numbers[half:]),
            )
        case ProbeNow(checks=checks) if len(checks) > 1:
            half = len(checks) // 2
            return ProbeNow(checks=checks[:half]), ProbeNow(checks=checks[half:])
        case AgesReport(incidents=ages) if len(ages) > 1:
            half = len(ages) // 2
            return AgesReport(incidents=ages[:half]), AgesReport(incidents=ages[half:])
        case _:
            return ()


def longest(data: bytes) -> int:
    """Return the limit for a message that begins with `data`."""
    return BYTES_MAX.get(kind_of(data), SMALL_BYTES_MAX)


def kind_of(data: bytes) -> str:
    """Return the kind of message that `data` begins as; empty for anything else."""
    found = _KIND.match(data)
    return found.group(1).decode() if found is not None else ""


def decode(data: bytes) -> Message | None:
    """Return the message, or None for a message that only a newer version knows.

    A message that is longer than its kind allows, or has more values than any record, is not
    decoded, and the results of a report and
    the ages of incidents are counted before they are built.  Raises `InvalidDocumentError` for
    data that no version of the program would send.
    """
    kind = kind_of(data)
    if len(data) > BYTES_MAX.get(kind, SMALL_BYTES_MAX):
        if kind and kind not in BYTES_MAX:
            return None
        most = BYTES_MAX.get(kind, SMALL_BYTES_MAX)
        what = f"a {kind}" if kind else "something without a kind"
        raise InvalidDocumentError(f"not a message: {what} of {len(data)} bytes, at most {most}")
    if sum(map(data.count, _BEGINNINGS)) > VALUES_MAX:
        raise InvalidDocumentError(f"not a message: a {kind} of more than {VALUES_MAX} values")
    try:
        plain = orjson.loads(data)
        _count(plain, kind)
        if kind == tag(ItemWrite):
            return _read_items(plain)
        return read_frequent(plain) or _READ(plain, Message)
    except UnsupportedVersionError:
        return None
    except INVALID as error:
        raise InvalidDocumentError(f"not a message: {problem(error)}") from None


def _read_items(plain: Any) -> Message:
    ledger = _ITEMS.read(plain.pop("ledger", None), Ledger)
    document = plain.pop("document", None)
    document = None if document is None else _ITEMS.read(document, ClusterDocument)
    message: Any = _READ({**plain, "ledger": {}, "document": None}, Message)
    written: Message = evolve(message, ledger=ledger, document=document)
    return written


def _count(plain: Any, kind: str) -> None:
    """Refuse a field with too many values, and a kind that differs from the one at the start."""
    if type(plain) is not dict:
        return
    said = plain.get("kind")
    if kind and said != kind:
        raise TypeError("the kind is given twice")
    for name, most in _COUNTS.get(said, ()) if type(said) is str else ():
        values = plain.get(name)
        if type(values) is list and len(values) > most:
            raise ValueError(f"a {said} with {len(values)} {name}, at most {most}")
