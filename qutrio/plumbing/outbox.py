"""Outgoing messages: one bounded queue per linked peer, so that a slow peer delays no other."""

from collections import deque

import trio

from qutrio.core.api.messages import Heartbeat, HeartbeatAck, Message, Report
from qutrio.model.ids import NodeId

OUTBOX_MESSAGES_MAX = 512
_SOON_REPEATED = (Heartbeat, HeartbeatAck, Report)


class Outbox:
    """The queue of one link; iterate to get messages, until it is closed."""

    def __init__(self, capacity: int = OUTBOX_MESSAGES_MAX) -> None:
        """Hold at most `capacity` messages."""
        self._capacity = capacity
        self._queue: deque[Message] = deque()
        self._closed = False
        self._wake = trio.Event()

    def __aiter__(self) -> "Outbox":
        return self

    async def __anext__(self) -> Message:
        await trio.lowlevel.checkpoint()
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            await self._wake.wait()
            self._wake = trio.Event()
        return self._queue.popleft()

    def put(self, message: Message) -> bool:
        """Queue a message; return whether the queue was full and dropped one."""
        full = len(self._queue) >= self._capacity
        if full:
            self._drop_one()
        self._queue.append(message)
        self._wake.set()
        return full

    def finish(self) -> None:
        """End the iteration once every queued message was returned."""
        self._closed = True
        self._wake.set()

    def abandon(self) -> None:
        """End the iteration now; queued messages are dropped."""
        self._queue.clear()
        self.finish()

    def _drop_one(self) -> None:
        # Drop messages that the node repeats (heartbeats) before writes and replies.
        for place, message in enumerate(self._queue):
            if isinstance(message, _SOON_REPEATED):
                del self._queue[place]
                return
        self._queue.popleft()


class Outboxes:
    """The queues of all links.

    `overflowed` counts messages dropped by a full queue, `unlinked` those to a peer without a link.
    """

    def __init__(self, capacity: int = OUTBOX_MESSAGES_MAX) -> None:
        """Give each link a queue of `capacity` messages."""
        self._capacity = capacity
        self._newest: dict[NodeId, Outbox] = {}
        self._closing = False
        self.overflowed = 0
        self.unlinked = 0

    def open(self, peer: NodeId) -> Outbox:
        """Return the queue of a new link to `peer`; a previous link's queue ends at once."""
        outbox = Outbox(self._capacity)
        if self._closing:
            outbox.finish()
            return outbox
        if (previous := self._newest.get(peer)) is not None:
            previous.abandon()
        self._newest[peer] = outbox
        return outbox

    def close(self, peer: NodeId, outbox: Outbox) -> None:
        """End a link's queue; does not touch the queue of a newer link to the same peer."""
        if self._newest.get(peer) is outbox:
            del self._newest[peer]
        outbox.abandon()

    def send(self, to: NodeId, message: Message) -> None:
        """Queue a message, or drop it when there is no link to the peer; never waits."""
        outbox = self._newest.get(to)
        if outbox is None:
            self.unlinked += 1
        elif outbox.put(message):
            self.overflowed += 1

    def close_all(self) -> None:
        """Accept no more messages; every queue ends once its messages were returned."""
        self._closing = True
        while self._newest:
            _, outbox = self._newest.popitem()
            outbox.finish()
