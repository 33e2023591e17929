"""The fast path for heartbeats and answers agrees exactly with the converter."""

from typing import Any

import orjson
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qutrio.codec.converter import CONVERTER, INVALID
from qutrio.codec.frequent import read_frequent, write_frequent
from qutrio.codec.wire import decode, encode
from qutrio.core.api.messages import Commit, Heartbeat, HeartbeatAck
from qutrio.errors import InvalidDocumentError
from qutrio.model.ids import Revision, Term, UnixTime
from qutrio.model.stable import Position
from tests.codec.values import json_values, values

KINDS = {"heartbeat": Heartbeat, "heartbeat_ack": HeartbeatAck}
BEAT = Heartbeat(
    number=7,
    heard_term=Term(3),
    claim=Term(3),
    acting=True,
    able=True,
    committed=Position(Term(3), 4),
    wall=UnixTime(1_700_000_000.5),
    engine="raft",
    level=2,
)
ACK = HeartbeatAck(
    number=7,
    granted=Term(3),
    bound_s=4.0,
    heard_term=Term(3),
    accepted=Position(Term(3), 5),
    committed=Position(Term(3), 4),
    stamp=(Term(2), Revision(9)),
)
thorough = settings(deadline=None, suppress_health_check=list(HealthCheck))


def slow_path(data: dict[str, Any]) -> object:
    """Return what the converter makes of data, or the kind of its refusal."""
    try:
        return CONVERTER.structure(data, KINDS[data["kind"]])
    except INVALID as error:
        return type(error)


def fast_path(data: dict[str, Any]) -> object:
    try:
        return decode(orjson.dumps(data))
    except InvalidDocumentError:
        return InvalidDocumentError


@thorough
@given(values(Heartbeat) | values(HeartbeatAck))
def test_both_paths_write_the_same_bytes(message: Heartbeat | HeartbeatAck) -> None:
    kind = "heartbeat" if isinstance(message, Heartbeat) else "heartbeat_ack"
    assert encode(message) == orjson.dumps({"kind": kind, **CONVERTER.unstructure(message)})
    assert decode(encode(message)) == message


@thorough
@given(st.sampled_from([BEAT, ACK]), st.data())
def test_both_paths_read_the_same_whatever_one_field_is(
    message: Heartbeat | HeartbeatAck, data: st.DataObject
) -> None:
    plain = orjson.loads(encode(message))
    field = data.draw(st.sampled_from(sorted(plain.keys() - {"kind"})))
    pairs = st.lists(st.integers(0, 9) | st.booleans() | st.none(), max_size=3)
    plain[field] = data.draw(json_values | pairs | st.integers(-(2**63), 2**63) | st.booleans())
    expected, found = slow_path(plain), fast_path(plain)
    assert found == (InvalidDocumentError if isinstance(expected, type) else expected)


@pytest.mark.parametrize("message", [BEAT, ACK])
def test_ordinary_messages_take_the_fast_path_and_others_do_not(
    message: Heartbeat | HeartbeatAck,
) -> None:
    plain = orjson.loads(encode(message))
    assert read_frequent(plain) == message
    assert read_frequent({**plain, "number": "7"}) is None
    assert read_frequent({**plain, "committed": [1, True]}) is None
    assert read_frequent({**plain, "kind": "commit"}) is None
    assert read_frequent([plain]) is None
    assert write_frequent(Commit(position=Position())) is None


@pytest.mark.parametrize(("message", "field"), [(BEAT, "wall"), (ACK, "bound_s")])
def test_an_infinite_number_is_refused(message: Heartbeat | HeartbeatAck, field: str) -> None:
    plain = orjson.loads(encode(message))
    assert read_frequent({**plain, field: float("inf")}) is None


def test_a_heartbeat_of_a_version_that_names_no_engine_takes_the_fast_path_too() -> None:
    """Those versions know lowest-id only."""
    plain = orjson.loads(encode(BEAT))
    del plain["engine"]
    assert read_frequent(plain) == slow_path(plain) == evolve(BEAT, engine="lowest-id")
