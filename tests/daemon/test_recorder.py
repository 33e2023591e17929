"""The recorder writes journal lines without blocking, and logs how many were lost."""

from collections.abc import Sequence

import trio
from attrs import Factory, define
from trio.testing import wait_all_tasks_blocked

from qutrio.daemon.recorder import ENTRIES_MAX, Recorder
from qutrio.errors import StorageError
from qutrio.model.ids import UnixTime
from qutrio.model.journal import Entry, Stopped


def entries(first: int, last: int) -> list[Entry]:
    return [Entry(UnixTime(float(n)), Stopped()) for n in range(first, last)]


@define
class Disk:
    """Keeps entries while it works; while `gate` is closed every write waits."""

    kept: list[Entry] = Factory(list)
    full: bool = False
    gate: trio.Event | None = None
    batches: int = 0

    async def append(self, batch: Sequence[Entry]) -> None:
        self.batches += 1
        if self.gate is not None:
            await self.gate.wait()
        await trio.lowlevel.checkpoint()
        if self.full:
            raise StorageError("no space left on the device")
        self.kept += batch

    async def read(self) -> tuple[Entry, ...]:
        await trio.lowlevel.checkpoint()
        return tuple(self.kept)


class Rig:
    """A recorder on a disk, and its log."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.lines: list[tuple[str, dict[str, object]]] = []
        self.recorder = Recorder(disk, self.log)

    def log(self, what: str, /, **details: object) -> None:
        self.lines.append((what, details))

    def take(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            self.recorder.put(entry)


async def test_queued_lines_are_written_when_the_node_stops() -> None:
    rig = Rig(Disk())
    rig.take(entries(0, 100))
    rig.recorder.close()
    await rig.recorder.run()
    assert rig.disk.kept == entries(0, 100)
    assert rig.disk.batches == 1
    assert rig.lines == []
    rig.take(entries(100, 101))
    assert rig.disk.kept == entries(0, 100)


async def test_a_full_disk_is_logged_once_and_so_is_its_end_with_the_number_of_lost_lines() -> None:
    rig = Rig(Disk(full=True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.recorder.run)
        for number in range(3):
            rig.take(entries(number, number + 1))
            await wait_all_tasks_blocked()
        assert rig.lines == [
            ("the incident journal loses lines", {"reason": "no space left on the device"})
        ]
        rig.disk.full = False
        rig.take(entries(3, 4))
        await wait_all_tasks_blocked()
        rig.recorder.close()
    assert rig.lines[1:] == [("the incident journal is written again", {"lost": 3})]
    assert rig.disk.kept == entries(3, 4)


async def test_a_disk_that_hangs_blocks_nothing_and_lines_beyond_the_queue_are_lost() -> None:
    gate = trio.Event()
    rig = Rig(Disk(gate=gate))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.recorder.run)
        rig.take(entries(0, 1))
        await wait_all_tasks_blocked()
        rig.take(entries(1, ENTRIES_MAX + 11))
        gate.set()
        rig.recorder.close()
    assert len(rig.disk.kept) == ENTRIES_MAX + 1
    assert [what for what, _ in rig.lines] == [
        "the incident journal loses lines",
        "the incident journal is written again",
    ]
    assert rig.lines[1][1] == {"lost": 10}
