"""Raft engines with faults at random: one leader and one vote per term."""

from random import Random

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from qutrio.core.election.engine_messages import VoteRequest, VoteResponse
from qutrio.core.election.interface import Electorate, Role
from qutrio.core.election.raft.machine import Raft
from qutrio.core.election.raft.votes import TRANSITIONS, Why
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Term
from tests.core.disturbances import MEMBERS, Disturbed, members
from tests.core.engine_cluster import EngineCluster

QUICK = Settings(engine="raft", raft_heartbeat_s=0.2, raft_election_timeout_s=1.0)
LONG_ENOUGH_S = 30.0
"""More than the twelve seconds that one stays aside, and several elections."""


class RaftCluster(EngineCluster):
    """A cluster whose engines may be in graft mode.

    The members in `unaware` do not know yet that their disks refuse writes.
    """

    def __init__(self, *members: NodeId, seed: int, graft: bool) -> None:
        self.graft = graft
        self.unaware: set[NodeId] = set()
        super().__init__("raft", *members, settings=QUICK, seed=seed)

    def start(self, name: NodeId) -> Raft:
        rng, hard_state = Random(self._rng.random()), self.disks[name]
        engine = Raft(
            me=name, hard_state=hard_state, rng=rng, position=None, now=self.now, graft=self.graft
        )
        self.engines[name] = engine
        return engine

    def electorate(self, me: NodeId) -> Electorate:
        seen = super().electorate(me)
        return evolve(seen, fit=True, able=seen.able | {me}) if me in self.unaware else seen


class Rafts(Disturbed):
    """Up to five engines; messages are lost, repeated and reordered until the network is good."""

    graft = False

    @initialize(seed=st.integers(0, 2**32), count=st.integers(1, len(MEMBERS)))
    def meet(self, seed: int, count: int) -> None:
        self.cluster = self.raft_cluster = RaftCluster(
            *MEMBERS[:count], seed=seed, graft=self.graft
        )
        self.acted = False
        self.terms: dict[NodeId, Term] = {}
        self.votes: dict[tuple[NodeId, Term], NodeId] = {}
        self.heard = 0
        self.rough()

    def rough(self) -> None:
        self.cluster.loss, self.cluster.repeat, self.cluster.delay_s = 0.2, 0.2, (0.0, 1.5)

    # --- what happens ------------------------------------------------------------------------

    @rule(seconds=st.floats(0.01, 5.0))
    def the_net_is_good_for_a_while(self, seconds: float) -> None:
        self.cluster.loss, self.cluster.delay_s = 0.0, (0.001, 0.01)
        self.cluster.run(seconds)
        self.rough()

    @rule(name=members, aware=st.booleans())
    def a_disk_turns_sick_or_well(self, name: NodeId, *, aware: bool) -> None:
        self.cluster.full_disks ^= {name}
        self.raft_cluster.unaware -= {name}
        if not aware:
            self.raft_cluster.unaware |= {name} & self.cluster.full_disks

    @rule(name=members)
    def one_acts_for_a_while(self, name: NodeId) -> None:
        if name in self.cluster.engines and not self.graft:
            self.acted = True
            self.cluster.master = name
            self.cluster.run(1.0)
            self.cluster.master = None

    @rule()
    def on_a_good_network_all_agree_on_one_leader(self) -> None:
        cluster = self.cluster
        cluster.full_disks.clear()
        self.raft_cluster.unaware.clear()
        cluster.aside.clear()
        cluster.heal()
        for name in cluster.disks.keys() - cluster.engines.keys():
            cluster.start(name)
        cluster.loss = cluster.repeat = 0.0
        cluster.delay_s = (0.001, 0.01)
        cluster.run(LONG_ENOUGH_S)
        assert len(cluster.leaders()) == 1
        assert cluster.choices() == cluster.leaders()
        self.rough()

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def no_term_elects_two_leaders(self) -> None:
        winners: dict[Term, set[NodeId]] = {}
        for _, name, change in self.cluster.role_changes:
            assert (change.before, change.reason, change.after) in TRANSITIONS
            if change.reason is Why.WON:
                winners.setdefault(change.term, set()).add(name)
        assert all(len(names) == 1 for names in winners.values())

    @invariant()
    def nobody_votes_twice_in_a_term(self) -> None:
        for _, sender, say in self.cluster.said[self.heard :]:
            message = say.message
            if isinstance(message, VoteResponse) and message.granted:
                assert say.to is not None
                assert self.votes.setdefault((sender, message.term), say.to) == say.to
            elif isinstance(message, VoteRequest):
                assert self.votes.setdefault((sender, message.term), sender) == sender
        self.heard = len(self.cluster.said)

    @invariant()
    def what_is_durable_never_goes_back(self) -> None:
        for name, hard_state in self.cluster.disks.items():
            assert hard_state.term >= self.terms.get(name, Term(0))
            self.terms[name] = hard_state.term

    @invariant()
    def nobody_breaks_the_protocol(self) -> None:
        assert self.acted or self.cluster.complaints == []

    @invariant()
    def a_leader_can_write_and_chooses_itself(self) -> None:
        for name, engine in self.cluster.engines.items():
            self.cluster.advance(name)
            if engine.role is Role.LEADER:
                assert self.cluster.choice(name) == name
                assert name not in self.cluster.full_disks - self.raft_cluster.unaware


class Grafts(Rafts):
    """The same in graft mode."""

    graft = True


TestRafts = Rafts.TestCase
TestRafts.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestGrafts = Grafts.TestCase
TestGrafts.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
