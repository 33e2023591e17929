"""What simulated probes see: targets that are up, down, down for some only, or never answer."""

from collections import Counter

from attrs import define, field

from qutrio.model.checks import Check
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.model.results import Outcome, Result
from qutrio.sim.dice import Dice
from qutrio.sim.options import Fault

PROBE_S: Seconds = 0.02


@define
class Targets:
    """All targets, as each node would see them.

    `down` fail for everybody, `lonely` for one node.  `hanging` let a node's probe end only at
    its timeout, up to a moment of true time; in `blind` nodes something local is broken up to
    a moment, so they abstain, and up to `nobody_sees_until` it is so in all of them.
    """

    dice: Dice
    struck: Counter[Fault]
    down: set[CheckId] = field(factory=set)
    lonely: set[tuple[NodeId, CheckId]] = field(factory=set)
    hanging: dict[tuple[NodeId, CheckId], Seconds] = field(factory=dict)
    blind: dict[NodeId, Seconds] = field(factory=dict)
    nobody_sees_until: Seconds = 0.0

    def probe(self, name: NodeId, check: Check, true: Seconds) -> tuple[Result, Seconds]:
        """Return what a node's probe that begins now will see, and after how long."""
        takes = self.dice.between(0.001, PROBE_S)
        outcome = Outcome.OK
        if self.blind.get(name, 0.0) > true:
            outcome = self._saw(Fault.BLIND_NODE, Outcome.ABSTAIN)
        elif self.nobody_sees_until > true:
            outcome = self._saw(Fault.DEAD_RESOLVER, Outcome.ABSTAIN)
        elif self.hanging.get((name, check.id), 0.0) > true:
            outcome, takes = self._saw(Fault.HANGING_TARGET, Outcome.FAIL), check.timeout_s
        elif check.id in self.down:
            outcome = self._saw(Fault.TARGET_DOWN, Outcome.FAIL)
        elif (name, check.id) in self.lonely:
            outcome = self._saw(Fault.TARGET_DOWN_FOR_SOME, Outcome.FAIL)
        return Result(check=check.id, changed=check.changed, outcome=outcome), takes

    def recover(self) -> None:
        """Make every target answer everybody."""
        self.down.clear()
        self.lonely.clear()
        self.hanging.clear()
        self.blind.clear()
        self.nobody_sees_until = 0.0

    def _saw(self, fault: Fault, outcome: Outcome) -> Outcome:
        self.struck[fault] += 1
        return outcome
