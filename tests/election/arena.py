"""Runs participants in virtual time, over a wire in memory and with states in memory.

Every participant runs a program that works while it leads.  The arena fails when two bodies run
at once, or when a term does not grow from one participant to the next.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from attrs import Factory, define, field, frozen

from qutrio import election
from qutrio.election.drivers.memory import MemoryWire
from qutrio.model.ids import Instant, UnixTime
from tests.patience import HANG_S

LED_S_MAX = HANG_S
every_engine = pytest.mark.parametrize("engine", ["lowest-id", "raft", "gossip"])


@frozen
class Body:
    """A run of one participant's body."""

    participant: str
    term: int
    began: float
    ended: float


@define
class ParticipantClock:
    """A clock with an offset and a rate of its own; a suspend of the machine adds to the offset."""

    offset_s: float = 0.0
    rate: float = 1.0

    def now(self) -> Instant:
        """Return this clock's seconds."""
        return Instant(self.offset_s + self.rate * trio.current_time())

    def wall(self) -> UnixTime:
        """Return this clock's calendar time."""
        return UnixTime(1_700_000_000.0 + self.now())


@define(eq=False)
class Place:
    """A participant of the arena, running or not."""

    state: election.MemoryState = Factory(election.MemoryState)
    clock: ParticipantClock = Factory(ParticipantClock)
    participant: election.Participant | None = None
    starts: int = 0
    lines: list[str] = Factory(list)
    troubles: list[election.Trouble] = Factory(list)
    role_changes: list[election.RoleChange] = Factory(list)
    _stop: trio.Event = Factory(trio.Event)
    _ended: trio.Event = Factory(trio.Event)


@define
class Arena:
    """The participants of one election, and the runs of their bodies.

    A body that is cancelled needs `unwinding_s` to end.
    """

    nursery: trio.Nursery
    seed: int
    options: dict[str, Any]
    unwinding_s: float = 0.0
    wire: MemoryWire = field(init=False)
    places: dict[str, Place] = Factory(dict)
    bodies: list[Body] = Factory(list)
    running: dict[str, int] = Factory(dict)
    last: tuple[str, int] = ("", 0)
    _wakeup: trio.Event = Factory(trio.Event)

    def __attrs_post_init__(self) -> None:
        """Make the wire."""
        self.wire = MemoryWire(self.seed)

    def start(self, *ids: str, **options: Any) -> None:
        """Start participants; `options` override those of the arena."""
        for self_id in ids:
            place = self.places.setdefault(self_id, Place())
            place._stop, place._ended, place.participant = trio.Event(), trio.Event(), None
            self.nursery.start_soon(self._live, self_id, place, options)

    async def leave(self, self_id: str) -> None:
        """Have a participant leave in order."""
        place = self.places[self_id]
        place._stop.set()
        await place._ended.wait()

    async def crash(self, self_id: str) -> None:
        """End a participant without a resignation; its state stays."""
        self.wire.isolate(self_id)
        await self.leave(self_id)
        self.wire.rejoin(self_id)

    async def leader(self, *, but: str | None = None) -> str:
        """Wait until a body of a participant other than `but` runs, and return the participant."""
        with trio.fail_after(LED_S_MAX):
            while not (
                found := [participant for participant in self.running if participant != but]
            ):
                await self._wakeup.wait()
        return found[0]

    async def wait_idle(self) -> None:
        """Wait until no body runs."""
        with trio.fail_after(LED_S_MAX):
            while self.running:
                await self._wakeup.wait()

    async def reported(self, self_id: str, words: str) -> election.Trouble:
        """Wait until a participant reports a trouble with these words."""
        with trio.fail_after(LED_S_MAX):
            while True:
                for trouble in self.places[self_id].troubles:
                    if words in trouble.what:
                        return trouble
                await self._wakeup.wait()

    async def participating(self, self_id: str) -> election.Participant:
        """Wait until a participant has joined, and return it."""
        with trio.fail_after(LED_S_MAX):
            while (participant := self.places[self_id].participant) is None:
                await self._wakeup.wait()
        return participant

    async def _live(self, self_id: str, place: Place, options: dict[str, Any]) -> None:
        place.starts += 1
        given = {
            "driver": self.wire,
            "state": place.state,
            "clock": place.clock,
            "rng": random.Random(f"{self.seed} {self_id} {place.starts}"),
            "log": lambda what, **details: place.lines.append(f"{what} {details}"),
            **self.options,
            **options,
        }
        try:
            async with election.join("reports", self_id=self_id, **given) as place.participant:
                self._wake()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._work, self_id, place.participant)
                    nursery.start_soon(self._collect, place.participant.errors(), place.troubles)
                    nursery.start_soon(
                        self._collect, place.participant.changes(), place.role_changes
                    )
                    await place._stop.wait()
                    nursery.cancel_scope.cancel()
        finally:
            place._ended.set()

    async def _work(self, self_id: str, participant: election.Participant) -> None:
        while True:
            async with participant.leading() as term:
                began = trio.current_time()
                self._begin(self_id, term)
                try:
                    await trio.sleep_forever()
                finally:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(self.unwinding_s)
                    del self.running[self_id]
                    self.bodies.append(Body(self_id, term, began, trio.current_time()))
                    self._wake()

    def _begin(self, self_id: str, term: int) -> None:
        assert not self.running, f"{self_id} begins while {self.running} run"
        grows = term > self.last[1] or (self_id, term) == self.last
        assert grows, f"{self_id} begins in term {term} after {self.last}"
        self.last = (self_id, term)
        self.running[self_id] = term
        self._wake()

    async def _collect(self, listener: election.Listener[Any], into: list[Any]) -> None:
        async for item in listener:
            into.append(item)
            self._wake()

    def _wake(self) -> None:
        self._wakeup.set()
        self._wakeup = trio.Event()


@asynccontextmanager
async def open_arena(
    *participants: str, seed: int = 0, start: bool = True, **options: Any
) -> AsyncIterator[Arena]:
    """Make an arena, start its participants, and end all with the block."""
    if "size" not in options:
        options.setdefault("members", participants)
    async with trio.open_nursery() as nursery:
        arena = Arena(nursery, seed, options)
        if start:
            arena.start(*participants)
        yield arena
        with trio.fail_after(LED_S_MAX):
            async with trio.open_nursery() as leaving:
                for self_id in arena.places:
                    leaving.start_soon(partial(arena.leave, self_id))


def alone(arena: Arena) -> dict[str, Any]:
    """Return the arguments to join as the only participant of an election."""
    return {
        "members": ["a"],
        "driver": arena.wire,
        "state": election.MemoryState(),
        "clock": ParticipantClock(),
    }


@frozen
class Log:
    """A program whose position is the number of its last entry."""

    last: int

    def current_state(self) -> bytes:
        """Return the number."""
        return str(self.last).encode()

    def grant_vote(self, position: bytes) -> bool:
        """Grant the vote to a candidate whose number is not lower."""
        return int(position) >= self.last
