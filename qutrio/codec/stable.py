"""A node's durable state as bytes: `state.json`, and one file for each document.

The state is written at every promise and every write, a document only when it changes, so the
state refers to a document by the name of its file.  The name holds the document's term and
revision and the beginning of the SHA-256 of its content; the state holds its own checksum.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
from attrs import frozen

from qutrio.codec.converter import CONVERTER, structure
from qutrio.codec.document import canonical, from_json, loads, to_json
from qutrio.codec.items import ItemEncoder
from qutrio.errors import InvalidDocumentError, UnsupportedVersionError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Revision, Term
from qutrio.model.incidents import Ledger
from qutrio.model.levels import LEVEL
from qutrio.model.stable import NO_HARD_STATE, HardState, Position, Promise, Record, Stable

STATE_FORMAT = 1
DIGEST_CHARS = 16
_LEDGERS = ItemEncoder(canonical)
_NAME = re.compile(r"document-([0-9]{1,19})-([0-9]{1,19})-([0-9a-f]{16})\.json")
RECOVERY = (
    "set this node up again (an old copy of the file would forget what the node promised):"
    " remove it on another node ('qutrio node remove'), move the data directory away, then"
    " 'qutrio init' and 'qutrio enroll join'"
)


@frozen
class DocumentFile:
    """A document on disk: the name of its file, and the content."""

    name: str
    content: bytes


@frozen(kw_only=True)
class _RecordState:
    position: Position
    document: str
    ledger: Ledger


@frozen(kw_only=True)
class _State:
    promise: Promise
    accepted: _RecordState
    committed: _RecordState
    ballot: HardState = NO_HARD_STATE


def document_file(document: ClusterDocument) -> DocumentFile:
    """Return the content file of a document."""
    content = to_json(document)
    digest = sha256(content).hexdigest()[:DIGEST_CHARS]
    return DocumentFile(f"document-{document.term}-{document.revision}-{digest}.json", content)


def is_document_name(name: str) -> bool:
    """Return whether `document_file` makes files with such a name."""
    return _NAME.fullmatch(name) is not None


def encode_state(stable: Stable, *, accepted: str, committed: str) -> bytes:
    """Return the bytes of `state.json`, which refers to the two documents by file name."""
    body = CONVERTER.unstructure(
        _State(
            promise=stable.promise,
            accepted=_refer(stable.accepted, accepted),
            committed=_refer(stable.committed, committed),
            ballot=stable.hard_state,
        )
    )
    body["accepted"]["ledger"] = _LEDGERS.plain(stable.accepted.ledger)
    body["committed"]["ledger"] = _LEDGERS.plain(stable.committed.ledger)
    content = canonical(body)
    checksum = sha256(content).hexdigest()
    outer = {"format": STATE_FORMAT, "checksum": checksum, "body": orjson.Fragment(content)}
    return canonical(outer)


def decode_state(data: bytes, read_document: Callable[[str], bytes], source: str) -> Stable:
    """Read what `encode_state` wrote; `read_document` returns the content of a named file.

    `source` names the state file in messages.  Raises `InvalidDocumentError`, whose message says
    what is damaged and how to recover, or `UnsupportedVersionError`.
    """
    try:
        state = structure(_checked_body(data, source), _State, source)
        accepted = _document(state.accepted.document, read_document, source)
        committed = accepted
        if state.committed.document != state.accepted.document:
            committed = _document(state.committed.document, read_document, source)
    except InvalidDocumentError as error:
        raise InvalidDocumentError(f"{error}; {RECOVERY}") from None
    return Stable(
        state.promise,
        Record(state.accepted.position, accepted, state.accepted.ledger),
        Record(state.committed.position, committed, state.committed.ledger),
        state.ballot,
    )


def _refer(record: Record, name: str) -> _RecordState:
    return _RecordState(position=record.position, document=name, ledger=Ledger())


def _checked_body(data: bytes, source: str) -> Any:
    outer = loads(data, source)
    version = outer.get("format") if isinstance(outer, dict) else None
    if type(version) is not int or version < 1:
        raise InvalidDocumentError(f"{source}: is damaged: it is not a state file")
    if version > STATE_FORMAT:
        raise UnsupportedVersionError(
            f"{source}: was written by a newer version of qutrio (format {version},"
            f" this version reads {STATE_FORMAT}); install that version again"
        )
    body = outer.get("body")
    if sha256(canonical(body)).hexdigest() != outer.get("checksum"):
        raise InvalidDocumentError(f"{source}: is damaged: its checksum does not match its content")
    return body


def _document(name: str, read: Callable[[str], bytes], source: str) -> ClusterDocument:
    found = _NAME.fullmatch(name)
    if found is None:
        raise InvalidDocumentError(f"{source}: refers to a document by the odd name {name[:80]!r}")
    content = read(name)
    if sha256(content).hexdigest()[:DIGEST_CHARS] != found[3]:
        raise InvalidDocumentError(f"{name}: is damaged: its checksum does not match its content")
    document = from_json(content, name)
    if document.level > LEVEL:
        raise UnsupportedVersionError(
            f"{name}: the cluster uses feature level {document.level}, this version knows {LEVEL};"
            " install a newer version again"
        )
    if (document.term, document.revision) != (Term(int(found[1])), Revision(int(found[2]))):
        raise InvalidDocumentError(f"{name}: holds a document of another revision")
    return document
