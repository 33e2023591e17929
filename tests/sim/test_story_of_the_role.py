"""Stories of the master: restarts, cuts, suspension, a lost quorum, a power cut, old documents.

In each of them the judge and the test check after every event that no two nodes act.
"""

import pytest

from qutrio.core.api.messages import Heartbeat
from qutrio.core.proposals import hopeless
from qutrio.model.document import Settings
from qutrio.model.ids import Instant, NodeId, Seconds
from qutrio.sim.world import World
from tests.sim.worlds import (
    COOLDOWN_S,
    N0,
    N1,
    N2,
    N3,
    N4,
    WEB,
    begin,
    both_ways,
    cut_off,
    masters,
    moves,
    node_of,
    notes,
    pages,
    watch,
)

DEAD_S: Seconds = Settings().dead_after_s


def clock(world: World, name: NodeId) -> Instant:
    """Return the time of a machine's boot clock."""
    return world.hosts[name].clock.at(world.true)


def names(world: World, name: NodeId) -> set[str]:
    """Return the names of the checks in a node's document."""
    return {check.name for check in node_of(world, name).register.committed.document.checks}


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_story_the_lowest_id_restarts(how: str) -> None:
    """Never two masters, not for one heartbeat, whether it crashes or is stopped cleanly."""
    world, down_s = begin(), 2 * DEAD_S
    if how == "killed":
        world.crash(N0, down_s)
    else:
        world.stop(N0, down_s)
    watcher = watch(world)
    world.run(15 + down_s + COOLDOWN_S - 1)
    assert watcher.acted == [N1]
    world.run(15 + down_s + COOLDOWN_S + DEAD_S)
    assert watcher.acted == [N1, N0]
    said = [(who, m.claim) for who, _, m in watcher.said if isinstance(m, Heartbeat) and m.acting]
    holders = {term: {who for who, t in said if t == term} for _, term in said}
    assert all(len(who) == 1 for who in holders.values()), "one heartbeat of a second master"
    assert [term for _, term in said] == sorted(term for _, term in said if term is not None)


def test_story_a_bridge_two_nodes_see_a_majority_through_a_third() -> None:
    """A - C - B: A and B cannot see each other, and both see C, so both see two of three."""
    world = begin()
    cut_off(world, *both_ways((N0, N1)), for_s=300)
    assert moves(world, 200) == [N0]
    assert all(
        node_of(world, n).leadership.membership.sees_majority(clock(world, n)) for n in (N0, N1)
    )
    world.crash(N0, 10)  # now B and C can decide, and A returns while another is master
    assert moves(world, 220) == [N1]


@pytest.mark.parametrize("deaf", [True, False], ids=["hears-nobody", "is-heard-by-nobody"])
def test_story_the_master_is_cut_off_in_one_direction_only(*, deaf: bool) -> None:
    """In both cases, the master stops before another begins."""
    world = begin()
    others = (N1, N2)
    cut_off(world, *(((o, N0) if deaf else (N0, o)) for o in others), for_s=60)
    assert moves(world, 15 + 2 * DEAD_S + 2) == [N0, N1]
    assert moves(world, 75) == [N1]
    world.add_check(N2, "api")
    assert moves(world, 75 + COOLDOWN_S + DEAD_S + 5) == [N1, N0]
    assert all("api" in names(world, n) for n in world.hosts)


def test_story_the_master_is_suspended_and_resumed_in_the_middle_of_sending() -> None:
    """It is suspended for twice dead-after while it sends a page; another pages meanwhile."""
    world = begin()
    world.channels.slow_until = 100.0  # so that an attempt takes a while
    world.targets.down.add(WEB)
    while not world.invariants.rounds._judged:
        world.run(world.true + 0.05)
    world.run(world.true + 0.3)
    assert not world.invariants.announced, "it has not been sent yet"
    world.suspend(N0, 2 * DEAD_S)
    world.channels.slow_until = 0.0
    watcher = watch(world)
    asleep_until = world.true + 2 * DEAD_S
    world.run(asleep_until)
    assert watcher.acted[-1] == N1
    world.run(asleep_until + 10)
    assert N0 not in watcher.acted[watcher.acted.index(N1) :], "it resumed and checked its lease"
    assert 1 <= pages(world)["down"] <= 2
    world.targets.down.clear()
    world.run(asleep_until + 60)
    assert pages(world)["recovered"] == 1
    world.invariants.quiet(world.hosts, world.true)


def test_story_the_quorum_is_lost_and_regained() -> None:
    """The survivor decides nothing and says why; all continues when one node returns."""
    world = begin()
    world.targets.down.add(WEB)
    world.crash(N1, 40)
    world.crash(N2, 60)
    world.run(15 + DEAD_S + 1)
    assert masters(world) == []
    world.add_check(N0, "refused")
    world.run(50)
    assert "refused" in world.invariants.refused
    reason = hopeless(node_of(world, N0).leadership, clock(world, N0), removed=False)
    assert "no quorum: 1 of 3" in (reason or "")
    assert pages(world) == {}
    assert moves(world, 75) == [N0]
    world.run(110)
    assert pages(world) == {"down": 1}
    assert "refused" not in names(world, N0)


def test_story_two_nodes_restart_with_a_stale_document() -> None:
    """Two of three missed the last changes, and get what was acknowledged from the third."""
    world = begin()
    world.crash(N1, 5)
    world.add_check(N2, "one")
    world.run(20)
    stale = world.hosts[N1].disk
    assert stale.accepted.document.revision < world.hosts[N2].disk.accepted.document.revision
    world.crash(N2, 6)
    world.crash(N0, 1)
    world.run(60)
    assert "one" in world.invariants.acknowledged
    assert all("one" in names(world, n) for n in world.hosts)
    assert len({node_of(world, n).register.committed.document for n in world.hosts}) == 1


@pytest.mark.parametrize("seed", range(4))
def test_story_the_whole_cluster_is_power_cycled_at_once(seed: int) -> None:
    """It happens during writes; what was acknowledged survives, and a node acts soon."""
    world = World(seed, 3, settings=Settings(master_cooldown_s=COOLDOWN_S))
    world.run(15)
    for number in range(20):
        world.add_check(NodeId(f"n0{number % 3}"), f"check{number}")
        world.run(world.true + 0.011)
    before = set(world.invariants.acknowledged)
    for name in world.hosts:
        world.crash(name, 3.0, power_cut=True)
    began = world.true + 3.0
    assert len(moves(world, began + 2 * DEAD_S + 2)) == 1
    assert before
    assert all(before <= names(world, n) for n in world.hosts)
    world.run(began + 60)
    world.invariants.quiet(world.hosts, world.true)


def test_story_a_full_or_read_only_disk_makes_the_master_resign_and_say_why() -> None:
    """It resigns at the first write that fails; the next acts, and accepts changes."""
    world = begin()
    world.hosts[N0].disk_fails_until = 60.0
    world.add_check(N2, "api")
    assert moves(world, 25) == [N0, N1]
    (line,) = notes(world, "resigned")
    assert "n00" in line
    assert "cannot write its disk" in line
    assert notes(world, "the disk refused a write")
    world.add_check(N2, "again")
    assert moves(world, 60 + COOLDOWN_S + 30) == [N1, N0]
    assert "again" in world.invariants.acknowledged
    assert "again" in names(world, N0)


def test_story_a_partial_partition_of_five_never_has_two_masters() -> None:
    """{A, B} and {D, E} cannot see each other; C sees all: two majorities overlap in C."""
    world = begin(5)
    apart = [(a, b) for a in (N0, N1) for b in (N3, N4)]
    cut_off(world, *both_ways(*apart), for_s=200)
    assert moves(world, 100) == [N0]
    world.crash(N0, 20)
    assert moves(world, 200) == [N2, N0]  # B sees only two of five


def test_story_a_wall_clock_that_jumps_moves_no_role() -> None:
    """No node begins or stops to act because of wall time."""
    world = begin()
    for name, jump in ((N0, 1e6), (N1, -1e6)):
        world.hosts[name].clock.wall_off_s = jump
    assert moves(world, 60) == [N0]
