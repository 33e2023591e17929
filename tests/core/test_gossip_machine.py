"""Gossip engines on a bad network, driven at random: after it heals, one of them leads."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from qutrio.core.election.interface import Role
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId
from tests.core.disturbances import MEMBERS, Disturbed, members
from tests.core.engine_cluster import EngineCluster

pytestmark = pytest.mark.slow

QUICK = Settings(
    engine="gossip",
    gossip_startup_grace_s=3.0,
    gossip_sample_s=0.5,
    gossip_election_s=1.0,
    gossip_alive_s=2.0,
)
LONG_ENOUGH_S = 30.0
"""Twice the longest way to one leader: out of the way of one that steps aside, and elected.

A member that stepped aside is not able for a while.  If it leads again, because it heard no other,
those that do not take it for able keep another leader until then.
"""


class Gossips(Disturbed):
    """One to five engines; messages are lost, repeated and reordered until the network is good."""

    @initialize(seed=st.integers(0, 2**32), count=st.integers(1, len(MEMBERS)))
    def meet(self, seed: int, count: int) -> None:
        self.cluster = EngineCluster("gossip", *MEMBERS[:count], settings=QUICK, seed=seed)
        self.rough()

    def rough(self) -> None:
        self.cluster.loss, self.cluster.repeat, self.cluster.delay_s = 0.3, 0.2, (0.0, 3.0)

    def make_network_good(self) -> None:
        """Make the network good, and let all old messages arrive or be lost."""
        self.cluster.delay_s = (0.001, 0.01)
        self.cluster.run(3.0)
        self.cluster.loss = self.cluster.repeat = 0.0

    def parts(self) -> Iterator[set[NodeId]]:
        """Yield the running members of each side."""
        left = set(self.cluster.engines)
        while left:
            part = set(self.cluster.living(min(left)))
            left -= part
            yield part

    @rule(name=members)
    def a_disk_turns_sick_or_well(self, name: NodeId) -> None:
        self.cluster.full_disks ^= {name}

    @rule(name=members)
    def one_acts_for_a_while(self, name: NodeId) -> None:
        if name in self.cluster.engines:
            self.cluster.master = name
            self.cluster.run(1.0)
            self.cluster.master = None

    @precondition(lambda self: self.cluster.cut)
    @rule()
    def each_side_finds_its_leader(self) -> None:
        """Each partition has one leader, and all its members follow it."""
        self.cluster.full_disks.clear()
        self.make_network_good()
        self.cluster.run(LONG_ENOUGH_S)
        for part in self.parts():
            assert len(self.cluster.leaders() & part) == 1
            assert self.cluster.choices(*part) == self.cluster.leaders() & part
        self.rough()

    @rule()
    def healed_the_lowest_that_led_or_proposed_leads(self) -> None:
        self.cluster.full_disks.clear()
        self.make_network_good()
        self.cluster.run(LONG_ENOUGH_S)
        led = self.cluster.leaders()
        assert led
        self.cluster.heal()
        self.cluster.run(LONG_ENOUGH_S)
        assert self.cluster.leaders() == {min(led)}
        assert self.cluster.choices() == {min(led)}
        self.rough()

    @invariant()
    def a_member_that_may_not_lead_does_not(self) -> None:
        for name in sorted(self.cluster.full_disks & self.cluster.engines.keys()):
            self.cluster.advance(name)
            assert self.cluster.engines[name].role is Role.FOLLOWER

    @invariant()
    def a_choice_is_a_member_that_leads_or_led(self) -> None:
        for name in self.cluster.engines:
            choice = self.cluster.choice(name)
            assert choice is None or choice in self.cluster.disks
            assert (self.cluster.engines[name].role is not Role.LEADER) or choice == name


TestGossips = Gossips.TestCase
TestGossips.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
