"""Lowest-id engines, driven at random: the choice always follows from what they see."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from qutrio.core.election.interface import Role
from qutrio.core.election.lowest_id import TRANSITIONS
from qutrio.model.ids import NodeId
from tests.core.disturbances import MEMBERS, Disturbed, members
from tests.core.engine_cluster import EngineCluster

pytestmark = pytest.mark.slow

TABLE = {(before, after) for before, _, after in TRANSITIONS}


class LowestIds(Disturbed):
    """One to five engines that see one another or not, with a master at times."""

    @initialize(seed=st.integers(0, 2**32), count=st.integers(1, len(MEMBERS)))
    def meet(self, seed: int, count: int) -> None:
        self.cluster = EngineCluster("lowest-id", *MEMBERS[:count], seed=seed)

    @rule()
    def the_net_heals(self) -> None:
        self.cluster.heal()

    @rule(name=members)
    def a_disk_turns_sick_or_well(self, name: NodeId) -> None:
        self.cluster.full_disks ^= {name}

    @rule(name=st.sampled_from([None, *MEMBERS]))
    def one_becomes_master_or_nobody_is(self, name: NodeId | None) -> None:
        self.cluster.master = name

    @invariant()
    def a_living_master_is_kept_and_without_one_the_lowest_able_id_leads(self) -> None:
        for name in self.cluster.engines:
            living = self.cluster.living(name)
            able = [n for n in living if self.cluster.able(n)]
            acts = self.cluster.master if self.cluster.master in living else None
            assert self.cluster.choice(name) == (acts or min(able, default=None))

    @invariant()
    def engines_that_see_the_same_choose_the_same(self) -> None:
        seen: dict[frozenset[NodeId], set[NodeId | None]] = {}
        for name in self.cluster.engines:
            seen.setdefault(self.cluster.living(name), set()).add(self.cluster.choice(name))
        assert all(len(choices) == 1 for choices in seen.values())

    @invariant()
    def a_leader_chooses_itself(self) -> None:
        for name in self.cluster.engines:
            self.cluster.advance(name)
            leads = self.cluster.engines[name].role is Role.LEADER
            assert leads == (self.cluster.choice(name) == name)

    @invariant()
    def every_turn_is_in_the_table_and_no_message_is_sent(self) -> None:
        assert {
            (change.before, change.after) for _, _, change in self.cluster.role_changes
        } <= TABLE
        assert self.cluster.said == []


TestLowestIds = LowestIds.TestCase
TestLowestIds.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
