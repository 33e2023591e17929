"""Lines of the incident journal survive writing and reading, and broken lines are left out."""

import orjson
import pytest

from qutrio.codec.journal import decode_entry, encode_entry
from qutrio.model.journal import Entry
from tests.core.journal_facts import (
    BRAVO,
    began,
    came_up,
    closed,
    crossed,
    doubted,
    ended,
    led,
    noticed,
    opened,
    role_left,
    role_taken,
    started,
    stopped,
    went_down,
)
from tests.core.samples import WALL

LINES = [
    began(1),
    came_up(2),
    closed(3),
    crossed(4),
    doubted(5),
    ended(6),
    led(7, None),
    led(8, BRAVO),
    noticed(9),
    opened(10),
    started(11),
    stopped(12),
    went_down(13),
    role_taken(14, BRAVO, 3, untold=2),
    role_left(15, BRAVO, 3, "fell silent"),
]


@pytest.mark.parametrize("entry", LINES, ids=lambda e: type(e.fact).__name__)
def test_every_fact_comes_back_as_it_was(entry: Entry) -> None:
    line = encode_entry(entry)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert decode_entry(line) == entry


def test_a_line_names_its_kind_and_its_time() -> None:
    data = orjson.loads(encode_entry(closed(3)))
    assert (data["at_unix"], data["kind"], data["cause"]) == (WALL + 3, "closed", "recovered")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        encode_entry(opened())[:-20],
        b"[]",
        b'{"kind": "stopped"}',
        b'{"at_unix": "now", "kind": "stopped"}',
        b'{"at_unix": 1.0, "kind": "of_the_future"}',
        b'{"at_unix": 1.0, "kind": "led", "master": null}',
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_torn_or_newer_is_left_out(line: bytes) -> None:
    assert decode_entry(line) is None


def test_fields_of_a_newer_version_are_ignored() -> None:
    data = orjson.loads(encode_entry(stopped(1)))
    assert decode_entry(orjson.dumps({**data, "mood": "calm"})) == stopped(1)
