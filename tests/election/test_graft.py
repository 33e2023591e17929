"""A graft participant: what it answers, when it leads, and what it stores."""

import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from qutrio.core.election.interface import Role
from qutrio.election.feeds import Listener, Trouble, TroubleKind
from qutrio.election.graft import frames
from qutrio.election.graft.frames import F, Heartbeat, VoteRequest, VoteResponse, encode
from qutrio.election.graft.participant import GraftParticipant, join_graft
from qutrio.errors import ElectionError, InvalidValueError
from qutrio.model.ids import NodeId, Term
from qutrio.model.stable import HardState
from qutrio.plumbing.clock import TrioClock
from tests.election.graft_bus import Bus, MemoryHardStates, Tap

HEARTBEATS, REQUESTS = "graft.jobs.heartbeat", "graft.jobs.vote_request"
TO_ME, TO_X, TO_Y = (f"graft.{name}.vote_response" for name in ("me", "x", "y"))


@asynccontextmanager
async def participant_of(
    bus: Bus, name: str = "me", *, size: int = 3, hard_states: MemoryHardStates | None = None
) -> AsyncIterator[GraftParticipant]:
    async with join_graft(
        "jobs",
        self_id=name,
        size=size,
        nats=bus,
        state=hard_states or MemoryHardStates(),
        clock=TrioClock(),
        rng=random.Random(name),
    ) as participant:
        yield participant


@asynccontextmanager
async def other_node(bus: Bus) -> AsyncIterator[Tap]:
    """A hand-made graft node of the name x."""
    async with bus.subscribe([HEARTBEATS, REQUESTS, TO_X]) as tap:
        yield tap


def role_of(participant: GraftParticipant) -> Role:
    return participant.state.role


async def until(participant: GraftParticipant, role: Role) -> None:
    changes = participant.changes()
    with trio.fail_after(60):
        while participant.state.role is not role:
            await anext(changes)


async def next_of(tap: Tap, wanted: str, kind: type[F]) -> F:
    with trio.fail_after(60):
        while True:
            subject, payload = await tap.receive()
            if subject == wanted:
                tap.incoming.put((subject, payload))
                return (await tap.heard(kind))[1]


async def next_trouble(troubles: Listener[Trouble]) -> Trouble:
    with trio.fail_after(60):
        return await anext(troubles)


async def ask_for_vote(tap: Tap, term: int, state: bytes = b"") -> VoteResponse:
    tap.publish(REQUESTS, encode(VoteRequest(term, "x", state)))
    return await next_of(tap, TO_X, VoteResponse)


async def test_three_participants_elect_one_leader_and_another_when_it_is_gone(
    autojump_clock: MockClock,
) -> None:
    bus = Bus()
    tell, leads = trio.open_memory_channel[tuple[str, Term]](8)

    async def take_part(name: str) -> None:
        async with participant_of(bus, name) as participant:
            while True:
                async with participant.leading() as term:
                    tell.send_nowait((name, term))
                    await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for name in ("a", "b", "c"):
            nursery.start_soon(take_part, name)
        with trio.fail_after(60):
            first, term = await leads.receive()
            await trio.sleep(5)
            with pytest.raises(trio.WouldBlock):
                leads.receive_nowait()
            answers = f"graft.{first}.vote_response"
            next(tap for tap in bus.taps if answers in tap.subjects).cut = True
            second, higher = await leads.receive()
        assert second != first
        assert higher > term
        nursery.cancel_scope.cancel()


async def test_a_request_of_a_higher_term_deposes_a_leader_and_gets_the_vote(
    autojump_clock: MockClock,
) -> None:
    bus, hard_states = Bus(), MemoryHardStates()
    async with participant_of(bus, size=1, hard_states=hard_states) as me, other_node(bus) as x:
        with trio.fail_after(60):
            async with me.leading() as term:
                assert hard_states.kept == HardState(term, NodeId("me"))
                assert me.state.role is Role.LEADER
                x.publish(REQUESTS, encode(VoteRequest(term + 7, "x")))
                await trio.Event().wait()
            assert await next_of(x, TO_X, VoteResponse) == VoteResponse(term + 7, granted=True)
        assert hard_states.kept == HardState(Term(term + 7), NodeId("x"))


async def test_a_vote_is_given_once_in_a_term_and_again_to_the_same_candidate(
    autojump_clock: MockClock,
) -> None:
    bus = Bus()
    async with participant_of(bus), other_node(bus) as x:
        assert await ask_for_vote(x, 9) == VoteResponse(9, granted=True)
        assert await ask_for_vote(x, 9) == VoteResponse(9, granted=True)
        x.publish(REQUESTS, encode(VoteRequest(9, "y")))
        assert await ask_for_vote(x, 8) == VoteResponse(9, granted=False)


async def test_a_vote_survives_a_restart(autojump_clock: MockClock) -> None:
    bus, hard_states = Bus(), MemoryHardStates()
    async with other_node(bus) as x:
        async with participant_of(bus, hard_states=hard_states):
            assert (await ask_for_vote(x, 9)).granted
        assert hard_states.kept == HardState(Term(9), NodeId("x"))
        async with (
            participant_of(bus, hard_states=hard_states) as me,
            bus.subscribe(["graft.y.vote_response"]) as y,
        ):
            assert me.state.term == 9
            x.publish(REQUESTS, encode(VoteRequest(9, "y")))
            with trio.fail_after(60):
                assert await y.heard(VoteResponse) == (
                    "graft.y.vote_response",
                    VoteResponse(9, granted=False),
                )


async def test_heartbeats_keep_a_follower_and_stale_ones_do_not(autojump_clock: MockClock) -> None:
    bus = Bus()
    async with (
        participant_of(bus, hard_states=MemoryHardStates(HardState(Term(5)))) as me,
        other_node(bus) as x,
    ):
        for _ in range(50):
            x.publish(HEARTBEATS, encode(Heartbeat(6, "x")))
            await trio.sleep(0.2)
        assert (me.state.role, me.state.leader, me.state.term) == (Role.FOLLOWER, "x", 6)
        with trio.fail_after(2):
            while me.state.role is not Role.CANDIDATE:
                x.publish(HEARTBEATS, encode(Heartbeat(4, "x")))
                await trio.sleep(0.2)


async def test_votes_count_up_to_the_number_of_other_nodes(autojump_clock: MockClock) -> None:
    bus = Bus()
    async with participant_of(bus, size=5) as me, other_node(bus) as x:
        troubles = me.errors()
        asked = await next_of(x, REQUESTS, VoteRequest)
        assert asked.candidate == "me"
        yes = encode(VoteResponse(asked.term, granted=True))
        x.publish(TO_ME, encode(VoteResponse(asked.term, granted=False)))
        x.publish(TO_ME, encode(VoteResponse(asked.term - 1, granted=True)))
        x.publish(TO_ME, yes)
        await trio.sleep(0.01)
        assert role_of(me) is Role.CANDIDATE
        x.publish(TO_ME, yes)
        await until(me, Role.LEADER)
        assert (await next_of(x, HEARTBEATS, Heartbeat)) == Heartbeat(asked.term, "me")
        for _ in range(3):
            x.publish(TO_ME, yes)
        trouble = await next_trouble(troubles)
        assert "more votes" in str(trouble)
        assert role_of(me) is Role.LEADER


async def test_a_denial_of_a_higher_term_ends_a_candidacy(autojump_clock: MockClock) -> None:
    bus = Bus()
    async with participant_of(bus) as me, other_node(bus) as x:
        asked = await next_of(x, REQUESTS, VoteRequest)
        x.publish(TO_ME, encode(VoteResponse(asked.term + 3, granted=False)))
        await trio.sleep(0.01)
        assert (me.state.role, me.state.term) == (Role.FOLLOWER, asked.term + 3)


@pytest.mark.parametrize(
    ("subject", "payload", "words"),
    [
        (HEARTBEATS, b"\xff\xff", "malformed"),
        (REQUESTS, b"\x0a", "malformed"),
        (TO_ME, b"\x08", "malformed"),
        (HEARTBEATS, encode(Heartbeat(0, "x")), "no term"),
        (REQUESTS, b"\0" * 8000, "8000 bytes"),
        (HEARTBEATS, encode(Heartbeat(3, "")), "not an id"),
        (REQUESTS, encode(VoteRequest(3, "x y")), "not an id"),
        (REQUESTS, encode(VoteRequest(3, "x", b"p" * 4097)), "4097 bytes"),
        (HEARTBEATS, encode(Heartbeat(3, "me")), "under this participant's id"),
    ],
)
async def test_garbage_is_reported_and_changes_nothing(
    subject: str, payload: bytes, words: str, autojump_clock: MockClock
) -> None:
    bus = Bus()
    async with participant_of(bus) as me:
        troubles = me.errors()
        bus.carry(subject, payload)
        trouble = await next_trouble(troubles)
        assert trouble.kind is TroubleKind.PROTOCOL
        assert words in str(trouble)
        assert me.state.term == 0


async def test_the_programs_own_state_decides_who_may_lead(autojump_clock: MockClock) -> None:
    class Log:
        def current_state(self) -> bytes:
            return b"\x05"

        def grant_vote(self, position: bytes) -> bool:
            return position >= b"\x05"

    bus = Bus()
    async with (
        join_graft(
            "jobs",
            self_id="me",
            size=3,
            nats=bus,
            state=MemoryHardStates(),
            position=Log(),
            clock=TrioClock(),
        ),
        other_node(bus) as x,
    ):
        assert not (await ask_for_vote(x, 7, b"\x04")).granted
        assert (await ask_for_vote(x, 8, b"\x06")).granted
        assert (await next_of(x, REQUESTS, VoteRequest)).current_state == b"\x05"


async def test_a_failed_write_of_the_hard_state_gives_no_vote_and_no_lead(
    autojump_clock: MockClock,
) -> None:
    bus, hard_states = Bus(), MemoryHardStates()
    async with participant_of(bus, size=1, hard_states=hard_states) as me, other_node(bus) as x:
        troubles = me.errors()
        hard_states.failing = "no space left"
        x.publish(REQUESTS, encode(VoteRequest(4, "x")))
        trouble = await next_trouble(troubles)
        assert trouble.kind is TroubleKind.DISK
        await trio.sleep(10)
        assert (me.state.role, me.state.term, hard_states.kept) == (Role.FOLLOWER, 0, HardState())
        hard_states.failing = None
        await until(me, Role.LEADER)
        assert hard_states.kept.term == me.state.term


async def test_changes_are_published_and_end_when_the_participant_leaves(
    autojump_clock: MockClock,
) -> None:
    async with participant_of(Bus(), size=1) as me:
        changes = me.changes()
        troubles = me.errors()
        await until(me, Role.LEADER)
    assert [change.after async for change in changes] == [Role.CANDIDATE, Role.LEADER, Role.CLOSED]
    assert [str(trouble) async for trouble in troubles] == []
    assert role_of(me) is Role.CLOSED
    with pytest.raises(ElectionError):
        async with me.leading():
            pass


async def test_leaving_cancels_a_body_and_keeps_the_hard_state(autojump_clock: MockClock) -> None:
    hard_states, ended = MemoryHardStates(), trio.Event()

    async def lead(participant: GraftParticipant, led: trio.Event) -> None:
        async with participant.leading():
            led.set()
            await trio.Event().wait()
        ended.set()

    async with trio.open_nursery() as nursery:
        async with participant_of(Bus(), size=1, hard_states=hard_states) as me:
            nursery.start_soon(lead, me, led := trio.Event())
            await led.wait()
            term = me.state.term
        with trio.fail_after(60):
            await ended.wait()
    assert hard_states.kept == HardState(Term(term), NodeId("me"))


async def test_a_second_leader_of_ones_own_term_is_reported(autojump_clock: MockClock) -> None:
    bus = Bus()
    async with participant_of(bus, size=1) as me, other_node(bus) as x:
        troubles = me.errors()
        await until(me, Role.LEADER)
        x.publish(HEARTBEATS, encode(Heartbeat(me.state.term, "x")))
        assert "leads" in str(await next_trouble(troubles))
        assert role_of(me) is Role.LEADER


async def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    frames._classes.cache_clear()
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(ElectionError, match=r"qutrio\[nats\]"):
        async with participant_of(Bus()):
            pass


async def test_trouble_of_the_connection_is_reported(autojump_clock: MockClock) -> None:
    bus = Bus()
    async with participant_of(bus) as me:
        troubles = me.errors()
        bus.taps[0].troubles.put("lost the connection")
        assert await next_trouble(troubles) == Trouble(TroubleKind.WIRE, "lost the connection")


async def test_an_error_in_the_block_comes_out_alone(autojump_clock: MockClock) -> None:
    async def leave_with(error: Exception) -> None:
        async with participant_of(Bus()):
            raise error

    with pytest.raises(KeyError):
        await leave_with(KeyError())
    with pytest.raises(ExceptionGroup) as caught:
        await leave_with(ExceptionGroup("the block's own", [KeyError()]))
    assert caught.value.message == "the block's own"


async def test_a_timer_that_cannot_be_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidValueError) as caught:
        async with join_graft(
            "jobs",
            self_id="me",
            size=3,
            nats=Bus(),
            state=MemoryHardStates(),
            election_timeout=0.11,
        ):
            pass
    assert caught.value.field == "election_timeout"


@pytest.mark.parametrize(
    ("cluster", "self_id", "size", "field"),
    [
        ("", "me", 3, "cluster"),
        ("a..b", "me", 3, "cluster"),
        ("jobs", "me>", 3, "self_id"),
        ("jobs", "m" * 65, 3, "self_id"),
        ("jobs", "me", 0, "size"),
        ("jobs", "me", True, "size"),
    ],
)
async def test_arguments_that_cannot_be_are_refused(
    cluster: str, self_id: str, size: int, field: str, autojump_clock: MockClock
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        async with join_graft(
            cluster, self_id=self_id, size=size, nats=Bus(), state=MemoryHardStates()
        ):
            pass
    assert caught.value.field == field
