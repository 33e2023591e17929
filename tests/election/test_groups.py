"""Participants of different groups ignore each other, and report that once."""

from typing import Any

import orjson
import pytest
import trio
from trio.testing import MockClock

from qutrio import election
from qutrio.codec import wire
from qutrio.core.api.events import Linked, Received
from qutrio.core.api.messages import Farewell
from qutrio.election.drivers.memory import MemoryWire
from qutrio.election.feeds import FEED_ITEMS_MAX, Feed
from qutrio.election.frame_receiver import FrameReceiver
from qutrio.election.group import DIGEST_BYTES, Group
from qutrio.errors import ElectionError, InvalidValueError
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId
from tests.election.arena import open_arena

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
GROUP = Group(name="jobs", members=(A, B), settings=Settings())


def make_receiver(feed: Feed[election.Trouble]) -> FrameReceiver:
    link: Any = None
    return FrameReceiver(GROUP, A, link, None, feed)


def test_a_member_is_linked_when_it_is_first_heard() -> None:
    receiver, frame = make_receiver(Feed()), GROUP.pack(Farewell())
    assert receiver.events(B, frame) == [Linked(B), Received(B, Farewell())]
    assert receiver.events(B, frame) == [Received(B, Farewell())]


@pytest.mark.parametrize(
    ("sender", "frame", "words"),
    [
        (B, b"", "another list of members"),
        (B, b"x" * DIGEST_BYTES + wire.encode(Farewell()), "another list of members"),
        (B, GROUP.digest + b"{", "says what no version would say"),
        (C, GROUP.pack(Farewell()), "is no member"),
        (A, GROUP.pack(Farewell()), "another program uses it too"),
        (NodeId("z" * 1000), b"", "zzz...' has another list"),
    ],
)
async def test_a_frame_that_does_not_count_is_reported_once(
    sender: NodeId, frame: bytes, words: str
) -> None:
    feed = Feed[election.Trouble]()
    receiver, listener = make_receiver(feed), feed.listen()
    for _ in range(3):
        assert receiver.events(sender, frame) == []
    feed.end()
    troubles = [trouble async for trouble in listener]
    assert len(troubles) == 1
    assert words in str(troubles[0])
    assert troubles[0].kind is election.TroubleKind.GROUP


async def test_a_crowd_of_strangers_is_not_reported_forever() -> None:
    feed = Feed[election.Trouble]()
    receiver, listener = make_receiver(feed), feed.listen()
    for number in range(1000):
        receiver.events(NodeId(f"z{number}"), b"")
    assert listener.lost < 256
    assert receiver.events(B, GROUP.pack(Farewell())) != []


def test_a_message_of_a_newer_version_is_ignored_silently() -> None:
    frame = GROUP.digest + orjson.dumps({"kind": "something_new"})
    assert make_receiver(Feed()).events(B, frame) == []


def test_what_must_be_common_makes_the_digest() -> None:
    others = [
        Group(name="chores", members=(A, B), settings=Settings()),
        Group(name="jobs", members=(A, B, C), settings=Settings()),
        Group(name="jobs", members=(A, B), settings=Settings(engine="raft")),
        Group(name="jobs", members=(A, B), settings=Settings(dead_after_s=5.0)),
    ]
    assert len({GROUP.digest, *(other.digest for other in others)}) == 5
    same = Group(name="jobs", members=(A, B), settings=Settings(master_cooldown_s=1.0))
    assert same.digest == GROUP.digest


async def test_a_participant_with_another_list_does_not_count_and_is_reported(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("a", "b", start=False, members=["a", "b", "c"]) as arena:
        arena.start("a")
        arena.start("b", members=["a", "b"])
        await arena.reported("a", "'b' has another list of members")
        await arena.reported("b", "'a' has another list of members")
        await trio.sleep(30)
        assert not arena.running
        await arena.leave("b")
        arena.start("b")
        await arena.leader()


async def test_trouble_of_the_driver_is_passed_on(autojump_clock: MockClock) -> None:
    async with open_arena("a") as arena:
        await arena.participating("a")
        arena.wire.report_trouble("a", "the cable is cut")
        trouble = await arena.reported("a", "the cable is cut")
        assert trouble.kind is election.TroubleKind.WIRE


BAD: list[tuple[dict[str, Any], str]] = [
    ({"self_id": "a b"}, "self_id"),
    ({"name": "two words"}, "name"),
    ({"members": "a"}, "members"),
    ({"members": ["a", "a"]}, "members"),
    ({"members": ["b", "c"]}, "members"),
    ({"members": ["a", ""]}, "members"),
    ({"members": ["a", 7]}, "members"),
    ({"members": ["a", *(f"n{n}" for n in range(128))]}, "members"),
    ({"members": None}, "members"),
    ({"size": 3}, "members"),
    ({"members": None, "size": 0}, "size"),
    ({"members": None, "size": 129}, "size"),
    ({"members": None, "size": "3"}, "size"),
    ({"engine": "paxos"}, "engine"),
    ({"dead_after": 1.0}, "dead_after"),
    ({"heartbeat": 1000}, "heartbeat"),
    ({"election_timeout": 0.2}, "election_timeout"),
    ({"leader_heartbeat": 0.0}, "leader_heartbeat"),
    ({"cooldown": -1}, "cooldown"),
    ({"alive": float("nan")}, "alive"),
    ({"startup_grace": "3"}, "startup_grace"),
    ({"sample": True}, "sample"),
]


async def join_and_leave(name: str = "jobs", **options: Any) -> None:
    """Join, and leave at once."""
    given: dict[str, Any] = {"self_id": "a", "members": ["a"], "driver": MemoryWire()}
    async with election.join(name, **{**given, "state": election.MemoryState(), **options}):
        pass


@pytest.mark.parametrize(("options", "field"), BAD)
async def test_a_bad_argument_is_refused_by_its_name(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        await join_and_leave(**options)
    assert caught.value.field == field


async def test_an_unknown_argument_is_an_error_of_the_program() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'dead_afer'"):
        await join_and_leave(dead_afer=3)


async def test_participants_that_know_only_their_number_find_each_other(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("x", "y", "z", size=3) as arena:
        await arena.leader()
        for place in arena.places.values():
            assert place.participant is not None
            assert place.participant.members == ("x", "y", "z")


async def test_a_participant_that_met_the_others_need_not_meet_them_again(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("x", "y", "z", size=3) as arena:
        await arena.leader()
        await trio.sleep(5)
        await arena.crash("x")
        await arena.crash("y")
        await arena.crash("z")
        arena.start("x", "y")
        await arena.leader()
        assert (await arena.participating("x")).members == ("x", "y", "z")


async def test_a_participant_that_lost_its_state_adopts_the_list_of_the_others(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("x", "y", "z", size=3) as arena:
        await arena.leader()
        await arena.crash("x")
        await arena.crash("y")
        arena.start("x", state=election.MemoryState())
        assert (await arena.participating("x")).members == ("x", "y", "z")


async def test_one_participant_too_many_is_refused_and_reported(autojump_clock: MockClock) -> None:
    async with open_arena("x", "y", "z", size=3) as arena:
        await arena.leader()
        with pytest.raises(ElectionError, match="has its 3 participants already: x, y, z"):
            await join_and_leave("reports", self_id="w", members=None, size=3, driver=arena.wire)
        await arena.reported("x", "'w' came after all 3 participants had been found")


async def test_a_lone_participant_of_size_one_does_not_wait(autojump_clock: MockClock) -> None:
    async with open_arena("x", size=1) as arena:
        assert await arena.leader() == "x"


async def test_a_listener_that_does_not_keep_up_loses_the_oldest_and_delays_nobody() -> None:
    feed = Feed[int]()
    slow, quick = feed.listen(), feed.listen()
    for number in range(FEED_ITEMS_MAX + 10):
        feed.publish(number)
        assert await anext(quick) == number
    feed.end()
    assert [number async for number in slow] == list(range(10, FEED_ITEMS_MAX + 10))
    assert (slow.lost, quick.lost) == (10, 0)


async def test_a_listener_without_references_is_dropped() -> None:
    feed = Feed[int]()
    feed.listen()
    feed.publish(1)
    assert len(feed._listeners) == 0


async def test_a_late_listener_gets_earlier_trouble(autojump_clock: MockClock) -> None:
    async with open_arena("a") as arena:
        participant = await arena.participating("a")
        arena.wire.report_trouble("a", "the cable is cut")
        await trio.sleep(1)
        assert str(await anext(participant.errors())) == "the cable is cut"


async def test_changes_contain_each_change_of_the_role(autojump_clock: MockClock) -> None:
    async with open_arena("a", "b", "c", engine="raft") as arena:
        first = await arena.leader()
        await trio.sleep(5)
        roles = [(change.before, change.after) for change in arena.places[first].role_changes]
        role = election.Role
        assert (role.FOLLOWER, role.CANDIDATE) in roles
        assert roles[-1] == (role.CANDIDATE, role.LEADER)
        assert all(change.reason for change in arena.places[first].role_changes)
