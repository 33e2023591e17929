"""Seats that know only how many they are agree on who they are, or on nothing."""

import random

import orjson
import pytest
from trio.testing import MockClock

from qutrio.election.drivers.memory import NetworkFaults
from qutrio.election.peer_discovery import PeerDiscovery
from qutrio.errors import ElectionError
from qutrio.model.ids import NodeId
from tests.election.arena import open_arena

A, B = NodeId("a"), NodeId("b")


def talk(seats: int, size: int, seed: int) -> list[PeerDiscovery]:
    """Let so many seats greet each other in any order, and return what they know then."""
    rng = random.Random(seed)
    meetings = [PeerDiscovery("jobs", NodeId(f"s{number}"), size) for number in range(seats)]
    for _ in range(seats * seats * 20):
        one, other = rng.sample(meetings, 2)
        try:
            answer = other.hear(one.me, one.hello())
            if answer is not None and rng.random() < 0.5:
                one.hear(other.me, answer)
        except ElectionError:
            pass  # there is no place for it
    return meetings


@pytest.mark.parametrize("seed", range(20))
def test_all_seats_agree_when_as_many_meet_as_should(seed: int) -> None:
    lists = {discovery.members for discovery in talk(5, 5, seed)}
    assert lists == {tuple(NodeId(f"s{number}") for number in range(5))}


@pytest.mark.parametrize("seed", range(20))
def test_seats_too_many_settle_on_one_list_at_most(seed: int) -> None:
    lists = {discovery.members for discovery in talk(5, 3, seed)} - {None}
    assert len(lists) <= 1


def test_a_settled_seat_answers_whoever_has_not_settled() -> None:
    one, other = PeerDiscovery("jobs", A, 2), PeerDiscovery("jobs", B, 2)
    one.hear(B, other.hello())
    other.hear(A, one.hello())
    assert other.members == (A, B)
    answer = other.hear(A, one.hello())
    assert answer is not None
    assert one.hear(B, answer) is None
    assert one.members == (A, B)
    assert other.hear(A, one.hello()) is None


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b"{}", {"met": "b", "settled": False}, {"met": [1], "settled": True},
             {"met": ["b", "a b"], "settled": True}, {"met": ["b"] * 200, "settled": True}],
)  # fmt: skip
def test_what_is_no_hello_is_ignored(said: bytes | dict[str, object]) -> None:
    discovery = PeerDiscovery("jobs", A, 2)
    data = said if isinstance(said, bytes) else orjson.dumps(said)
    assert discovery.hear(B, discovery.head + data) is None
    assert discovery.members is None


def test_ones_own_hello_and_odd_ids_are_ignored() -> None:
    discovery = PeerDiscovery("jobs", A, 2)
    for sender in (A, NodeId("no name")):
        assert discovery.hear(sender, discovery.hello()) is None
    assert discovery.hello() == PeerDiscovery("jobs", A, 2).hello()


async def test_seats_find_each_other_over_a_bad_wire(autojump_clock: MockClock) -> None:
    async with open_arena("x", "y", "z", size=3, start=False) as arena:
        arena.wire.weather = NetworkFaults(loss=0.5, twice=0.2, delay_s=(0.0, 2.0), disorder=True)
        arena.start("x", "y", "z")
        for participant in ("x", "y", "z"):
            assert (await arena.participating(participant)).members == ("x", "y", "z")
