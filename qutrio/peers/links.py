"""The links that are up: at most one per peer, and the rule that picks one of two.

Both ends of a pair may dial at the same time, and both must then keep the same link.  The link
dialled by the lower id wins.  Of two links that the same node dialled the newer wins, because
a node that dials again knows that the older one is gone.  A link dialled by the higher id
replaces one on which nothing was received for `LONE_S`: the higher id dials only after it has
had no link for that long, so the silent link is dead at its other end.
"""

from collections.abc import Iterator

import trio
from attrs import define, field

from qutrio.model.ids import Fingerprint, NodeId
from qutrio.model.levels import LEVEL_UNSAID
from qutrio.peers.websocket import WebSocket
from qutrio.plumbing.outbox import Outbox

LONE_S = 5.0
FINISH_S = 1.0


@define(eq=False, kw_only=True)
class Link:
    """One connection to a member, once both ends have sent their hello.

    `level` is the feature level of the other program.
    """

    peer: NodeId
    fingerprint: Fingerprint
    dialler: NodeId
    socket: WebSocket
    scope: trio.CancelScope
    outbox: Outbox | None = None
    level: int = LEVEL_UNSAID

    def finish(self) -> None:
        """Send what is queued, for at most `FINISH_S`, and end."""
        if self.outbox is None:
            self.scope.cancel()
            return
        self.outbox.finish()
        self.scope.deadline = min(self.scope.deadline, trio.current_time() + FINISH_S)


def prevails(new: Link, old: Link, silent_s: float) -> bool:
    """Return whether `new` replaces `old`, which has been silent for `silent_s` seconds."""
    if new.dialler == old.dialler:
        return True
    return new.dialler < old.dialler or silent_s >= LONE_S


@define(eq=False)
class Links:
    """The links that are up, by peer."""

    _up: dict[NodeId, Link] = field(factory=dict, init=False)
    _changed: trio.Event = field(factory=trio.Event, init=False)

    def __iter__(self) -> Iterator[Link]:
        return iter(tuple(self._up.values()))

    def __contains__(self, peer: NodeId) -> bool:
        return peer in self._up

    def __len__(self) -> int:
        return len(self._up)

    def admit(self, new: Link) -> bool:
        """Add a link and end the one it replaces; return False when the old one stays instead."""
        old = self._up.get(new.peer)
        if old is not None:
            if not prevails(new, old, trio.current_time() - old.socket.received_at):
                return False
            old.scope.cancel()
        self._up[new.peer] = new
        self._wake()
        return True

    def remove(self, link: Link) -> None:
        """Remove a link that has ended, unless another one has replaced it."""
        if self._up.get(link.peer) is link:
            del self._up[link.peer]
            self._wake()

    async def wait_down(self, peer: NodeId) -> None:
        """Wait until there is no link to `peer`."""
        while peer in self._up:
            await self._changed.wait()

    async def wait_up(self, peer: NodeId, seconds: float) -> bool:
        """Wait up to `seconds` for a link to `peer`; return whether there is one."""
        with trio.move_on_after(seconds):
            while peer not in self._up:
                await self._changed.wait()
        return peer in self._up

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
