"""Whole clusters in virtual time: replayable to the letter, and no promise broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from qutrio.core.mutations import RemoveMember
from qutrio.model.document import Settings
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.model.incidents import NoticeKind
from qutrio.model.results import Evidence, Outcome
from qutrio.model.stable import Promise
from qutrio.sim.__main__ import main
from qutrio.sim.invariants import InvariantError, Invariants
from qutrio.sim.schedule import play
from qutrio.sim.world import World
from tests.core.samples import delivery

ROOT = Path(__file__).parents[2]
N0, N1, N2 = NodeId("n00"), NodeId("n01"), NodeId("n02")
WEB = CheckId("web")
FAULTY_S: Seconds = 40.0
HEALING_S: Seconds = 100.0
"""Enough after so short a time of faults, and four times as quick."""
REPLAY = "from qutrio.sim.schedule import play; print(play(7, 3, 40.0).trace)"


def masters(world: World) -> list[NodeId]:
    return [name for name, host in world.hosts.items() if host.acting(world.true)]


def moves(world: World, until: Seconds) -> list[NodeId]:
    """Run on, and say who acted, in order and each once in a row."""
    seen: list[NodeId] = []
    while world.true < until:
        world.run(world.true + 0.25)
        acting = masters(world)
        assert len(acting) <= 1
        seen += [name for name in acting if name not in seen[-1:]]
    return seen


# --- replay ---------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_story() -> None:
    first, again = play(7, 3, FAULTY_S), play(7, 3, FAULTY_S)
    assert first == again
    assert first.events > 1000


def test_different_seeds_are_different_stories() -> None:
    assert len({play(seed, 3, 5.0).trace for seed in (1, 2, 3)}) == 3


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_the_same_seed_is_the_same_story_in_another_process(hash_seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        [sys.executable, "-c", REPLAY],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.strip() == play(7, 3, FAULTY_S).trace


# --- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(1, 41))
def test_no_schedule_of_faults_breaks_a_promise(seed: int) -> None:
    size = (1, 2, 3, 5)[seed % 4]
    outcome = play(seed, size, FAULTY_S, HEALING_S)
    assert outcome.broken is None, f"replay: play({seed}, {size}, {FAULTY_S})"
    assert outcome.masters >= 1


def test_many_schedules_can_be_played_from_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--first", "5", "--seeds", "2", "--sizes", "1", "--seconds", "5"]) == 0
    assert "2 seeds kept every promise" in capsys.readouterr().out


# --- the role -------------------------------------------------------------------------------


def test_the_lowest_id_gets_the_role_back_once_after_the_cooldown_that_a_flap_restarts() -> None:
    cooldown_s = 30.0
    world = World(3, 3, settings=Settings(master_cooldown_s=cooldown_s))
    world.run(5)
    assert masters(world) == [N0]
    world.crash(N0, 10)  # back at 15
    assert moves(world, 35) == [N1]
    world.crash(N0, 6)  # a flap after 20 of 30 seconds: back at 41
    assert moves(world, 41 + cooldown_s - 0.5) == [N1]
    assert moves(world, 41 + cooldown_s + 60) == [N1, N0]


def test_a_removed_node_affects_nothing() -> None:
    world = World(4, 3)
    world.run(5)
    (master,) = masters(world)
    assert master != N2
    world.propose(N0, RemoveMember(node=N2))
    world.run(10)
    removed = world.hosts[N2].node
    assert removed is not None
    assert removed.removed
    terms = [h.node.seat.mandate.heard_term for h in world.hosts.values() if h.node]
    world.down_targets.add(WEB)
    world.crash(N2, 1)  # it comes back with what it knows, and nobody listens
    assert moves(world, 60) == [master]
    assert [h.node.seat.mandate.heard_term for h in world.hosts.values() if h.node] == terms
    holder = world.hosts[master].node
    assert holder is not None
    assert holder.watch.verdicts.votes_of(N2) == []
    assert sum(world.invariants.announced.values()) == 1


def test_a_target_that_is_down_pages_once_through_a_crash_of_the_master() -> None:
    world = World(5, 3)
    world.run(15)
    world.down_targets.add(WEB)
    world.run(40)
    assert list(world.invariants.announced.values()) == [1]
    world.crash(N0, 200)
    assert moves(world, 80) == [N1]
    assert list(world.invariants.announced.values()) == [1]
    world.down_targets.clear()
    world.run(120)
    pages = {key[0].rpartition(".")[2]: n for key, n in world.invariants.announced.items()}
    assert pages == {"down": 1, "recovered": 1}


def test_a_change_is_in_every_later_document_once_it_was_acknowledged() -> None:
    world = World(6, 3)
    world.run(5)
    world.add_check(N2, "api")
    world.run(8)
    assert world.invariants.acknowledged == {"api"}
    world.crash(N0, 1000)
    world.run(30)
    for name in (N1, N2):
        node = world.hosts[name].node
        assert node is not None
        assert "api" in {c.name for c in node.register.committed.document.checks}


# --- the judge ------------------------------------------------------------------------------


def test_a_page_that_no_majority_saw_is_noticed() -> None:
    with pytest.raises(InvariantError, match="7:"):
        Invariants(voters_when={delivery().notice.id: 3}).delivered(delivery())


def test_a_page_that_comes_after_its_recovery_is_noticed() -> None:
    up, down = delivery(kind=NoticeKind.RECOVERED), delivery()
    judge = Invariants(voters_when={up.notice.id: 3, down.notice.id: 3})
    seen = tuple(
        Evidence(
            node=node,
            name=node,
            outcome=Outcome.OK,
            latency_ms=None,
            detail="",
            age_s=0.0,
            counted=True,
        )
        for node in (N0, N1)
    )
    judge.delivered(evolve(up, notice=evolve(up.notice, evidence=seen)))
    with pytest.raises(InvariantError, match="8:"):
        judge.delivered(down)


def test_two_nodes_that_act_at_once_are_noticed() -> None:
    world = World(3, 2)
    world.run(5)
    other = World(3, 2)
    other.run(5)
    hosts = {N0: world.hosts[N0], N1: other.hosts[N0]}
    with pytest.raises(InvariantError, match="1:"):
        Invariants().check(hosts, world.true, N0)


def test_a_term_that_falls_is_noticed() -> None:
    world = World(3, 1)
    world.run(5)
    host = world.hosts[N0]
    assert host.node is not None
    host.node.seat.mandate.promise = Promise()
    with pytest.raises(InvariantError, match="2:"):
        world.invariants.check(world.hosts, world.true, N0)
