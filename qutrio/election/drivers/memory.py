"""A driver in memory for participants of one process: for tests, with the faults of a network.

One `MemoryWire` serves all participants.  A sender's id is the one it opened the wire with.
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
    """The probabilities that a frame is lost or arrives twice, and the bounds of its delay.

    Frames from one participant to another keep their order unless `reordering` is set.
    """

    loss: float = 0.0
    duplication: float = 0.0
    delay_s: tuple[Seconds, Seconds] = (0.0, 0.0)
    reordering: bool = False


@define
class MemoryWire:
    """A driver for participants of one process, with faults that come from a seed.

    `faults` may be replaced at any time; frames under way are not affected.
    """

    seed: int = 0
    faults: NetworkFaults = NetworkFaults()
    _rng: random.Random = field(init=False)
    _links: dict[str, dict[NodeId, "MemoryLink"]] = field(init=False, factory=dict)
    _cuts: set[tuple[NodeId, NodeId]] = field(init=False, factory=set)
    _isolated: set[NodeId] = field(init=False, factory=set)
    _last_due: dict[tuple[str, NodeId, NodeId], float] = field(init=False, factory=dict)
    _numbers: "count[int]" = field(init=False, factory=count)

    def __attrs_post_init__(self) -> None:
        """Seed the random generator."""
        self._rng = random.Random(self.seed)  # noqa: S311 - faults, no secret

    @asynccontextmanager
    async def open(self, election: str, me: NodeId) -> AsyncGenerator["MemoryLink"]:
        """Open this participant's end; raises `InvalidValueError` when the id is in use."""
        links = self._links.setdefault(election, {})
        if me in links:
            raise InvalidValueError("self_id", f"{me!r} takes part in this process already")
        link = MemoryLink(self, election, me)
        links[me] = link
        try:
            yield link
        finally:
            del links[me]

    def cut(self, sender: str, receiver: str, *, one_way: bool = False) -> None:
        """Drop all frames from one participant to another, and back unless `one_way`."""
        self._cuts.add((NodeId(sender), NodeId(receiver)))
        if not one_way:
            self._cuts.add((NodeId(receiver), NodeId(sender)))

    def isolate(self, participant: str) -> None:
        """Cut a participant off from all others."""
        self._isolated.add(NodeId(participant))

    def rejoin(self, participant: str) -> None:
        """Undo `isolate`."""
        self._isolated.discard(NodeId(participant))

    def heal(self) -> None:
        """Undo every `cut`."""
        self._cuts.clear()

    def report_trouble(self, participant: str, what: str) -> None:
        """Have a participant's link report a problem."""
        for links in self._links.values():
            if (link := links.get(NodeId(participant))) is not None:
                link.report(what)

    def deliver(self, election: str, sender: NodeId, to: NodeId | None, frame: bytes) -> None:
        """Deliver a frame to one participant, or to all others, subject to the faults."""
        links = self._links.get(election, {})
        for peer in [other for other in links if other != sender] if to is None else [to]:
            cut = (sender, peer) in self._cuts or not self._isolated.isdisjoint({sender, peer})
            if peer in links and not cut:
                for due in self._arrivals((election, sender, peer)):
                    links[peer].put(due, next(self._numbers), sender, frame)

    def _arrivals(self, way: tuple[str, NodeId, NodeId]) -> list[float]:
        """Return the times at which copies of a frame arrive: none, one or two."""
        faults, rng, arrivals = self.faults, self._rng, list[float]()
        for _ in range(2 if rng.random() < faults.duplication else 1):
            if rng.random() >= faults.loss:
                due = trio.current_time() + rng.uniform(*faults.delay_s)
                if not faults.reordering:
                    due = self._last_due[way] = max(due, self._last_due.get(way, 0.0))
                arrivals.append(due)
        return arrivals


@define(eq=False)
class MemoryLink:
    """One participant's end of a `MemoryWire`."""

    _wire: MemoryWire
    _election: str
    _me: NodeId
    _queue: list[tuple[float, int, NodeId, bytes]] = Factory(list)
    _troubles: deque[str] = Factory(lambda: deque(maxlen=TROUBLES_MAX))
    _wakeup: trio.Event = Factory(trio.Event)

    def send(self, to: NodeId, frame: bytes) -> None:
        """Send a frame to one participant."""
        if self._fits(frame):
            self._wire.deliver(self._election, self._me, to, frame)

    def broadcast(self, frame: bytes) -> None:
        """Send a frame to every other participant."""
        if self._fits(frame):
            self._wire.deliver(self._election, self._me, None, frame)

    async def receive(self) -> tuple[NodeId, bytes]:
        """Wait for the next frame that is due."""
        await trio.lowlevel.checkpoint()
        while not self._queue or self._queue[0][0] > trio.current_time():
            wait_s = self._queue[0][0] - trio.current_time() if self._queue else inf
            with trio.move_on_after(wait_s):
                await self._wakeup.wait()
        _, _, sender, frame = heappop(self._queue)
        return sender, frame

    async def trouble(self) -> str:
        """Wait for a problem: of `MemoryWire.report_trouble`, or a frame that was too long."""
        await trio.lowlevel.checkpoint()
        while not self._troubles:
            await self._wakeup.wait()
        return self._troubles.popleft()

    def put(self, due: float, number: int, sender: NodeId, frame: bytes) -> None:
        """Queue a frame that arrives at `due`; the oldest is dropped when there are too many."""
        heappush(self._queue, (due, number, sender, frame))
        if len(self._queue) > FRAMES_QUEUED_MAX:
            heappop(self._queue)
        self._wake()

    def report(self, what: str) -> None:
        """Queue a sentence about a problem."""
        self._troubles.append(what)
        self._wake()

    def _fits(self, frame: bytes) -> bool:
        fits = len(frame) <= FRAME_BYTES_MAX
        if not fits:
            self.report(f"a frame was not sent: {len(frame)} bytes, {FRAME_BYTES_MAX} at most")
        return fits

    def _wake(self) -> None:
        self._wakeup.set()
        self._wakeup = trio.Event()
