"""A ledger is written the same, whether its items were encoded before or not."""

from collections.abc import Callable
from random import Random

import orjson
import pytest
from attrs import evolve

from qutrio.codec.converter import CONVERTER
from qutrio.codec.document import canonical
from qutrio.codec.ledger import LedgerEncoder, _Kept
from qutrio.model.ids import CheckId, UnixTime
from qutrio.model.incidents import Ledger
from tests.core.samples import delivery, incident


@pytest.mark.parametrize("encode", [canonical, orjson.dumps])
def test_the_bytes_are_those_of_the_whole_ledger(encode: Callable[[object], bytes]) -> None:
    """Also when items and lists were encoded before, were dropped, and come again."""
    encoder, rng = LedgerEncoder(encode, _Kept(6), _Kept(4)), Random(1)
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
