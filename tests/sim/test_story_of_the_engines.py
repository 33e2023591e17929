"""Stories of the engines: raft and gossip elect, the engine changes, operators move the role.

In each of them the judge and the test check after every event that no two nodes act.
"""

import pytest
from attrs import evolve

from qutrio.core.api.events import YieldRequested
from qutrio.core.api.mutations import PutSettings
from qutrio.core.election.interface import Role
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.world import World
from tests.sim.worlds import N0, N1, N2, N3, N4, both_ways, cut_off, masters, moves, node_of

USUAL = Settings()
BEGUN_S: Seconds = 30.0
ROUND_TRIPS_S: Seconds = 0.75
"""Canvass, votes, claim and first write, with messages that take up to 50 ms."""
ALL = (N0, N1, N2)


def elected(engine: str, size: int = 3, seed: int = 11) -> tuple[World, NodeId]:
    """Return a cluster with a master, and the master."""
    world = World(seed, size, settings=Settings(engine=engine, master_cooldown_s=20.0))
    world.run(BEGUN_S)
    (master,) = masters(world)
    return world, master


def leaders(world: World) -> set[NodeId]:
    """Return the nodes whose engines lead."""
    return {n for n in world.hosts if node_of(world, n).leadership.engine_host.role is Role.LEADER}


def longest_gap(world: World, until: Seconds) -> Seconds:
    """Run on, and return the longest time without a master."""
    step, longest, since = 0.01, 0.0, world.true
    while world.true < until:
        world.run(world.true + step)
        acting = masters(world)
        assert len(acting) <= 1
        if acting:
            since = world.true
        longest = max(longest, world.true - since)
    return longest


def switch(world: World, engine: str) -> None:
    """Let an operator choose another engine."""
    settings = node_of(world, N1).register.committed.document.settings
    world.propose(N1, PutSettings(settings=evolve(settings, engine=engine), expect=settings))


def test_story_the_engine_changes_three_times_while_people_write() -> None:
    """The master stays, so there is no gap."""
    world, master = elected("lowest-id")
    gaps = []
    for turn, engine in enumerate(("raft", "gossip", "lowest-id")):
        for number, name in enumerate(ALL):
            world.add_check(name, f"before-{turn}-{number}")
        switch(world, engine)
        for number, name in enumerate(ALL):
            world.add_check(name, f"after-{turn}-{number}")
        gaps.append(longest_gap(world, world.true + 20))
        assert {node_of(world, n).leadership.settings.engine for n in ALL} == {engine}
        assert masters(world) == [master]
        assert leaders(world) == {master}
    assert max(gaps) <= 0.02
    assert len(world.invariants.acknowledged) == 18


@pytest.mark.parametrize("seed", range(6))
def test_story_a_raft_leader_dies_and_another_acts_within_two_election_timeouts(seed: int) -> None:
    world, master = elected("raft", seed=seed)
    world.crash(master, 100)
    gap = longest_gap(world, world.true + 10)
    assert gap <= 2 * USUAL.raft_election_timeout_s + ROUND_TRIPS_S
    assert len(masters(world)) == 1


def test_story_a_raft_node_that_was_cut_off_does_not_disturb_when_it_returns() -> None:
    """It canvassed in vain for a minute (pre-vote), so it returns with its old term."""
    world, master = elected("raft", size=5)
    lost = next(n for n in world.hosts if n != master)
    terms = {n: node_of(world, n).leadership.engine_host.hard_state for n in world.hosts}
    lease = node_of(world, master).leadership.known_term
    cut_off(world, *both_ways(*((lost, n) for n in world.hosts if n != lost)), for_s=60)
    assert moves(world, world.true + 90) == [master]
    assert {n: node_of(world, n).leadership.engine_host.hard_state for n in world.hosts} == terms
    assert node_of(world, master).leadership.known_term == lease
    assert leaders(world) == {master}


def test_story_a_raft_leader_that_is_cut_off_steps_down_and_follows_when_it_returns() -> None:
    world, master = elected("raft", size=5)
    cut_off(world, *both_ways(*((master, n) for n in world.hosts if n != master)), for_s=30)
    world.run(world.true + 15)
    (other,) = masters(world)
    assert other != master
    assert leaders(world) == {other}
    assert moves(world, world.true + 45) == [other]
    assert node_of(world, master).leadership.engine_host.role is Role.FOLLOWER


def test_story_gossip_has_a_leader_on_each_side_and_one_that_acts() -> None:
    world, master = elected("gossip", size=5)
    assert master == N0
    apart = [(a, b) for a in (N0, N1) for b in (N2, N3, N4)]
    cut_off(world, *both_ways(*apart), for_s=60)
    world.run(world.true + 40)
    assert leaders(world) == {N0, N2}
    assert masters(world) == [N2]
    world.add_check(N3, "written")
    assert moves(world, world.true + 60) == [N2, N0]
    assert leaders(world) == {N0}
    assert "written" in {c.name for c in node_of(world, N0).register.committed.document.checks}


@pytest.mark.parametrize("engine", ["gossip", "raft"])
def test_story_a_role_moved_by_an_operator_stays(engine: str) -> None:
    world, master = elected(engine)
    (other, last) = (n for n in ALL if n != master)
    world.post(world.hosts[other], YieldRequested(last))
    assert moves(world, world.true + 15) == [master, last]
    assert leaders(world) == {last}


@pytest.mark.parametrize("engine", ["gossip", "raft"])
def test_story_a_node_sleeps_through_a_switch(engine: str) -> None:
    """It was down when the duration of grants changed; it starts, learns and follows."""
    world, master = elected("lowest-id")
    missing = next(n for n in ALL if n != master)
    world.crash(missing, 20)
    via = next(n for n in ALL if n not in {master, missing})
    settings = node_of(world, via).register.committed.document.settings
    change = PutSettings(settings=evolve(settings, engine=engine), expect=settings)
    world.propose(via, change)
    assert moves(world, world.true + 10) == [master]
    world.crash(master, 30)  # the node that is left knows of the change, the other does not
    world.run(world.true + 25)
    assert len(masters(world)) == 1
    assert node_of(world, missing).leadership.settings.engine == engine
    world.run(world.true + 40)
    assert len(leaders(world)) == 1
    assert leaders(world) == set(masters(world))
