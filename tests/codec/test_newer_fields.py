"""Fields of a newer version in a ledger are kept and passed on; old ones look as before."""

import orjson
import pytest
from attrs import evolve

from qutrio.codec import wire
from qutrio.codec.cluster_yaml import emit, parse
from qutrio.codec.converter import CONVERTER
from qutrio.codec.document import from_json, to_json
from qutrio.codec.stable import decode_state, document_file, encode_state
from qutrio.core.api.messages import Deliver, Write
from qutrio.errors import UnsupportedVersionError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import IncidentId, Revision, Term
from qutrio.model.incidents import Ledger, NoticeKind, UnknownKind
from qutrio.model.levels import LEVEL, LEVEL_UNSAID, UNSEEN_NOTICES, needed
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.model.unseen import ListedCheck, Unjudged, Unseen, UnseenChecks
from tests.core.samples import HOOK, WALL, WEB, delivery, incident

LEDGER = Ledger(sequence=1, incidents=(incident(),), outbox=(delivery(),))
DOCUMENT = ClusterDocument(cluster_id="k", revision=Revision(1), members=())


def newer(ledger: Ledger) -> dict[str, object]:
    """Return a ledger as a newer version might write it, with unknown fields and a new kind."""
    plain = CONVERTER.unstructure(ledger)
    first = plain["outbox"][0]
    first["notice"]["kind"] = "telepathy"
    first["notice"]["evidence"] = [
        {
            "node": "n1",
            "name": "a",
            "outcome": "fail",
            "latency_ms": None,
            "detail": "",
            "age_s": 1.0,
            "counted": True,
        }
    ]
    places = [plain, plain["incidents"][0], first, first["notice"], first["notice"]["evidence"][0]]
    for number, place in enumerate(places):
        place["newer"] = {"field": number}
    again: dict[str, object] = orjson.loads(orjson.dumps(plain))
    return again


def test_a_ledger_of_a_newer_version_is_passed_on_as_it_came() -> None:
    plain = newer(LEDGER)
    message = {"kind": "write", "position": [1, 2], "stamp": [0, 1], "document": None}
    read = wire.decode(orjson.dumps({**message, "ledger": plain}))
    assert isinstance(read, Write)
    assert read.ledger.outbox[0].notice.kind == UnknownKind("telepathy")
    assert orjson.loads(wire.encode(read))["ledger"] == plain


def test_a_ledger_of_a_newer_version_comes_back_from_the_disk() -> None:
    ledger = CONVERTER.structure(newer(LEDGER), Ledger)
    record = Record(Position(Term(1), 2), DOCUMENT, ledger)
    file = document_file(DOCUMENT)
    data = encode_state(Stable(Promise(), record, record), accepted=file.name, committed=file.name)
    assert decode_state(data, lambda _: file.content, "state").committed.ledger == ledger


def test_a_delegated_delivery_of_a_newer_version_is_read() -> None:
    first = CONVERTER.structure(newer(LEDGER), Ledger).outbox[0]
    deliver = Deliver(term=Term(1), delivery=first)
    assert wire.decode(wire.encode(deliver)) == deliver


def test_checks_without_a_verdict_are_passed_on_and_kept() -> None:
    entry = Unjudged(
        check=WEB, number=3, since_unix=WALL, noted_s=30.0, told=(IncidentId("unseen-4"),)
    )
    group = Unseen(
        id=IncidentId("unseen-4"), channel=HOOK, cause="a: x", since_unix=WALL, noted_s=120.0
    )
    listed = ListedCheck(id=WEB, name="web", target="", state=None)
    first = delivery(kind=NoticeKind.UNSEEN)
    said = UnseenChecks(cause="a: x", count=9, checks=(listed,))
    first = evolve(first, notice=evolve(first.notice, unseen=said))
    ledger = Ledger(outbox=(first,), unjudged=(entry,), unseen=(group,))
    again = orjson.loads(orjson.dumps(CONVERTER.unstructure(ledger)))
    assert CONVERTER.structure(again, Ledger) == ledger
    assert (needed(ledger), needed(Ledger())) == (UNSEEN_NOTICES, LEVEL_UNSAID)


def test_a_document_of_the_first_level_is_written_as_older_versions_write_it() -> None:
    assert b"level" not in to_json(DOCUMENT)
    assert "\nlevel" not in emit(DOCUMENT)
    raised = evolve(DOCUMENT, level=2)
    assert from_json(to_json(raised)) == raised
    assert parse(emit(raised), "cluster.yaml") == raised


def test_a_node_does_not_start_with_a_document_of_a_higher_level() -> None:
    file = document_file(evolve(DOCUMENT, level=LEVEL + 1))
    record = Record(Position(), DOCUMENT, Ledger())
    data = encode_state(Stable(Promise(), record, record), accepted=file.name, committed=file.name)
    with pytest.raises(UnsupportedVersionError, match="install a newer version again"):
        decode_state(data, lambda _: file.content, "state")
