"""Simulated targets: up, down, down for some nodes only, or hanging."""

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
    """All targets, as each node sees them.

    Checks in `down` fail for all nodes, those in `lonely` for one node.  `hanging` says until
    when a node's probe ends only at its timeout.  `blind` says until when a node has a local
    fault and abstains; until `nobody_sees_until` all nodes do.
    """

    dice: Dice
    struck: Counter[Fault]
    down: set[CheckId] = field(factory=set)
    lonely: set[tuple[NodeId, CheckId]] = field(factory=set)
    hanging: dict[tuple[NodeId, CheckId], Seconds] = field(factory=dict)
    blind: dict[NodeId, Seconds] = field(factory=dict)
    nobody_sees_until: Seconds = 0.0

    def probe(self, name: NodeId, check: Check, true: Seconds) -> tuple[Result, Seconds]:
        """Return the result of a probe that begins now, and how long it takes."""
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
        """End every fault of the targets."""
        self.down.clear()
        self.lonely.clear()
        self.hanging.clear()
        self.blind.clear()
        self.nobody_sees_until = 0.0

    def _saw(self, fault: Fault, outcome: Outcome) -> Outcome:
        self.struck[fault] += 1
        return outcome
