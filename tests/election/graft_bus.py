"""A broker and a hard state in memory, for graft participants in virtual time."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import trio

from qutrio.election.drivers.ring import Ring
from qutrio.election.graft.frames import F, decode
from qutrio.errors import StorageError
from qutrio.model.ids import NodeId
from qutrio.model.stable import HardState


class Tap:
    """One connection to the bus; while `cut` is set, it neither receives nor sends."""

    def __init__(self, bus: "Bus", subjects: Sequence[str]) -> None:
        self.cut = False
        self.subjects = set(subjects)
        self.incoming: Ring[tuple[str, bytes]] = Ring(64)
        self.troubles: Ring[str] = Ring(64)
        self._bus = bus

    def publish(self, subject: str, payload: bytes) -> None:
        if not self.cut:
            self._bus.carry(subject, payload, self)

    async def receive(self) -> tuple[str, bytes]:
        return await self.incoming.get()

    async def heard(self, kind: type[F]) -> tuple[str, F]:
        """Wait for a message and read it as one of a kind."""
        subject, payload = await self.receive()
        return subject, decode(kind, payload)

    async def trouble(self) -> str:
        return await self.troubles.get()


class Bus:
    """Routes messages by subject, at once and in order."""

    def __init__(self) -> None:
        self.taps: list[Tap] = []

    @asynccontextmanager
    async def subscribe(self, subjects: Sequence[str]) -> AsyncIterator[Tap]:
        self.taps.append(tap := Tap(self, subjects))
        try:
            yield tap
        finally:
            self.taps.remove(tap)

    def carry(self, subject: str, payload: bytes, sender: Tap | None = None) -> None:
        for tap in self.taps:
            if tap is not sender and not tap.cut and subject in tap.subjects:
                tap.incoming.put((subject, payload))


class MemoryHardStates:
    """Storage of one hard state in memory; while `failing` holds a reason, writes fail with it."""

    def __init__(self, hard_state: HardState = HardState()) -> None:  # noqa: B008 - a constant
        self.kept = hard_state
        self.failing: str | None = None

    @contextmanager
    def hold(self, cluster: str, me: NodeId) -> Iterator[HardState]:
        yield self.kept

    async def save(self, hard_state: HardState) -> None:
        await trio.lowlevel.checkpoint()
        if self.failing is not None:
            raise StorageError(self.failing)
        self.kept = hard_state
