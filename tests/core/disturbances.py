"""Faults and time for a cluster of engines of any kind: the rules that all random tests share."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from qutrio.model.ids import NodeId
from tests.core.engine_cluster import EngineCluster
from tests.core.samples import A, B, C, D, E

MEMBERS = (A, B, C, D, E)

members = st.sampled_from(MEMBERS)
sides = st.lists(st.integers(0, 2), min_size=len(MEMBERS), max_size=len(MEMBERS))


class Disturbed(RuleBasedStateMachine):
    """Rules: time passes, the network splits, members crash, start and step aside."""

    cluster: EngineCluster

    @rule(seconds=st.floats(0.01, 8.0))
    def time_passes(self, seconds: float) -> None:
        self.cluster.run(seconds)

    @rule(sides=sides)
    def the_net_splits(self, sides: list[int]) -> None:
        parts = [{n for n, s in zip(MEMBERS, sides, strict=True) if s == k} for k in range(3)]
        self.cluster.split(*parts)

    @rule(name=members)
    def one_crashes(self, name: NodeId) -> None:
        if name in self.cluster.engines and len(self.cluster.engines) > 1:
            self.cluster.crash(name)

    @rule(name=members)
    def one_starts(self, name: NodeId) -> None:
        if name in self.cluster.disks and name not in self.cluster.engines:
            self.cluster.start(name)

    @rule(name=members)
    def one_steps_aside(self, name: NodeId) -> None:
        """A leader steps aside; a follower is not asked to."""
        if name in self.cluster.engines and self.cluster.choice(name) == name:
            self.cluster.step_aside(name)
