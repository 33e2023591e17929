"""Participants that know only their number agree on one list of members, or on none."""

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


def exchange_hellos(participants: int, size: int, seed: int) -> list[PeerDiscovery]:
    """Have participants exchange hellos in random order, and return their discoveries."""
    rng = random.Random(seed)
    discoveries = [
        PeerDiscovery("jobs", NodeId(f"s{number}"), size) for number in range(participants)
    ]
    for _ in range(participants * participants * 20):
        one, other = rng.sample(discoveries, 2)
        try:
            answer = other.on_hello(one.me, one.hello())
            if answer is not None and rng.random() < 0.5:
                one.on_hello(other.me, answer)
        except ElectionError:
            pass  # the others have settled without it
    return discoveries


@pytest.mark.parametrize("seed", range(20))
def test_all_participants_agree_when_their_number_is_right(seed: int) -> None:
    lists = {discovery.members for discovery in exchange_hellos(5, 5, seed)}
    assert lists == {tuple(NodeId(f"s{number}") for number in range(5))}


@pytest.mark.parametrize("seed", range(20))
def test_surplus_participants_settle_on_one_list_at_most(seed: int) -> None:
    lists = {discovery.members for discovery in exchange_hellos(5, 3, seed)} - {None}
    assert len(lists) <= 1


def test_a_settled_participant_answers_those_that_have_not() -> None:
    one, other = PeerDiscovery("jobs", A, 2), PeerDiscovery("jobs", B, 2)
    one.on_hello(B, other.hello())
    other.on_hello(A, one.hello())
    assert other.members == (A, B)
    answer = other.on_hello(A, one.hello())
    assert answer is not None
    assert one.on_hello(B, answer) is None
    assert one.members == (A, B)
    assert other.on_hello(A, one.hello()) is None


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b"{}", {"met": "b", "settled": False}, {"met": [1], "settled": True},
             {"met": ["b", "a b"], "settled": True}, {"met": ["b"] * 200, "settled": True}],
)  # fmt: skip
def test_what_is_no_hello_is_ignored(said: bytes | dict[str, object]) -> None:
    discovery = PeerDiscovery("jobs", A, 2)
    data = said if isinstance(said, bytes) else orjson.dumps(said)
    assert discovery.on_hello(B, discovery.head + data) is None
    assert discovery.members is None


def test_ones_own_hello_and_odd_ids_are_ignored() -> None:
    discovery = PeerDiscovery("jobs", A, 2)
    for sender in (A, NodeId("no name")):
        assert discovery.on_hello(sender, discovery.hello()) is None
    assert discovery.hello() == PeerDiscovery("jobs", A, 2).hello()


async def test_participants_find_each_other_over_a_faulty_network(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("x", "y", "z", size=3, start=False) as arena:
        arena.wire.faults = NetworkFaults(
            loss=0.5, duplication=0.2, delay_s=(0.0, 2.0), reordering=True
        )
        arena.start("x", "y", "z")
        for participant in ("x", "y", "z"):
            assert (await arena.participating(participant)).members == ("x", "y", "z")
