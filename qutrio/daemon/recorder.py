"""Keeps the journal of incidents: off the node's own task, and in nobody's way."""

import trio
from attrs import define, field

from qutrio.errors import StorageError
from qutrio.model.journal import Entry
from qutrio.plumbing.log import Log
from qutrio.storage.journal import JournalStore

ENTRIES_MAX = 4096
"""Entries that wait for the disk; what comes beyond them is lost."""


@define
class Recorder:
    """Takes entries without waiting, and writes them when the disk does.

    Entries for which there is no room, and those that the disk refuses, are lost: the log says
    so once, and how many, when the journal is written again.
    """

    _journal: JournalStore
    _log: Log
    _send: trio.MemorySendChannel[Entry] = field(init=False)
    _receive: trio.MemoryReceiveChannel[Entry] = field(init=False)
    _lost: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Entry](ENTRIES_MAX)

    def take(self, entry: Entry) -> None:
        """Queue an entry, or lose it."""
        try:
            self._send.send_nowait(entry)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self._miss(1, "the disk is too slow")

    def close(self) -> None:
        """Take no more: `run` ends when it has written what is queued."""
        self._send.close()

    async def run(self) -> None:
        """Write what is taken, until `close`."""
        async for entry in self._receive:
            batch = [entry]
            while (more := self._next()) is not None:
                batch.append(more)
            try:
                await self._journal.append(batch)
            except StorageError as error:
                self._miss(len(batch), str(error))
            else:
                self._recover()

    def _next(self) -> Entry | None:
        try:
            return self._receive.receive_nowait()
        except (trio.WouldBlock, trio.EndOfChannel):
            return None

    def _miss(self, count: int, reason: str) -> None:
        if not self._lost:
            self._log("the incident journal loses lines", reason=reason)
        self._lost += count

    def _recover(self) -> None:
        if self._lost:
            self._log("the incident journal is written again", lost=self._lost)
        self._lost = 0
