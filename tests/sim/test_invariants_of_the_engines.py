"""The invariants of engines, tenants and transfers fire."""

import pytest
from attrs import evolve

from qutrio.core.api.effects import ReportRole
from qutrio.core.api.events import Tenancy, YieldRequested
from qutrio.core.api.messages import Resign
from qutrio.core.election.engine_messages import VoteRequest, VoteResponse
from qutrio.core.election.interface import Role, RoleChange
from qutrio.core.election.raft.votes import Why
from qutrio.core.leadership.engine_host import EngineHost
from qutrio.model.document import Settings
from qutrio.model.ids import Instant, NodeId, Seconds, Term
from qutrio.model.stable import HardState
from qutrio.sim.host import Host
from qutrio.sim.invariants import InvariantError
from qutrio.sim.invariants.hard_states import TERMS_KEPT, HardStates
from qutrio.sim.world import World
from tests.sim.worlds import N0, N1, N2, begin, masters, node_of

TRUE: Seconds = 1.0


def hosts() -> dict[NodeId, Host]:
    return World(11, 3, settings=Settings(engine="raft")).hosts


def with_hard_state(host: Host, term: int, vote: NodeId | None) -> Host:
    host.disk = evolve(host.disk, hard_state=HardState(Term(term), vote))
    return host


# --- 1: tenants -----------------------------------------------------------------------------


def test_1_a_node_that_acts_while_programs_rely_on_another_is_noticed() -> None:
    world = begin()
    host = world.hosts[N1]
    world.invariants.roles.rely_until(host, Instant(host.clock.at(world.true) + 3))
    with pytest.raises(InvariantError, match=r"^1: n00 acts, and programs at n01 rely on its"):
        world.run(16)
    world.invariants.roles.rely_no_more(N1)
    world.run(17)


def test_programs_rely_on_a_node_while_it_acts_and_stop_before_a_transfer() -> None:
    world = begin()
    world.tenants.add(N0, programs=2, for_s=60.0, hesitates_s=1.0)
    world.run(16)
    assert node_of(world, N0).leadership.tenants == 2
    world.post(world.hosts[N0], YieldRequested(N2))
    world.run(19)
    assert masters(world) == [N2]
    assert node_of(world, N0).leadership.tenants == 0
    world.run(80)
    assert node_of(world, N0).leadership.tenants == 0


def test_programs_of_a_node_that_crashes_rely_on_its_lease_and_come_back() -> None:
    world = begin()
    world.tenants.add(N0, programs=1, for_s=200.0, hesitates_s=1.0)
    world.tenants.add(N0, programs=1, for_s=200.0, hesitates_s=1.0)
    world.tenants.add(NodeId("nobody"), programs=1, for_s=200.0, hesitates_s=1.0)
    world.run(16)
    world.crash(N0, 8)
    world.run(30)
    assert masters(world) == [N1]
    assert node_of(world, N0).leadership.tenants == 0
    world.run(60)  # the role is back, and so are the programs
    assert masters(world) == [N0]
    assert node_of(world, N0).leadership.tenants == 1


def test_programs_that_are_suspended_with_their_machine_stop_when_it_resumes() -> None:
    world = begin()
    world.tenants.add(N0, programs=1, for_s=5.0, hesitates_s=1.0)
    world.run(16)
    world.suspend(N0, 10)
    world.run(40)
    assert masters(world) == [N1]
    assert node_of(world, N0).leadership.tenants == 0


# --- 2: hard states ---------------------------------------------------------------------


def test_2_a_hard_state_that_goes_back_on_a_disk_is_noticed() -> None:
    hard_states, (host, *_) = HardStates(), hosts().values()
    for term, vote in ((1, None), (1, N1), (2, None), (4, N2)):
        hard_states.check_disk(with_hard_state(host, term, vote), TRUE)
    with pytest.raises(InvariantError, match=r"^2: the disk of n00 had"):
        hard_states.check_disk(with_hard_state(host, 4, N1), TRUE)
    with pytest.raises(InvariantError, match=r"^2: the disk of n00 had"):
        hard_states.check_disk(with_hard_state(host, 3, N2), TRUE)


def test_2_a_vote_that_is_not_on_the_disk_when_it_is_given_is_noticed() -> None:
    hard_states, (host, *_) = HardStates(), hosts().values()
    with pytest.raises(InvariantError, match=r"^2: n00 gives"):
        hard_states.on_send(host, N1, VoteResponse(term=Term(1), granted=True), TRUE)
    hard_states.on_send(host, N1, VoteResponse(term=Term(1), granted=False), TRUE)
    with pytest.raises(InvariantError, match=r"^2: n00 gives"):
        hard_states.on_send(host, N1, VoteRequest(term=Term(1)), TRUE)


def test_2_two_votes_in_one_term_are_noticed() -> None:
    hard_states, (host, *_) = HardStates(), hosts().values()
    hard_states.on_send(with_hard_state(host, 5, N0), N1, VoteRequest(term=Term(5)), TRUE)
    with_hard_state(host, 5, N1)
    with pytest.raises(InvariantError, match=r"^2: n00 voted for n00 and for n01 in term 5"):
        hard_states.on_send(host, N1, VoteResponse(term=Term(5), granted=True), TRUE)


def test_2_two_elected_leaders_of_one_term_are_noticed_and_only_the_newest_terms_are_kept() -> None:
    hard_states, (one, two, _) = HardStates(), hosts().values()

    def won(term: int) -> list[ReportRole]:
        return [ReportRole(RoleChange(Role.CANDIDATE, Role.LEADER, Term(term), Why.WON))]

    for term in range(TERMS_KEPT + 9):
        hard_states.stepped(one, [*won(term)], TRUE)
    assert len(hard_states._leaders) == TERMS_KEPT
    with pytest.raises(InvariantError, match=r"^2: raft elected n00 and n01 in term 100"):
        hard_states.stepped(two, [*won(100)], TRUE)


# --- 9: the engine's rule -------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["gossip", "raft"])
def test_9_a_second_leader_is_noticed(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(11, 3, settings=Settings(engine=engine))
    world.run(40)
    world.invariants.quiet(world.hosts, world.true)
    monkeypatch.setattr(EngineHost, "role", Role.LEADER)
    with pytest.raises(InvariantError, match=r"^9: n0\d acts; n0\d is a leader and wants n0\d"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_higher_id_may_act_for_a_while_after_a_transfer() -> None:
    world = begin()
    world.post(world.hosts[N0], YieldRequested(N2))
    world.run(18)
    world.add_check(N1, "later")
    world.run(30)
    assert masters(world) == [N2]
    world.invariants.quiet(world.hosts, world.true)
    world.run(60)
    assert masters(world) == [N0]


# --- 10: moved by hand ----------------------------------------------------------------------


def test_10_a_role_that_was_moved_by_hand_and_moves_back_too_early_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin()
    world.run(40)
    world.post(world.hosts[N0], YieldRequested(N2))
    world.run(42)
    node_of(world, N2).leadership.engine_host.placed_until = Instant(0.0)
    with pytest.raises(InvariantError, match=r"^10: n02 was given the role by hand .* to n00"):
        world.run(50)


def test_a_transfer_that_came_too_late_moves_nothing() -> None:
    world = begin()
    roles, host = world.invariants.roles, world.hosts[N0]
    late = Resign(term=Term(0), successor=N0, by_hand=True, reason="moved by hand")
    roles._record_placed(host, N0, late, world.true)
    assert roles._placed == {}
    world.post(host, Tenancy(1))
    assert node_of(world, N0).leadership.tenants == 1
