"""Which large frames a node decodes: what it asked for, what binds it, and what it can afford."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.core.api.messages import Fetch
from qutrio.errors import PeerError
from qutrio.peers.large_frames import (
    FETCHES_MAX,
    PROPOSED_BYTES_PER_S,
    UNWANTED_FOR_S,
    UNWANTED_MAX,
    LargeFrames,
)
from tests.peers.world import Person, document_of, view_of


async def test_a_record_is_decoded_as_often_as_it_was_asked_for(people: list[Person]) -> None:
    large, view = LargeFrames(people[1].member.id), view_of(people[0], document_of(*people))
    for _ in range(FETCHES_MAX + 1):
        large.said(Fetch(accepted=False))
    answers = [large.wanted("fetched", 100_000, view) for _ in range(FETCHES_MAX + 1)]
    assert answers == [True] * FETCHES_MAX + [False]


async def test_a_write_is_decoded_from_the_node_that_this_one_is_bound_to(
    people: list[Person],
) -> None:
    view = view_of(people[0], document_of(*people))
    bound = evolve(view, holder=people[1].member.id)
    holder, other = (LargeFrames(p.member.id) for p in people[1:3])
    assert holder.wanted("write", 100_000, bound)
    assert not other.wanted("write", 100_000, bound)
    assert not holder.wanted("write", 100_000, view)
    assert all(other.wanted("report", 100_000, bound) for _ in range(2 * UNWANTED_MAX))


async def test_who_proposes_much_waits_and_is_heard_again(
    people: list[Person], autojump_clock: MockClock
) -> None:
    large, view = LargeFrames(people[1].member.id), view_of(people[0], document_of(*people))
    assert large.wanted("propose", 4 * PROPOSED_BYTES_PER_S, view)
    assert not large.wanted("propose", 100_000, view)
    await trio.sleep(3.1)
    assert large.wanted("propose", 100_000, view)


async def test_a_few_unwanted_ones_are_forgotten_and_many_end_the_link(
    people: list[Person], autojump_clock: MockClock
) -> None:
    large, view = LargeFrames(people[1].member.id), view_of(people[0], document_of(*people))
    for _ in range(2):
        await trio.sleep(UNWANTED_FOR_S + 1)
        assert not any(large.wanted("fetched", 100_000, view) for _ in range(UNWANTED_MAX))
    for _ in range(2):  # also on the next link
        with pytest.raises(PeerError, match="large messages that nobody asked for"):
            large.wanted("fetched", 100_000, view)
