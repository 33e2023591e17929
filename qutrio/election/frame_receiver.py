"""Receives a participant's frames: turns valid ones into events, and reports the others."""

from collections.abc import Callable

import trio
from attrs import define, field

from qutrio.codec import wire
from qutrio.core.api.events import Event, Linked, Received
from qutrio.election.drivers.interface import Link
from qutrio.election.feeds import Feed, Trouble, TroubleKind
from qutrio.election.group import DIGEST_BYTES, Group
from qutrio.election.peer_discovery import PeerDiscovery
from qutrio.errors import InvalidDocumentError
from qutrio.model.ids import NodeId
from qutrio.model.rules import NAME_CHARS_MAX
from qutrio.plumbing.inbox import Inbox

REPORTED_MAX = 256
"""How many pairs of sender and fault are reported; further ones are dropped silently."""


@define
class FrameReceiver:
    """Receives the frames of one participant.  Reports each fault of each sender once."""

    _group: Group
    _me: NodeId
    _link: Link
    _discovery: PeerDiscovery | None
    _troubles: Feed[Trouble]
    _linked: set[NodeId] = field(init=False, factory=set)
    _reported: set[tuple[NodeId, str]] = field(init=False, factory=set)

    async def listen(self, inbox: Inbox) -> None:
        """Post the members' messages to the node, forever."""
        while True:
            sender, frame = await self._link.receive()
            for event in self.events(sender, frame):
                await inbox.post(event)

    async def report_troubles(self) -> None:
        """Publish the problems that the driver reports, forever."""
        while True:
            self._troubles.publish(Trouble(TroubleKind.WIRE, await self._link.trouble()))

    def events(self, sender: NodeId, frame: bytes) -> list[Event]:
        """Return the events that a frame means to the node."""
        if sender == self._me:
            self._report(sender, "is this participant's own id; another program uses it too")
        elif self._discovery is not None and self._discovery.is_hello(frame):
            self._on_hello(self._discovery, sender, frame)
        elif frame[:DIGEST_BYTES] != self._group.digest:
            fault = "has another list of members, another engine or other timers, or speaks"
            self._report(sender, f"{fault} another version; nothing of it is counted")
        elif sender not in self._group.members:
            self._report(sender, "is no member; nothing of it is counted")
        else:
            return self._understand(sender, frame[DIGEST_BYTES:])
        return []

    def _understand(self, sender: NodeId, data: bytes) -> list[Event]:
        try:
            message = wire.decode(data)
        except InvalidDocumentError as error:
            self._report(sender, f"says what no version would say: {error}")
            return []
        if message is None:
            return []
        events: list[Event] = [] if sender in self._linked else [Linked(sender)]
        self._linked.add(sender)
        return [*events, Received(sender, message)]

    def _on_hello(self, discovery: PeerDiscovery, sender: NodeId, frame: bytes) -> None:
        if discovery.is_surplus(sender):
            self._report(sender, f"came after all {discovery.size} participants had been found")
        answer = discovery.on_hello(sender, frame)
        if answer is not None:
            self._link.send(sender, answer)

    def _report(self, sender: NodeId, fault: str) -> None:
        if (sender, fault) in self._reported or len(self._reported) >= REPORTED_MAX:
            return
        self._reported.add((sender, fault))
        shown = sender if len(sender) <= NAME_CHARS_MAX else f"{sender[:NAME_CHARS_MAX]}..."
        self._troubles.publish(Trouble(TroubleKind.GROUP, f"{shown!r} {fault}"))


async def gather(
    discovery: PeerDiscovery, link: Link, every_s: float, log: Callable[..., None]
) -> tuple[NodeId, ...]:
    """Broadcast hellos until all participants know each other, and return the members.

    Raises `ElectionError` when the election is complete without this participant.
    """
    strangers = set[NodeId]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_say_hello, discovery, link, every_s)
        while discovery.members is None:
            sender, frame = await link.receive()
            if not discovery.is_hello(frame):
                continue
            if discovery.is_surplus(sender) and sender not in strangers:
                strangers.add(sender)
                log("a surplus participant was ignored", id=sender, size=discovery.size)
            answer = discovery.on_hello(sender, frame)
            if answer is not None:
                link.broadcast(answer)
        link.broadcast(discovery.hello())
        nursery.cancel_scope.cancel()
    return discovery.members


async def _say_hello(discovery: PeerDiscovery, link: Link, every_s: float) -> None:
    while True:
        link.broadcast(discovery.hello())
        await trio.sleep(every_s)
