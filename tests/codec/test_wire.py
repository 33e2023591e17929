"""Messages read back as they were sent, and any other bytes are refused."""

from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qutrio.codec.converter import UNIX_MAX, WHOLE_MAX
from qutrio.codec.wire import BYTES_MAX, SMALL_BYTES_MAX, VALUES_MAX, decode, encode, frames
from qutrio.core.alerting.ages import AGES_PER_MESSAGE_MAX
from qutrio.core.api.messages import (
    AgesReport,
    CanvassRequest,
    Commit,
    Farewell,
    Heartbeat,
    Message,
    ProbeNow,
    Propose,
    Report,
)
from qutrio.core.api.mutations import Batch, Mutation, PutCheck, RemoveCheck
from qutrio.core.checks.result_exchange import RESULTS_PER_REPORT_MAX
from qutrio.errors import InvalidDocumentError
from qutrio.model.checks import TcpCheck, UnknownCheck
from qutrio.model.ids import CheckId, IncidentId, RequestId, Revision, Term
from qutrio.model.results import Outcome, Result
from qutrio.model.stable import Position
from tests.codec.values import json_values, values

patient = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
RECORDED = (Path(__file__).parent / "golden" / "messages.jsonl").read_bytes().splitlines()
CHECK = TcpCheck(id=CheckId("c1"), name="db", address="127.0.0.1:5432")


@pytest.mark.parametrize("kind", get_args(Message), ids=lambda kind: kind.__name__)
def test_every_message_comes_back_as_it_was_sent(kind: type) -> None:
    @patient
    @given(values(kind))
    def comes_back(message: Message) -> None:
        assert decode(encode(message)) == message

    comes_back()


@pytest.mark.parametrize("kind", get_args(Mutation), ids=lambda kind: kind.__name__)
def test_every_mutation_comes_back_as_it_was_sent(kind: type) -> None:
    @patient
    @given(values(kind))
    def comes_back(mutation: Mutation) -> None:
        message = Propose(
            term=Term(1), request=RequestId("r"), mutation=Batch(mutations=(mutation,))
        )
        assert decode(encode(message)) == message

    comes_back()


@patient
@given(st.binary(max_size=200))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    with suppress(InvalidDocumentError):
        decode(data)


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.one_of([values(kind) for kind in get_args(Message)]), st.data())
def test_a_message_with_one_field_broken_never_raises_anything_else(
    message: Message, data: st.DataObject
) -> None:
    fields = orjson.loads(encode(message))
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(json_values)
    with suppress(InvalidDocumentError):
        decode(orjson.dumps(fields))


def test_a_message_of_a_newer_version_is_none() -> None:
    assert decode(b'{"kind":"teleport","where":[1,2]}') is None


def test_a_mutation_of_a_newer_version_is_none() -> None:
    assert decode(b'{"kind":"propose","term":1,"request":"r","mutation":{"kind":"paint"}}') is None


def test_an_engine_message_of_a_newer_version_is_none() -> None:
    message = Report(results=((result(Outcome.OK), 1.0),))
    assert decode(encode(message).replace(b'"ok"', b'"degraded"')) is None


def test_fields_of_a_newer_version_are_ignored() -> None:
    assert decode(b'{"kind":"ask","term":7,"mood":"good"}') == CanvassRequest(term=Term(7))


def test_a_check_of_a_kind_that_is_not_known_is_kept_whole() -> None:
    data = orjson.loads(
        encode(Propose(term=Term(1), request=RequestId("r"), mutation=PutCheck(check=CHECK)))
    )
    data["mutation"]["check"] |= {"kind": "sip", "count": 3, "kind_name": "mine"}
    message = decode(orjson.dumps(data))
    assert isinstance(message, Propose)
    assert isinstance(message.mutation, PutCheck)
    check = message.mutation.check
    assert isinstance(check, UnknownCheck)
    assert check.kind_name == "sip"
    assert orjson.loads(encode(message)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"kind":7}',
        b'{"kind":"commit"}',
        b'{"kind":"commit","position":[1]}',
        b'{"kind":"commit","position":[1,true]}',
        b'{"kind":"ask","term":"7"}',
        b'{"kind":"ask","term":7.5}',
        b'{"kind":"ask","term":true}',
        b'{"kind":"probe_now","checks":"abc"}',
        b'{"kind":"report","results":[[{}]]}',
        b'{"kind":"propose","term":1,"request":"r","mutation":{"kind":"put_check","check":null}}',
        b'{"kind":"fetch","accepted":1}',
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocumentError):
        decode(data)


def test_batches_in_batches_do_not_break_the_stack() -> None:
    deep = b'{"kind":"batch","mutations":[' * 300 + b"]}" * 300
    with pytest.raises(InvalidDocumentError, match="deep"):
        decode(b'{"kind":"propose","term":1,"request":"r","mutation":' + deep + b"}")


def test_a_whole_number_where_a_real_one_stands_reads_as_equal() -> None:
    whole = Report(results=((result(Outcome.OK), 3),))
    assert encode(whole) == encode(Report(results=((result(Outcome.OK), 3.0),)))


@pytest.mark.parametrize("first", ['"kind":"lasted",', '"mood":1,"kind":"lasted",'])
@pytest.mark.parametrize("more", [0, 1])
def test_the_ages_of_incidents_are_counted_before_they_are_built(first: str, more: int) -> None:
    ages = ",".join(['["web-1",1.0]'] * (AGES_PER_MESSAGE_MAX + more))
    data = f'{{{first}"incidents":[{ages}]}}'.encode()
    if not more:
        assert isinstance(decode(data), AgesReport)
        return
    with pytest.raises(InvalidDocumentError, match="a lasted with 501 incidents, at most 500"):
        decode(data)


def test_small_messages_stay_small() -> None:
    assert len(encode(Commit(position=Position(Term(1), 2)))) < 50


def test_a_removal_names_what_it_removes() -> None:
    message = Propose(term=Term(1), request=RequestId("r"), mutation=RemoveCheck(expect=CHECK))
    assert decode(encode(message)) == message


def result(outcome: Outcome) -> Result:
    return Result(check=CheckId("c1"), changed=Revision(1), outcome=outcome, latency_ms=2.5)


@pytest.mark.parametrize("kind", sorted(BYTES_MAX))
def test_a_message_that_is_longer_than_its_kind_may_be_is_not_decoded(kind: str) -> None:
    start = b'{"kind":"' + kind.encode() + b'","padding":"'
    with pytest.raises(InvalidDocumentError, match=f"{kind} of .* bytes, at most"):
        decode(start + b"x" * BYTES_MAX[kind] + b"not even JSON")


def test_a_message_that_does_not_begin_with_its_kind_must_be_short() -> None:
    assert decode(b'{"a": 1, "kind": "farewell"}') == Farewell()
    with pytest.raises(InvalidDocumentError, match="without a kind"):
        decode(b'{"a": "' + b"x" * SMALL_BYTES_MAX + b'", "kind": "fetched"}')


def test_a_long_message_of_a_kind_that_is_not_known_is_not_decoded() -> None:
    assert decode(b'{"kind":"of_tomorrow","x":"' + b"x" * SMALL_BYTES_MAX) is None


def test_a_message_that_begins_with_another_kind_than_its_own_is_refused() -> None:
    with pytest.raises(InvalidDocumentError, match="twice"):
        decode(b'{"kind":"fetched","kind":"farewell"}')


@pytest.mark.parametrize("name", ["results", "numbers"])
def test_results_are_counted_before_they_are_built(name: str) -> None:
    plain = {"kind": "report", "results": [], name: ["no result"] * (RESULTS_PER_REPORT_MAX + 1)}
    with pytest.raises(InvalidDocumentError, match=f"501 {name}, at most 500"):
        decode(orjson.dumps(plain))


@pytest.mark.parametrize("value", ["[]", "{}", "0"])
def test_values_are_counted_before_they_are_built(value: str) -> None:
    """Sixteen megabytes of empty lists are half a gigabyte once they are built."""
    many = ",".join([value] * VALUES_MAX)
    with pytest.raises(InvalidDocumentError, match="a fetched of more than 1500000 values"):
        decode(f'{{"kind":"fetched","accepted":true,"x":[{many}]}}'.encode())


LONG_IDS = [CheckId(f"{n:03}" + "L" * 70_000) for n in range(100)]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (ProbeNow(checks=tuple(LONG_IDS)), "checks"),
        (AgesReport(incidents=tuple((IncidentId(i[:20_000]), 1.0) for i in LONG_IDS)), "incidents"),
        (
            Report(
                results=tuple(
                    (Result(check=i, changed=Revision(1), outcome=Outcome.OK), 1.0)
                    for i in LONG_IDS
                ),
                life=7,
                numbers=tuple(range(100)),
            ),
            "results",
        ),
    ],
)
def test_what_is_too_long_for_one_frame_is_said_in_several(message: Message, parts: str) -> None:
    said = frames(message)
    kind = orjson.loads(said[0])["kind"]
    assert max(map(len, said)) <= BYTES_MAX[kind]
    heard = [decode(frame) for frame in said]
    assert sum((getattr(m, parts) for m in heard), ()) == getattr(message, parts)
    if isinstance(message, Report):
        assert sum((m.numbers for m in heard if isinstance(m, Report)), ()) == message.numbers
        assert {m.life for m in heard if isinstance(m, Report)} == {7}


def test_what_cannot_be_split_is_left_out() -> None:
    one = ProbeNow(checks=(CheckId("L" * BYTES_MAX["probe_now"]), CheckId("web")))
    assert [decode(frame) for frame in frames(one)] == [ProbeNow(checks=(CheckId("web"),))]
    assert frames(Farewell()) == [encode(Farewell())]


@pytest.mark.parametrize("ident", ["", "r" * 129, "r\n", "r 1"])
def test_the_id_of_a_request_is_bounded(ident: str) -> None:
    message = Propose(term=Term(1), request=RequestId(ident), mutation=RemoveCheck(expect=CHECK))
    with pytest.raises(InvalidDocumentError, match="is not an id"):
        decode(encode(message))


Place = tuple[str | int, ...]


def numbers_in(data: Any, path: Place = ()) -> dict[Place, float]:
    """Return the numbers of plain data by their place, but for what only newer versions know."""
    if type(data) in {int, float}:
        return {path: data}
    found: dict[Place, float] = {}
    inner = list(data.items()) if isinstance(data, dict) else []
    inner += list(enumerate(data)) if isinstance(data, list) else []
    for key, value in inner:
        if key != "x_newer":
            found |= numbers_in(value, (*path, key))
    return found


def with_number(data: Any, path: Place, number: float) -> bytes:
    """Return data with another number at a place."""
    changed = inner = orjson.loads(orjson.dumps(data))
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = number
    return orjson.dumps(changed)


@pytest.mark.parametrize("number", [2**53 + 1, 2**64 - 1, -(2**63), 1e300, -1e300])
@pytest.mark.parametrize("line", RECORDED, ids=lambda line: str(orjson.loads(line)["kind"]))
def test_no_number_is_larger_than_what_can_be_counted_up_and_written(
    line: bytes, number: float
) -> None:
    data = orjson.loads(line)
    for path in numbers_in(data):
        message = None
        with suppress(InvalidDocumentError):
            message = decode(with_number(data, path, number))
        if message is not None:
            again = numbers_in(orjson.loads(encode(message)))
            assert all(abs(n) <= WHOLE_MAX for n in again.values()), path


@pytest.mark.parametrize(
    ("said", "read"), [(1e300, UNIX_MAX), (-1e300, 0.0), (2**60, UNIX_MAX), (1e9, 1e9)]
)
def test_a_moment_without_a_date_is_read_as_the_nearest_that_has_one(
    said: float, read: float
) -> None:
    beat = orjson.loads(next(line for line in RECORDED if b'"heartbeat"' in line))
    heard = decode(orjson.dumps(beat | {"wall": said}))
    assert isinstance(heard, Heartbeat)
    assert heard.wall == read
