"""Invariants 9 to 11 fire, each in a world that is broken on purpose."""

from itertools import permutations
from typing import Any

import pytest

from qutrio.core.api.mutations import PromoteMember, Refusal
from qutrio.core.checks.verdicts import Verdicts
from qutrio.core.election.interface import Electorate
from qutrio.core.election.lowest_id import LowestId
from qutrio.core.leadership.engine_host import EngineHost
from qutrio.core.leadership.heartbeats import Liveness
from qutrio.model.document import Settings
from qutrio.model.ids import (
    Instant,
    NodeId,
    Seconds,
)
from qutrio.model.results import State
from qutrio.sim.invariants import InvariantError
from qutrio.sim.invariants.growth import CEILINGS, containers
from qutrio.sim.invariants.health import check_somebody_acts, elected_within
from qutrio.sim.world import World
from tests.sim.worlds import COOLDOWN_S, N0, N1, N2, WEB, begin, cut_off, node_of

# --- 9: all is well in the end --------------------------------------------------------------


def test_9_a_cluster_in_good_health_passes() -> None:
    world = begin()
    world.invariants.quiet(world.hosts, world.true)


def test_9_a_cluster_without_a_master_is_noticed() -> None:
    world = begin()
    world.crash(N0, 100)
    world.crash(N1, 100)
    world.run(30)
    with pytest.raises(InvariantError, match=r"^9: \[\] act, long after"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_cluster_without_a_master_for_too_long_is_noticed() -> None:
    world = begin()
    acted_at = check_somebody_acts(world.hosts, 0.0, world.true)
    assert acted_at == world.true
    for pair in permutations((N0, N1, N2), 2):
        cut_off(world, pair, for_s=1000)
    world.run(acted_at + elected_within(Settings()))
    assert check_somebody_acts(world.hosts, acted_at, world.true) == acted_at
    world.run(world.true + 1)
    with pytest.raises(InvariantError, match=r"^9: nobody has acted for \d+ s, without a fault"):
        check_somebody_acts(world.hosts, acted_at, world.true)


def test_9_a_cluster_that_is_down_is_noticed() -> None:
    world = begin(1)
    world.crash(N0, 100)
    assert check_somebody_acts(world.hosts, -1000.0, world.true) == world.true
    with pytest.raises(InvariantError, match=r"^9: no machine runs"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_lowest_id_that_never_gets_the_role_back_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin()
    monkeypatch.setattr(LowestId, "successor", lambda *_: None)
    world.crash(N0, 5)
    world.run(200)
    with pytest.raises(InvariantError, match=r"^9: n01 acts, though n00 has waited for"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_member_that_is_not_heard_is_noticed() -> None:
    world = begin()
    cut_off(world, (N2, N1), for_s=100)
    world.run(30)
    with pytest.raises(InvariantError, match=r"^9: n01 hears only \['n00', 'n01'\]"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_member_that_is_behind_is_noticed() -> None:
    world = begin()
    register = node_of(world, N2).register
    world.add_check(N0, "api")
    behind = register.committed
    world.run(20)
    register.committed = behind
    with pytest.raises(InvariantError, match=r"^9: n02 holds revision 1"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_page_that_still_waits_is_noticed() -> None:
    world = begin()
    world.channels.down_until = 1000.0
    world.targets.down.add(WEB)
    world.run(60)
    with pytest.raises(InvariantError, match=r"^9: pages still wait for delivery at n00"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_vote_that_does_not_count_everywhere_is_noticed() -> None:
    world = begin()
    node_of(world, N1).exchange.verdicts._tallies[WEB].votes.pop(N2)
    with pytest.raises(InvariantError, match=r"^9: n01 does not count the vote of n02 on web"):
        world.invariants.quiet(world.hosts, world.true)


def test_9_a_learner_that_never_gets_its_vote_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin()
    monkeypatch.setattr(PromoteMember, "apply", lambda *_: Refusal("for the test"))
    world.admit(N0, NodeId("o01"))
    world.run(60)
    with pytest.raises(InvariantError, match=r"^9: \['o01'\] still have no vote"):
        world.invariants.quiet(world.hosts, world.true)


@pytest.mark.parametrize(
    ("state", "said"), [(State.UP, "nobody was told"), (State.DOWN, "its incident is open")]
)
def test_9_an_incident_that_contradicts_all_votes_is_noticed(
    state: State, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = begin()
    if state is State.DOWN:
        world.targets.down.add(WEB)
        world.run(30)
    monkeypatch.setattr(Verdicts, "undisputed", lambda *_: state)
    (world.targets.down.discard if state is State.DOWN else world.targets.down.add)(WEB)
    world.run(60)
    with pytest.raises(InvariantError, match=rf"^9: web is .* everywhere, .*{said}"):
        world.invariants.quiet(world.hosts, world.true)


# --- 10: the cooldown -----------------------------------------------------------------------


def test_10_a_handover_before_the_cooldown_is_over_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hears = Liveness.record

    def forgets_the_gap(
        liveness: Liveness, node: NodeId, now: Instant, dead_after: Seconds
    ) -> bool:
        since = liveness._since.get(node, now)
        begins = hears(liveness, node, now, dead_after)
        liveness._since[node] = since
        return begins

    world = begin()
    monkeypatch.setattr(Liveness, "record", forgets_the_gap)
    world.crash(N0, 8)
    with pytest.raises(InvariantError, match=r"^10: n01 hands over to n00, heard for \d\.\d+ s"):
        world.run(100)


def test_10_a_role_that_moves_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def highest(engine_host: EngineHost, electorate: Electorate, now: Instant) -> NodeId | None:
        del engine_host, now
        return electorate.master or max(electorate.able, default=None)

    monkeypatch.setattr(EngineHost, "choice", highest)
    world = World(11, 3, settings=Settings(master_cooldown_s=COOLDOWN_S))
    with pytest.raises(InvariantError, match=r"^10: n02 handed over to n00, and n02 acts"):
        world.run(200)


def test_10_a_lie_excuses_an_election_that_goes_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    def highest(engine_host: EngineHost, electorate: Electorate, now: Instant) -> NodeId | None:
        del engine_host, now
        world.invariants.lied(world.true)
        return electorate.master or max(electorate.able, default=None)

    world = World(11, 3, settings=Settings(master_cooldown_s=COOLDOWN_S))
    monkeypatch.setattr(EngineHost, "choice", highest)
    world.run(200)


# --- 11: nothing grows ----------------------------------------------------------------------


def test_11_a_map_that_outgrew_the_cluster_is_noticed() -> None:
    world = begin()
    assert world.invariants.sizes(world.hosts, world.true) > 100
    node_of(world, N1).leadership.clocks.skew.update({NodeId(f"x{i}"): 0.0 for i in range(200)})
    with pytest.raises(InvariantError, match=r"^11: WallClocks.skew of n01 holds 20\d, more than"):
        world.invariants.sizes(world.hosts, world.true)


def test_11_many_small_things_are_noticed_too() -> None:
    world = begin()
    positions: Any = node_of(world, N1).router.positions
    positions.update({i: [[j] for j in range(60)] for i in range(60)})
    positions.update({i: [[list(range(60)) for _ in range(60)]] for i in range(60)})
    with pytest.raises(InvariantError, match=r"^11: n01 keeps \d+ things"):
        world.invariants.sizes(world.hosts, world.true)


def test_11_every_container_of_a_machine_is_walked_over() -> None:
    places = {place for place, _ in containers(begin().hosts[N0])}
    expected = {"Host.backlog", "Tally.votes", "Lease._grants"}
    assert expected | CEILINGS.keys() <= places
