"""Wall clocks: how the peers' differ from this node's, and when this one was set.

They are shown and warned of, and decide nothing.

Wall time is for people.  A clock that is off changes no vote and no role; but the moments in an
alert are then wrong, and tokens end early or late, so somebody should know.
"""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.api.effects import Effect, Note
from qutrio.core.api.facts import WallClockAgrees, WallClockChanged, WallClockDiffers
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, UnixTime

SKEW_S_MIN: Seconds = 10.0
"""From here on a difference is worth a warning; a slow link may make it look larger."""
NOTES_AT_ONCE = 6
"""So often in a row one peer's clock may go off and back, and is spoken of."""
NOTE_EVERY_S: Seconds = 60.0
"""After which time it may do so once more."""


@define
class WallClocks:
    """The newest difference of every peer, in seconds: above 0 when the peer is ahead."""

    skew: dict[NodeId, Seconds] = field(factory=dict)
    _warned: set[NodeId] = field(factory=set)
    _paid_until: dict[NodeId, Instant] = field(factory=dict)
    """Up to when what was said of each peer is paid for (`core.quorum.bounds`)."""
    last_set: tuple[Seconds, Instant] | None = None
    """By how much this node's own clock was set last, above 0 for forward, and when."""
    untold: list[Seconds] = field(factory=list)
    """How it was set since the owner last cleared this."""
    _offset: float | None = None

    def look(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Compare this node's wall clock with its boot clock, and note when it was set."""
        offset, was = wall - now, self._offset
        self._offset = offset
        if was is None or abs(offset - was) < SKEW_S_MIN:
            return []
        self.last_set = (offset - was, now)
        self.untold.append(offset - was)
        return [Note(WallClockChanged(round(offset - was)))]

    def heard(self, node: NodeId, skew: Seconds, now: Instant) -> list[Effect]:
        """Take in a difference; warn once of one that is large, and once when it is over.

        Of a clock that goes off and back all the time it is said now and then.
        """
        self.skew[node] = skew
        off = abs(skew)
        if node not in self._warned:
            if off < SKEW_S_MIN or not self._may_say(node, now):
                return []
            self._warned.add(node)
            return [Note(WallClockDiffers(node, round(skew)))]
        if off >= SKEW_S_MIN / 2 or not self._may_say(node, now):
            return []
        self._warned.discard(node)
        return [Note(WallClockAgrees(node))]

    def _may_say(self, node: NodeId, now: Instant) -> bool:
        paid_until = Instant(max(now, self._paid_until.get(node, NEVER)) + NOTE_EVERY_S)
        if paid_until > now + NOTES_AT_ONCE * NOTE_EVERY_S:
            return False
        self._paid_until[node] = paid_until
        return True

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget everybody who is not in `members`."""
        for stranger in self.skew.keys() - members:
            del self.skew[stranger]
            self._warned.discard(stranger)
            self._paid_until.pop(stranger, None)
