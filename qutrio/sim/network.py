"""The simulated network: messages are late, lost, duplicated, reordered, or cut in one direction.

This is harsher than reality, where two nodes talk over one TCP connection: nothing is lost,
duplicated or reordered while the connection lives; when it ends, everything in flight is lost,
and both sides learn of the new one.  Here each message is independent, and a cut link comes
back without an event, unless the fault says `relink`.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from attrs import define, field

from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.dice import Dice
from qutrio.sim.options import Fault, Faults

LINK_DELAY_S_MIN: Seconds = 0.0005
TIMELY_S: Seconds = 1.0
"""A longer delay counts as trouble."""
OVERTAKEN_S: Seconds = 0.1
"""So does a message that another overtakes by this much: no real link does that."""
Pair = tuple[NodeId, NodeId]


@define
class Network:
    """Decides whether and when each message arrives.

    `cut` says until when nothing arrives in a direction, `clogged` until when all messages to
    and from a node are held back, and `slow` until when a direction adds a delay, and which.
    All times are true time.
    """

    dice: Dice
    struck: Counter[Fault]
    trouble: Callable[[Seconds], None]
    """Called with the time until which something is wrong."""
    faults: Faults = Faults()
    cut: dict[Pair, Seconds] = field(factory=dict)
    clogged: dict[NodeId, Seconds] = field(factory=dict)
    slow: dict[Pair, tuple[Seconds, Seconds]] = field(factory=dict)
    cuts_after_delivery_s: Seconds = 0.0
    """If not 0, the next master that delivers a notice is cut off for this long."""
    _last: dict[Pair, Seconds] = field(factory=dict)

    def arrivals(self, source: NodeId, to: NodeId, true: Seconds) -> list[Seconds]:
        """Return the times at which copies of a message sent now arrive."""
        faults, random = self.faults, self.dice.random
        copies = 1
        if faults.duplication and random() < faults.duplication:
            copies = 2
            self.struck[Fault.DUPLICATION] += 1
        moments: list[Seconds] = []
        for _ in range(copies):
            if faults.loss and random() < faults.loss:
                self.struck[Fault.LOSS] += 1
                self.trouble(true)
                continue
            delay = self._delay()
            if self.slow or self.clogged:
                delay += self._held_back(source, to, true)
            at = true + delay
            if delay > TIMELY_S:
                self.trouble(at)
            pair = (source, to)
            last = self._last.get(pair, 0.0)
            if at < last:
                self.struck[Fault.REORDERING] += 1
                if last - at > OVERTAKEN_S:
                    self.trouble(last)
            else:
                self._last[pair] = at
            moments.append(at)
        return moments

    def _delay(self) -> Seconds:
        faults, dice = self.faults, self.dice
        if faults.slow_share and dice.random() < faults.slow_share:
            self.struck[Fault.LATE] += 1
            return dice.between(0.0, faults.slow_s_max)
        if faults.heavy_tail:
            delay = LINK_DELAY_S_MIN + dice.heavy(faults.delay_s_max / 4, faults.slow_s_max)
            if delay > faults.delay_s_max * 4:
                self.struck[Fault.HEAVY_TAIL] += 1
            return delay
        return LINK_DELAY_S_MIN + (faults.delay_s_max - LINK_DELAY_S_MIN) * dice.random()

    def _held_back(self, source: NodeId, to: NodeId, true: Seconds) -> Seconds:
        until, added = self.slow.get((source, to), (0.0, 0.0))
        more = added if until > true else 0.0
        if more:
            self.struck[Fault.SLOW_LINK] += 1
        free = max(self.clogged.get(source, 0.0), self.clogged.get(to, 0.0))
        if free > true:
            self.struck[Fault.CLOGGING] += 1
            more += free - true
        return more

    def is_cut(self, source: NodeId, to: NodeId, true: Seconds) -> bool:
        """Return whether nothing arrives in this direction now."""
        return self.cut.get((source, to), 0.0) > true

    def cut_off(self, pairs: Iterable[Pair], until: Seconds) -> None:
        """Cut these directions until `until`."""
        for pair in pairs:
            self.cut[pair] = max(self.cut.get(pair, 0.0), until)

    def cut_off_after_delivery(self, node: NodeId, others: Iterable[NodeId], true: Seconds) -> None:
        """Cut off a master that has just delivered a notice, if that is planned."""
        until, self.cuts_after_delivery_s = true + self.cuts_after_delivery_s, 0.0
        if until > true:
            self.struck[Fault.CUT_OFF_AFTER_DELIVERY] += 1
            self.cut_off((pair for n in others for pair in ((node, n), (n, node))), until)

    def heal(self) -> None:
        """End every fault of the network."""
        self.cut.clear()
        self.clogged.clear()
        self.slow.clear()
        self.cuts_after_delivery_s = 0.0
