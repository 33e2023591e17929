"""Elections over a real NATS server: programs that are killed, and graft's frames."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE

import pytest
import trio
from attrs import define, field
from nats.aio.client import Client
from nats.aio.msg import Msg

from qutrio import election
from qutrio.core.election.interface import Role
from qutrio.election.drivers.nats import Nats
from qutrio.election.drivers.nats_client import NatsConnection, NatsServers
from qutrio.election.graft.frames import (
    Frame,
    Heartbeat,
    VoteRequest,
    VoteResponse,
    decode,
    encode,
)
from tests.election.nats_server import NatsServer, needs_nats_server
from tests.election.participant_program import PARTICIPANTS
from tests.patience import HANG_S

pytestmark = [needs_nats_server, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PATIENCE_S = HANG_S
HEARTBEATS_OF_ONE_LEADER = 30
"""This many heartbeats take longer than any election timeout."""
KINDS: dict[str, type[Frame]] = {
    "heartbeat": Heartbeat,
    "vote_request": VoteRequest,
    "vote_response": VoteResponse,
}


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    server = NatsServer()
    await server.start()
    yield server
    await server.kill()


@define(eq=False)
class Programs:
    """Three programs with a participant each, and their output."""

    _processes: dict[str, trio.Process] = field(factory=dict)
    _said: tuple[
        trio.MemorySendChannel[tuple[str, list[str]]],
        trio.MemoryReceiveChannel[tuple[str, list[str]]],
    ] = field(factory=lambda: trio.open_memory_channel[tuple[str, list[str]]](64))

    async def start(self, name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.election.participant_program", *arguments]
        self._processes[name] = await trio.lowlevel.open_process(
            command, stdout=PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

    async def relay(self, name: str) -> None:
        """Queue the lines that a program prints, until it ends."""
        rest, output = b"", self._processes[name].stdout
        assert output is not None
        async with output:
            async for more in output:
                *lines, rest = (rest + more).split(b"\n")
                for line in lines:
                    await self._said[0].send((name, line.decode().split()))

    async def next_lead(self) -> tuple[str, int]:
        """Return which program leads next, and its term."""
        with trio.fail_after(PATIENCE_S):
            while True:
                name, words = await self._said[1].receive()
                if words[0] == "leads":
                    return name, int(words[1])

    async def next_end(self, name: str) -> None:
        """Wait until a program says that it stopped leading."""
        with trio.fail_after(PATIENCE_S):
            while await self._said[1].receive() != (name, ["ended"]):
                pass

    async def kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        await process.wait()

    async def kill_all(self) -> None:
        for name in tuple(self._processes):
            await self.kill(name)


@asynccontextmanager
async def three_programs(kind: str, server: NatsServer, folder: Path) -> AsyncIterator[Programs]:
    programs = Programs()
    async with trio.open_nursery() as nursery:
        try:
            for participant in PARTICIPANTS:
                await programs.start(
                    participant, kind, participant, server.url, str(folder / participant)
                )
                nursery.start_soon(programs.relay, participant)
            yield programs
        finally:
            with trio.CancelScope(shield=True):
                await programs.kill_all()


@pytest.mark.parametrize("kind", ["mesh", "graft"])
async def test_another_program_leads_when_the_leader_or_the_server_is_killed(
    kind: str, server: NatsServer, tmp_path: Path
) -> None:
    async with three_programs(kind, server, tmp_path) as programs:
        first, term = await programs.next_lead()
        await programs.kill(first)
        second, higher = await programs.next_lead()
        assert second != first
        assert higher > term
        await server.kill()
        if kind == "mesh":
            await programs.next_end(second)
        await server.start()
        if kind == "mesh":
            assert (await programs.next_lead())[1] >= higher
        else:
            # The leader before the outage still leads, or the candidate of a higher term does.
            heard = await receive_until(server.url, "graft.jobs.heartbeat", one_leads)
            last = decode(Heartbeat, heard[-1][1])
            assert last.term >= higher
            assert last.leader in set(PARTICIPANTS) - {first}


Heard = list[tuple[str, bytes]]


def every_kind(heard: Heard) -> bool:
    """Return whether these include a message of each kind."""
    return len({subject.rpartition(".")[2] for subject, _ in heard}) == len(KINDS)


def one_leads(heard: Heard) -> bool:
    """Return whether the last heartbeats are all of one leader in one term."""
    last = [decode(Heartbeat, payload) for _, payload in heard[-HEARTBEATS_OF_ONE_LEADER:]]
    return len(last) == HEARTBEATS_OF_ONE_LEADER and all(beat == last[0] for beat in last)


async def receive_until(url: str, subject: str, enough: Callable[[Heard], bool]) -> Heard:
    """Receive messages with nats-py alone until `enough` returns True."""

    async def listen() -> Heard:
        heard: Heard = []
        done = asyncio.Event()
        client = Client()

        async def on_message(message: Msg) -> None:
            heard.append((message.subject, message.data))
            if enough(heard):
                done.set()

        await client.connect(url)
        await client.subscribe(subject, cb=on_message)
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        await client.close()
        return heard

    return await trio.to_thread.run_sync(asyncio.run, listen())


@asynccontextmanager
async def graft_participant(
    server: NatsServer, name: str, folder: Path
) -> AsyncIterator[election.GraftParticipant]:
    nats = Nats(servers=[server.url])
    async with election.join_graft(
        "jobs", self_id=name, size=3, nats=nats, state=folder / name
    ) as participant:
        yield participant


async def test_the_frames_of_graft_participants_decode_with_its_schema(
    server: NatsServer, tmp_path: Path
) -> None:
    heard: list[tuple[str, bytes]] = []

    async def listen(scope: trio.CancelScope) -> None:
        heard.extend(await receive_until(server.url, "graft.>", every_kind))
        scope.cancel()

    async with (
        graft_participant(server, "a", tmp_path) as a,
        graft_participant(server, "b", tmp_path),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(listen, nursery.cancel_scope)
        async with a.leading():
            await trio.Event().wait()
    ids = {"a", "b"}
    for subject, payload in heard:
        match decode(KINDS[subject.rpartition(".")[2]], payload):
            case Heartbeat(term, leader):
                assert subject == "graft.jobs.heartbeat"
                assert leader in ids
            case VoteRequest(term, candidate, state):
                assert subject == "graft.jobs.vote_request"
                assert candidate in ids
                assert state == b""
            case VoteResponse(term):
                assert subject.split(".")[1] in ids
        assert term > 0


async def answer_to(connection: NatsConnection, subject: str, frame: Frame) -> VoteResponse:
    """Publish until an answer comes: the start of a subscription cannot be observed."""
    with trio.fail_after(PATIENCE_S):
        while True:
            connection.publish(subject, encode(frame))
            with trio.move_on_after(0.1):
                _, payload = await connection.receive()
                return decode(VoteResponse, payload)


async def test_hand_made_frames_are_answered_as_graft_would(
    server: NatsServer, tmp_path: Path
) -> None:
    requests, beats = "graft.jobs.vote_request", "graft.jobs.heartbeat"
    answers = NatsServers(servers=[server.url]).subscribe(["graft.x.vote_response"])
    async with graft_participant(server, "a", tmp_path) as a, answers as x:
        troubles = a.errors()
        assert await answer_to(x, requests, VoteRequest(1000, "x")) == VoteResponse(
            1000, granted=True
        )
        assert await answer_to(x, requests, VoteRequest(1000, "x")) == VoteResponse(
            1000, granted=True
        )
        assert not (await answer_to(x, requests, VoteRequest(999, "x"))).granted
        x.publish(beats, encode(Heartbeat(3, "x")))
        x.publish(beats, b"\xff" * 10)
        with trio.fail_after(PATIENCE_S):
            assert "malformed" in str(await anext(troubles))
        assert a.state.role is not Role.LEADER
        assert a.state.term >= 1000
