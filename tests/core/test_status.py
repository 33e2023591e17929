"""The status shows what a node knows, and says what it does not know."""

import attrs
from attrs import evolve

from qutrio.core.api.effects import LogFact
from qutrio.core.api.engine_timers import TIMERS, setting_of
from qutrio.core.api.events import Received
from qutrio.core.api.facts import EngineUnknown
from qutrio.core.api.messages import CanvassAnswer, CanvassRequest, Resign
from qutrio.core.api.mutations import RemoveMember
from qutrio.core.election.engines import ENGINES
from qutrio.model.document import Settings
from qutrio.model.ids import Term
from qutrio.model.results import Outcome, State
from tests.core.node_cluster import NodeCluster
from tests.core.samples import DEAD_S, WALL, WEB, A, B, C, at, check, document, hook

HELD = document(A, B, C, checks=[check()], channels=[hook()])


def test_the_status_of_a_healthy_cluster() -> None:
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    cluster.set_outcome(WEB, Outcome.OK)
    shown = cluster.status(B)
    assert (shown.node, shown.name, shown.engine) == (B, "node-n2", "lowest-id")
    assert (shown.master, shown.acting, shown.stale, shown.removed) == (A, False, False, False)
    assert (shown.holds_quorum, shown.have, shown.need) == (True, 3, 2)
    assert (shown.term, shown.revision) == (1, 1)
    assert [(m.member.id, m.live) for m in shown.members] == [(A, True), (B, True), (C, True)]
    (seen,) = shown.checks
    assert (seen.state, seen.ok, seen.fail, seen.abstain) == (State.UP, 3, 0, 0)
    assert seen.since_unix == WALL + 2.5
    assert [e.node for e in seen.evidence] == [A, B, C]
    assert seen.incident is None
    assert cluster.status(A).acting


def test_a_node_that_hears_nobody_says_that_it_may_be_stale() -> None:
    cluster = NodeCluster(HELD)
    cluster.cut_off(C)
    cluster.run(6)
    shown = cluster.status(C)
    assert (shown.master, shown.stale, shown.holds_quorum, shown.have) == (None, True, False, 1)
    assert [(m.live, m.last_heard_s) for m in shown.members] == [
        (False, None),
        (False, None),
        (True, 0.0),
    ]
    assert shown.checks[0].state is State.UNKNOWN


def test_a_member_that_died_is_shown_with_when_it_was_last_heard() -> None:
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    cluster.crash(C)
    cluster.run(10)
    last = cluster.status(A).members[2]
    assert not last.live
    assert last.last_heard_s is not None
    assert last.last_heard_s > 9
    assert last.skew_s == 0.0


def test_an_open_incident_is_shown_with_its_check() -> None:
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(3)
    (seen,) = cluster.status(C).checks
    assert seen.state is State.DOWN
    assert seen.incident is not None
    assert seen.incident.check == WEB


def test_the_status_of_a_removed_node_says_so_and_has_no_name() -> None:
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    node = cluster.nodes[C]
    gone = evolve(HELD, members=HELD.members[:2])
    node.register.committed = evolve(node.register.committed, document=gone)
    cluster.status(C)  # any event makes it notice
    shown = cluster.status(C)
    assert (shown.removed, shown.name, shown.holds_quorum, shown.have) == (True, "", False, 0)
    assert "was removed" in shown.hopeless


def test_the_role_of_a_node_and_what_its_peers_run_is_shown() -> None:
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    assert [cluster.status(n).role for n in (A, B)] == ["leader", "follower"]
    assert cluster.nodes[B].view(at(cluster.now)).master_term == 1
    shown = cluster.status(B)
    assert shown.knows_engine
    assert [m.engine for m in shown.members] == ["lowest-id"] * 3


def test_a_node_that_does_not_know_the_engine_says_so_and_abstains() -> None:
    cluster = NodeCluster(evolve(HELD, settings=Settings(engine="future")))
    cluster.run(30)
    assert cluster.masters() == []
    shown = cluster.status(B)
    assert (shown.engine, shown.knows_engine, shown.role) == ("future", False, "follower")
    assert [m.engine for m in shown.members] == ["", "", ""]
    said = [n for n, note in cluster.effects_of(LogFact) if note.fact == EngineUnknown("future")]
    assert sorted(said) == [A, B, C]
    cluster.handle(A, Received(B, CanvassRequest(term=Term(9))))
    assert [m.would for _, _, m in cluster.messages(CanvassAnswer)] == [False]


def test_a_node_that_does_not_know_the_engine_does_not_grant_a_named_successor_either() -> None:
    cluster = NodeCluster(evolve(HELD, settings=Settings(engine="future")))
    cluster.run(DEAD_S + 1)
    resign = Resign(term=Term(1), successor=B, by_hand=True)
    cluster.handle(A, Received(C, resign))
    assert cluster.nodes[A].leadership.choice(at(cluster.now)) is None


def test_a_peer_that_said_nothing_of_its_engine_is_shown_without_one() -> None:
    cluster = NodeCluster(HELD)
    cluster.cut_off(C)
    cluster.run(2.5)
    assert [m.engine for m in cluster.status(A).members] == ["lowest-id", "lowest-id", None]
    cluster.propose(A, RemoveMember(node=C))
    cluster.run(1)
    assert cluster.nodes[A].leadership.engine_host.engines.keys() == {B}


def test_every_engine_has_its_timers_and_each_is_a_setting() -> None:
    assert TIMERS.keys() == set(ENGINES)
    named = [timer.name for timers in TIMERS.values() for timer in timers]
    fields = {field.name.removesuffix("_s") for field in attrs.fields(Settings)}
    assert set(named) <= fields
    assert len(named) == len(set(named))
    assert setting_of("raft", "heartbeat") == setting_of("raft", "raft_heartbeat")
    assert setting_of("lowest-id", "heartbeat") == "heartbeat"
    assert setting_of("raft", "dead_after") is None
