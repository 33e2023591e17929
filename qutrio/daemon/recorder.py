"""Writes the journal of incidents in a task of its own, so that no other task waits for it."""

import trio
from attrs import define, field

from qutrio.errors import StorageError
from qutrio.model.journal import Entry
from qutrio.plumbing.log import Log
from qutrio.storage.journal import JournalStore

ENTRIES_MAX = 4096
"""Entries that may wait for the disk; further ones are dropped."""


@define
class Recorder:
    """Queues entries without waiting, and writes them in batches.

    Entries for which there is no room, and those that the disk refuses, are dropped.  The log
    says so once, and says how many when the journal is written again.
    """

    _journal: JournalStore
    _log: Log
    _send: trio.MemorySendChannel[Entry] = field(init=False)
    _receive: trio.MemoryReceiveChannel[Entry] = field(init=False)
    _lost: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Entry](ENTRIES_MAX)

    def put(self, entry: Entry) -> None:
        """Queue an entry, or drop it."""
        try:
            self._send.send_nowait(entry)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self._count_lost(1, "the disk is too slow")

    def close(self) -> None:
        """Accept no more entries: `run` ends when it has written those that are queued."""
        self._send.close()

    async def run(self) -> None:
        """Write queued entries until `close`."""
        async for entry in self._receive:
            batch = [entry]
            while (more := self._next()) is not None:
                batch.append(more)
            try:
                await self._journal.append(batch)
            except StorageError as error:
                self._count_lost(len(batch), str(error))
            else:
                self._report_lost()

    def _next(self) -> Entry | None:
        try:
            return self._receive.receive_nowait()
        except (trio.WouldBlock, trio.EndOfChannel):
            return None

    def _count_lost(self, count: int, reason: str) -> None:
        if not self._lost:
            self._log("the incident journal loses lines", reason=reason)
        self._lost += count

    def _report_lost(self) -> None:
        if self._lost:
            self._log("the incident journal is written again", lost=self._lost)
        self._lost = 0
