"""Seats of one process that speak without any wire: for tests, with every fault a wire can have.

One `MemoryWire` serves all seats.  The sender's id is the one it opened the wire with.
"""

import random
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count
from math import inf

import trio
from attrs import Factory, define, field, frozen

from qutrio.election.drivers.interface import FRAME_BYTES_MAX, FRAMES_QUEUED_MAX
from qutrio.errors import InvalidValueError
from qutrio.model.ids import NodeId, Seconds

TROUBLES_MAX = 64


@frozen(kw_only=True)
class NetworkFaults:
    """How often a frame is lost, or arrives twice, and how long it takes: between two bounds.

    Frames from one seat to another keep their order unless `disorder` lets them overtake.
    """

    loss: float = 0.0
    twice: float = 0.0
    delay_s: tuple[Seconds, Seconds] = (0.0, 0.0)
    disorder: bool = False


@define
class MemoryWire:
    """A driver for seats of one process, with faults that come from a seed.

    `weather` may be replaced at any time; what is under way stays under way.
    """

    seed: int = 0
    weather: NetworkFaults = NetworkFaults()
    _rng: random.Random = field(init=False)
    _ends: dict[str, dict[NodeId, "MemoryLink"]] = field(init=False, factory=dict)
    _cuts: set[tuple[NodeId, NodeId]] = field(init=False, factory=set)
    _isolated: set[NodeId] = field(init=False, factory=set)
    _last_due: dict[tuple[str, NodeId, NodeId], float] = field(init=False, factory=dict)
    _numbers: "count[int]" = field(init=False, factory=count)

    def __attrs_post_init__(self) -> None:
        """Seed the dice."""
        self._rng = random.Random(self.seed)  # noqa: S311 - faults, no secret

    @asynccontextmanager
    async def open(self, election: str, me: NodeId) -> AsyncGenerator["MemoryLink"]:
        """Return this seat's end; raises `InvalidValueError` when the id is in use."""
        seats = self._ends.setdefault(election, {})
        if me in seats:
            raise InvalidValueError("self_id", f"{me!r} has a seat in this process already")
        link = MemoryLink(self, election, me)
        seats[me] = link
        try:
            yield link
        finally:
            del seats[me]

    def cut(self, sender: str, receiver: str, *, one_way: bool = False) -> None:
        """Let nothing through from one seat to another, and back unless `one_way`."""
        self._cuts.add((NodeId(sender), NodeId(receiver)))
        if not one_way:
            self._cuts.add((NodeId(receiver), NodeId(sender)))

    def isolate(self, participant: str) -> None:
        """Cut a seat off from all others."""
        self._isolated.add(NodeId(participant))

    def rejoin(self, participant: str) -> None:
        """Undo `isolate`."""
        self._isolated.discard(NodeId(participant))

    def heal(self) -> None:
        """Undo every cut between two."""
        self._cuts.clear()

    def complain(self, participant: str, what: str) -> None:
        """Let a seat's end report trouble."""
        for seats in self._ends.values():
            if (end := seats.get(NodeId(participant))) is not None:
                end.report(what)

    def carry(self, election: str, sender: NodeId, to: NodeId | None, frame: bytes) -> None:
        """Carry a frame to one seat, or to all others, as the weather is."""
        seats = self._ends.get(election, {})
        for participant in [other for other in seats if other != sender] if to is None else [to]:
            cut = (sender, participant) in self._cuts or not self._isolated.isdisjoint(
                {sender, participant}
            )
            if participant in seats and not cut:
                for due in self._arrivals((election, sender, participant)):
                    seats[participant].put(due, next(self._numbers), sender, frame)

    def _arrivals(self, way: tuple[str, NodeId, NodeId]) -> list[float]:
        """Return when copies of a frame arrive: none, one or two."""
        weather, rng, arrivals = self.weather, self._rng, list[float]()
        for _ in range(2 if rng.random() < weather.twice else 1):
            if rng.random() >= weather.loss:
                due = trio.current_time() + rng.uniform(*weather.delay_s)
                if not weather.disorder:
                    due = self._last_due[way] = max(due, self._last_due.get(way, 0.0))
                arrivals.append(due)
        return arrivals


@define(eq=False)
class MemoryLink:
    """One seat's end of a `MemoryWire`."""

    _wire: MemoryWire
    _election: str
    _me: NodeId
    _queue: list[tuple[float, int, NodeId, bytes]] = Factory(list)
    _troubles: deque[str] = Factory(lambda: deque(maxlen=TROUBLES_MAX))
    _stirred: trio.Event = Factory(trio.Event)

    def send(self, to: NodeId, frame: bytes) -> None:
        """Hand a frame over for one seat."""
        if self._fits(frame):
            self._wire.carry(self._election, self._me, to, frame)

    def broadcast(self, frame: bytes) -> None:
        """Hand a frame over for every other seat."""
        if self._fits(frame):
            self._wire.carry(self._election, self._me, None, frame)

    async def receive(self) -> tuple[NodeId, bytes]:
        """Wait for the next frame that is due."""
        await trio.lowlevel.checkpoint()
        while not self._queue or self._queue[0][0] > trio.current_time():
            wait_s = self._queue[0][0] - trio.current_time() if self._queue else inf
            with trio.move_on_after(wait_s):
                await self._stirred.wait()
        _, _, sender, frame = heappop(self._queue)
        return sender, frame

    async def trouble(self) -> str:
        """Wait for what `MemoryWire.complain` says, or for a frame that was too long."""
        await trio.lowlevel.checkpoint()
        while not self._troubles:
            await self._stirred.wait()
        return self._troubles.popleft()

    def put(self, due: float, number: int, sender: NodeId, frame: bytes) -> None:
        """Take a frame that arrives at `due`; the oldest goes when there are too many."""
        heappush(self._queue, (due, number, sender, frame))
        if len(self._queue) > FRAMES_QUEUED_MAX:
            heappop(self._queue)
        self._stir()

    def report(self, what: str) -> None:
        """Take a sentence about something that went wrong."""
        self._troubles.append(what)
        self._stir()

    def _fits(self, frame: bytes) -> bool:
        fits = len(frame) <= FRAME_BYTES_MAX
        if not fits:
            self.report(f"a frame of {len(frame)} bytes was not sent: {FRAME_BYTES_MAX} may be")
        return fits

    def _stir(self) -> None:
        self._stirred.set()
        self._stirred = trio.Event()
