"""Wall clocks: how the peers' clocks differ from this node's, and when this one was set.

Differences are shown and logged.  They decide nothing: wall time is for people, so a clock that is
off changes no vote and no role.  But the times in alerts are then wrong, and tokens expire early or
late, so an operator should know.
"""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.core.api.effects import Effect, LogFact
from qutrio.core.api.facts import WallClockAgrees, WallClockChanged, WallClockDiffers
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, UnixTime

SKEW_S_MIN: Seconds = 10.0
"""The least difference that is worth a warning; a slow link may make it look larger."""
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
    """By how much this node's own clock was last set (above 0: forward), and when."""
    unreported: list[Seconds] = field(factory=list)
    """By how much it was set, each time since the owner last cleared this."""
    _offset: float | None = None

    def check_own_clock(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Compare this node's wall clock with its boot clock; record and report if it was set."""
        offset, was = wall - now, self._offset
        self._offset = offset
        if was is None or abs(offset - was) < SKEW_S_MIN:
            return []
        self.last_set = (offset - was, now)
        self.unreported.append(offset - was)
        return [LogFact(WallClockChanged(round(offset - was)))]

    def record_skew(self, node: NodeId, skew: Seconds, now: Instant) -> list[Effect]:
        """Record a peer's difference; report once when it is large, and once when that is over.

        A clock that changes all the time is reported now and then only.
        """
        self.skew[node] = skew
        off = abs(skew)
        if node not in self._warned:
            if off < SKEW_S_MIN or not self._may_say(node, now):
                return []
            self._warned.add(node)
            return [LogFact(WallClockDiffers(node, round(skew)))]
        if off >= SKEW_S_MIN / 2 or not self._may_say(node, now):
            return []
        self._warned.discard(node)
        return [LogFact(WallClockAgrees(node))]

    def _may_say(self, node: NodeId, now: Instant) -> bool:
        paid_until = Instant(max(now, self._paid_until.get(node, NEVER)) + NOTE_EVERY_S)
        if paid_until > now + NOTES_AT_ONCE * NOTE_EVERY_S:
            return False
        self._paid_until[node] = paid_until
        return True

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget nodes that are not in `members`."""
        for stranger in self.skew.keys() - members:
            del self.skew[stranger]
            self._warned.discard(stranger)
            self._paid_until.pop(stranger, None)
