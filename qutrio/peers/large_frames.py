"""Which large frames of a peer are worth decoding: a record takes a second of the processor.

Nobody sends one out of the blue.  A record that was fetched was asked for; a write comes from the
node that this one is bound to, for it takes no other's; and a change that is proposed is sent
again every second until it is answered, so it may wait.  What is left out is lost like any
message, and sent or asked for again.  How long a record may be does not follow from the own one:
a hand edit makes it a hundred times as long in one write, and whoever was away catches up in one
frame.
"""

import trio
from attrs import define, field

from qutrio.codec.pinned import tag
from qutrio.core.api.messages import Fetch, Fetched, ItemWrite, Message, Propose, Write
from qutrio.core.api.view import View
from qutrio.errors import PeerError
from qutrio.model.ids import NodeId, Seconds

_WRITES = frozenset({tag(Write), tag(ItemWrite)})
FETCHES_MAX = 8
"""Answers that one peer may owe: a node asks for two records, and again after a while."""
UNWANTED_MAX = 5
"""One more, and the link ends.  A few come by themselves, when roles change."""
UNWANTED_FOR_S: Seconds = 60.0
"""When none came for so long, the earlier ones are forgotten."""
PROPOSED_BYTES_PER_S = 2 * 1024 * 1024
"""How much a peer may propose in large changes: decoding it takes a quarter of the time."""
PROPOSED_AT_ONCE_S: Seconds = 1.0
"""So far ahead it may be when it proposes more."""


@define(eq=False)
class LargeFrames:
    """What one peer may send, on this link and the next: an answer may come on either."""

    peer: NodeId
    unwanted: int = 0
    _forget_at: float = 0.0
    _fetches: int = 0
    _paid_until: float = field(factory=trio.current_time)

    def said(self, message: Message) -> None:
        """Note what this node says on the link."""
        if isinstance(message, Fetch):
            self._fetches = min(self._fetches + 1, FETCHES_MAX)

    def wanted(self, kind: str, size: int, view: View) -> bool:
        """Tell whether to decode a large frame of this kind.

        Raises `PeerError` when too many came that this node did not want.
        """
        if kind == tag(Propose):
            return self._may_propose(size)
        if kind == tag(Fetched):
            wanted, self._fetches = self._fetches > 0, max(0, self._fetches - 1)
        else:
            wanted = kind not in _WRITES or view.holder == self.peer
        if not wanted:
            self._count()
        return wanted

    def _count(self) -> None:
        now = trio.current_time()
        self.unwanted = self.unwanted + 1 if now < self._forget_at else 1
        self._forget_at = now + UNWANTED_FOR_S
        if self.unwanted > UNWANTED_MAX:
            raise PeerError(f"sent {self.unwanted} large messages that nobody asked for")

    def _may_propose(self, size: int) -> bool:
        now = trio.current_time()
        paid_until = max(now, self._paid_until)
        if paid_until > now + PROPOSED_AT_ONCE_S:
            return False
        self._paid_until = paid_until + size / PROPOSED_BYTES_PER_S
        return True
