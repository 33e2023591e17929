"""The ear of a seat: which frames reach its node, and what is said of those that do not."""

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
"""Of how many (sender, fault) a seat remembers that it reported them."""


@define
class FrameReceiver:
    """Takes the frames of one seat.  Each fault of each sender is reported once."""

    _group: Group
    _me: NodeId
    _link: Link
    _meeting: PeerDiscovery | None
    _troubles: Feed[Trouble]
    _heard: set[NodeId] = field(init=False, factory=set)
    _reported: set[tuple[NodeId, str]] = field(init=False, factory=set)

    async def listen(self, inbox: Inbox) -> None:
        """Post what members say, for ever."""
        while True:
            sender, frame = await self._link.receive()
            for event in self.events(sender, frame):
                await inbox.post(event)

    async def complain(self) -> None:
        """Pass on what goes wrong on the wire, for ever."""
        while True:
            self._troubles.tell(Trouble(TroubleKind.WIRE, await self._link.trouble()))

    def events(self, sender: NodeId, frame: bytes) -> list[Event]:
        """Return what a frame means to the node."""
        if sender == self._me:
            self._report(sender, "is this seat's own id; another program uses it too")
        elif self._meeting is not None and self._meeting.understands(frame):
            self._greet(self._meeting, sender, frame)
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
        events: list[Event] = [] if sender in self._heard else [Linked(sender)]
        self._heard.add(sender)
        return [*events, Received(sender, message)]

    def _greet(self, discovery: PeerDiscovery, sender: NodeId, frame: bytes) -> None:
        if discovery.strange(sender):
            self._report(sender, f"came after all {discovery.size} seats were taken")
        answer = discovery.hear(sender, frame)
        if answer is not None:
            self._link.send(sender, answer)

    def _report(self, sender: NodeId, fault: str) -> None:
        if (sender, fault) in self._reported or len(self._reported) >= REPORTED_MAX:
            return
        self._reported.add((sender, fault))
        shown = sender if len(sender) <= NAME_CHARS_MAX else f"{sender[:NAME_CHARS_MAX]}..."
        self._troubles.tell(Trouble(TroubleKind.GROUP, f"{shown!r} {fault}"))


async def gather(
    discovery: PeerDiscovery, link: Link, every_s: float, log: Callable[..., None]
) -> tuple[NodeId, ...]:
    """Say hello until all seats know each other, and return the members.

    Raises `ElectionError` when there is no place for this seat.
    """
    strangers = set[NodeId]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_say_hello, discovery, link, every_s)
        while discovery.members is None:
            sender, frame = await link.receive()
            if not discovery.understands(frame):
                continue
            if discovery.strange(sender) and sender not in strangers:
                strangers.add(sender)
                log("another seat than those met first", participant=sender, size=discovery.size)
            answer = discovery.hear(sender, frame)
            if answer is not None:
                link.broadcast(answer)
        link.broadcast(discovery.hello())
        nursery.cancel_scope.cancel()
    return discovery.members


async def _say_hello(discovery: PeerDiscovery, link: Link, every_s: float) -> None:
    while True:
        link.broadcast(discovery.hello())
        await trio.sleep(every_s)
