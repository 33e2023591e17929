"""The bounded queue through which every event reaches the node."""

from collections.abc import Callable
from itertools import count
from typing import TypeAlias

import trio

from qutrio.core.api.effects import Reply, StatusReply
from qutrio.core.api.events import Event
from qutrio.model.ids import RequestId, Seconds

INBOX_EVENTS_MAX = 256

Answer: TypeAlias = Reply | StatusReply


class Inbox:
    """A bounded queue with many writers and exactly one reader.

    When it is full, writers wait: a busy node slows its edges down instead of using more memory.
    """

    def __init__(self, boot: str, capacity: int = INBOX_EVENTS_MAX) -> None:
        """Name requests after `boot`, which must differ at every start of the daemon."""
        self._boot = boot
        self._send, self._receive = trio.open_memory_channel[Event](capacity)
        self._numbers = count(1)
        self._waiting: dict[RequestId, trio.MemorySendChannel[Answer]] = {}

    async def post(self, event: Event) -> None:
        """Queue an event; raises `trio.BrokenResourceError` once the inbox is closed."""
        await self._send.send(event)

    async def ask(self, make: Callable[[RequestId], Event]) -> Answer:
        """Queue an event that the node answers, and return its answer.

        Raises `trio.BrokenResourceError` when the inbox is closed before the answer arrives.
        """
        request = RequestId(f"{self._boot}-{next(self._numbers)}")
        send, receive = trio.open_memory_channel[Answer](1)
        self._waiting[request] = send
        try:
            await self.post(make(request))
            return await receive.receive()
        except trio.EndOfChannel:
            raise trio.BrokenResourceError from None
        finally:
            self._waiting.pop(request, None)
            send.close()
            receive.close()

    def answer(self, effect: Answer) -> None:
        """Pass an answer to the task that asked, if it still waits."""
        if (channel := self._waiting.pop(effect.request, None)) is not None:
            channel.send_nowait(effect)

    async def next(self, until_s: Seconds) -> Event | None:
        """Return the next event, or None when none arrives within `until_s` seconds.

        A queued event is returned even when `until_s` is zero or less.
        """
        if until_s <= 0:
            await trio.lowlevel.cancel_shielded_checkpoint()
            try:
                return self._receive.receive_nowait()
            except trio.WouldBlock:
                return None
        with trio.move_on_after(until_s):
            return await self._receive.receive()
        return None

    def close(self) -> None:
        """Close the inbox: tasks that post, or wait for an answer, get an error at once."""
        self._receive.close()
        while self._waiting:
            _, channel = self._waiting.popitem()
            channel.close()
