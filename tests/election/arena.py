"""Whole seats in virtual time: the real library over a wire in memory, with a state in memory.

Every seat runs a program that works whenever it leads.  The arena refuses what must never be:
two bodies at once, a term that does not grow from one seat to the next.
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
    """A run of one seat's body."""

    participant: str
    term: int
    began: float
    ended: float


@define
class SeatClock:
    """A clock that shows another time than others, and runs a little fast or slow.

    A machine that sleeps adds to its offset.
    """

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
    """One seat of the arena, taken or not."""

    state: election.MemoryState = Factory(election.MemoryState)
    clock: SeatClock = Factory(SeatClock)
    participant: election.Participant | None = None
    starts: int = 0
    lines: list[str] = Factory(list)
    troubles: list[election.Trouble] = Factory(list)
    turns: list[election.Turn] = Factory(list)
    _stop: trio.Event = Factory(trio.Event)
    _ended: trio.Event = Factory(trio.Event)


@define
class Arena:
    """The seats of one election, and what their bodies did.

    A body that is cancelled needs `unwinding_s` to end.
    """

    nursery: trio.Nursery
    seed: int
    options: dict[str, Any]
    unwinding_s: float = 0.0
    wire: MemoryWire = field(init=False)
    places: dict[str, Place] = Factory(dict)
    leader_tasks: list[Body] = Factory(list)
    running: dict[str, int] = Factory(dict)
    last: tuple[str, int] = ("", 0)
    _stirred: trio.Event = Factory(trio.Event)

    def __attrs_post_init__(self) -> None:
        """Lay the wire."""
        self.wire = MemoryWire(self.seed)

    def start(self, *ids: str, **options: Any) -> None:
        """Let seats be taken; `options` go before those of the arena."""
        for self_id in ids:
            place = self.places.setdefault(self_id, Place())
            place._stop, place._ended, place.participant = trio.Event(), trio.Event(), None
            self.nursery.start_soon(self._live, self_id, place, options)

    async def leave(self, self_id: str) -> None:
        """Let a seat be left as it should be."""
        place = self.places[self_id]
        place._stop.set()
        await place._ended.wait()

    async def crash(self, self_id: str) -> None:
        """End a seat without a word; its state stays."""
        self.wire.isolate(self_id)
        await self.leave(self_id)
        self.wire.rejoin(self_id)

    async def leader(self, *, but: str | None = None) -> str:
        """Wait until the body of a seat runs, another one than `but`, and return the seat."""
        with trio.fail_after(LED_S_MAX):
            while not (
                found := [participant for participant in self.running if participant != but]
            ):
                await self._stirred.wait()
        return found[0]

    async def quiet(self) -> None:
        """Wait until no body runs."""
        with trio.fail_after(LED_S_MAX):
            while self.running:
                await self._stirred.wait()

    async def told(self, self_id: str, words: str) -> election.Trouble:
        """Wait until a seat tells of a trouble with these words."""
        with trio.fail_after(LED_S_MAX):
            while True:
                for trouble in self.places[self_id].troubles:
                    if words in trouble.what:
                        return trouble
                await self._stirred.wait()

    async def participating(self, self_id: str) -> election.Participant:
        """Wait until a seat is taken, and return it."""
        with trio.fail_after(LED_S_MAX):
            while (participant := self.places[self_id].participant) is None:
                await self._stirred.wait()
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
                self._stir()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._work, self_id, place.participant)
                    nursery.start_soon(self._collect, place.participant.errors(), place.troubles)
                    nursery.start_soon(self._collect, place.participant.changes(), place.turns)
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
                    self.leader_tasks.append(Body(self_id, term, began, trio.current_time()))
                    self._stir()

    def _begin(self, self_id: str, term: int) -> None:
        assert not self.running, f"{self_id} begins while {self.running} run"
        grows = term > self.last[1] or (self_id, term) == self.last
        assert grows, f"{self_id} begins in term {term} after {self.last}"
        self.last = (self_id, term)
        self.running[self_id] = term
        self._stir()

    async def _collect(self, listener: election.Listener[Any], into: list[Any]) -> None:
        async for item in listener:
            into.append(item)
            self._stir()

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()


@asynccontextmanager
async def open_arena(
    *seats: str, seed: int = 0, start: bool = True, **options: Any
) -> AsyncIterator[Arena]:
    """Make an arena, take its seats, and end all with the block."""
    if "size" not in options:
        options.setdefault("members", seats)
    async with trio.open_nursery() as nursery:
        arena = Arena(nursery, seed, options)
        if start:
            arena.start(*seats)
        yield arena
        with trio.fail_after(LED_S_MAX):
            async with trio.open_nursery() as leaving:
                for self_id in arena.places:
                    leaving.start_soon(partial(arena.leave, self_id))


def alone(arena: Arena) -> dict[str, Any]:
    """Return how to take the only seat of an election."""
    return {
        "members": ["a"],
        "driver": arena.wire,
        "state": election.MemoryState(),
        "clock": SeatClock(),
    }


@frozen
class Log:
    """A program whose state is the number of its last entry."""

    last: int

    def current_state(self) -> bytes:
        """Return the number."""
        return str(self.last).encode()

    def grant_vote(self, position: bytes) -> bool:
        """Agree to whoever has as much."""
        return int(position) >= self.last
