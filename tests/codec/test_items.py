"""Ledgers and documents are the same, whether their items were encoded or decoded before or not."""

from collections.abc import Callable
from random import Random

import orjson
import pytest
from attrs import evolve

from qutrio.codec.converter import CONVERTER
from qutrio.codec.document import canonical
from qutrio.codec.items import ItemEncoder, ItemReader, _Kept, as_text
from qutrio.codec.wire import decode, encode
from qutrio.core.api.messages import ItemWrite
from qutrio.errors import InvalidDocumentError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, Revision, Term, UnixTime
from qutrio.model.incidents import Ledger
from tests.core.samples import A, check, delivery, document, incident, pos


@pytest.mark.parametrize("encode", [canonical, orjson.dumps])
def test_the_bytes_are_those_of_the_whole_ledger(encode: Callable[[object], bytes]) -> None:
    """Also when items and lists were encoded before, were dropped, and come again."""
    encoder, rng = ItemEncoder(encode, _Kept(6), _Kept(4)), Random(1)
    incidents = [evolve(incident(CheckId(f"c{n}")), extra=(("new", "[1]"),)) for n in range(12)]
    deliveries = [delivery(CheckId(f"c{n}"), number=n) for n in range(12)]
    for sequence in range(200):
        ledger = Ledger(
            sequence=sequence,
            incidents=tuple(rng.sample(incidents, rng.randrange(6))),
            outbox=tuple(rng.sample(deliveries, rng.randrange(6))),
        )
        for _ in range(2):
            plain = CONVERTER.unstructure(ledger)
            assert encode(encoder.plain(ledger)) == encode(plain)


def test_an_item_is_encoded_once_and_those_not_used_are_dropped() -> None:
    known, items = _Kept(4), [object() for _ in range(10)]
    for item in items:
        known.put(item, b"x")
    assert [known.get(item) for item in items[:6]] == [None] * 6
    assert known.get(items[-1]) == b"x"
    assert known.get(evolve(incident(), since_unix=UnixTime(1.0))) is None


def test_a_ledger_that_nobody_would_write_is_put_in_order_when_it_is_read() -> None:
    """Its writer lied: items come twice, out of order, and with numbers that are still to come."""
    twice = incident(CheckId("c2"))
    ledger = Ledger(
        sequence=3,
        incidents=(twice, incident(CheckId("c1")), twice, evolve(twice, check=CheckId("c3"))),
        outbox=tuple(delivery(CheckId(f"c{n}"), number=n) for n in (5, 2, 9, 2)),
    )
    read = CONVERTER.structure(CONVERTER.unstructure(ledger), Ledger)
    assert [i.check for i in read.incidents] == ["c1", "c3"]
    assert [d.notice.sequence for d in read.outbox] == [2, 5, 9]
    assert (read.sequence, read.last_sequence) == (3, 9)
    assert CONVERTER.structure(CONVERTER.unstructure(read), Ledger) == read


def test_a_reader_decodes_a_text_once_and_gives_the_same_object_again() -> None:
    """Ledgers and documents come back as they were; what did not change is not made anew."""
    writer, reader, rng = ItemEncoder(as_text), ItemReader(), Random(3)
    incidents = [incident(CheckId(f"c{n:02}")) for n in range(12)]
    deliveries = [delivery(CheckId(f"c{n}"), number=n) for n in range(12)]
    checks = [check(CheckId(f"c{n:02}"), name=f"c{n}") for n in range(12)]
    known = dict[object, object]()
    for sequence in range(60):
        ledger = Ledger(
            sequence=90 + sequence,
            incidents=tuple(incidents[rng.randrange(6) :]),
            outbox=tuple(deliveries[rng.randrange(6) :]),
        )
        held = document(A, checks=checks[rng.randrange(6) :])
        again = reader.read(orjson.loads(orjson.dumps(writer.plain(ledger))), Ledger)
        assert again == ledger
        for item in again.incidents:
            assert known.setdefault(item.check, item) is item
        plain = orjson.loads(orjson.dumps(writer.plain(held)))
        assert reader.read(plain, ClusterDocument) == held


def test_a_reader_drops_texts_that_are_not_used() -> None:
    writer, reader = ItemEncoder(as_text), ItemReader(4)
    one = Ledger(sequence=9, incidents=(incident(CheckId("one")),))
    first = reader.read(orjson.loads(orjson.dumps(writer.plain(one))), Ledger)
    for number in range(6):
        other = Ledger(sequence=9, incidents=(incident(CheckId(f"c{number}")),))
        reader.read(orjson.loads(orjson.dumps(writer.plain(other))), Ledger)
    again = reader.read(orjson.loads(orjson.dumps(writer.plain(one))), Ledger)
    assert again == first
    assert again.incidents[0] is not first.incidents[0]


@pytest.mark.parametrize(
    "data", [None, [], {"incidents": 3}, {"incidents": [{}]}, {"outbox": ["[1]"]}, {"outbox": [1]}]
)
def test_items_of_another_shape_are_refused(data: object) -> None:
    with pytest.raises(TypeError):
        ItemReader().read(data, Ledger)


def test_a_text_that_is_not_json_is_refused_like_any_message() -> None:
    frame = encode(
        ItemWrite(position=pos(3), stamp=(Term(1), Revision(1)), ledger=Ledger(), document=None)
    )
    broken = frame.replace(b'"incidents":[]', b'"incidents":["{"]')
    assert broken != frame
    with pytest.raises(InvalidDocumentError, match="not a message"):
        decode(broken)
