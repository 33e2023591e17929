"""Whole clusters in virtual time break no invariant."""

from qutrio.core.api.mutations import RemoveMember
from qutrio.model.document import Settings
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.sim.world import World

N0, N1, N2 = NodeId("n00"), NodeId("n01"), NodeId("n02")
WEB = CheckId("web")


def masters(world: World) -> list[NodeId]:
    return [name for name, host in world.hosts.items() if host.acting(world.true)]


def moves(world: World, until: Seconds) -> list[NodeId]:
    """Run on, and return the masters in order, without repetitions in a row."""
    seen: list[NodeId] = []
    while world.true < until:
        world.run(world.true + 0.25)
        acting = masters(world)
        assert len(acting) <= 1
        seen += [name for name in acting if name not in seen[-1:]]
    return seen


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
    terms = [h.node.leadership.lease.heard_term for h in world.hosts.values() if h.node]
    world.targets.down.add(WEB)
    world.crash(N2, 1)  # it returns with its state, and is ignored
    assert moves(world, 60) == [master]
    assert [h.node.leadership.lease.heard_term for h in world.hosts.values() if h.node] == terms
    holder = world.hosts[master].node
    assert holder is not None
    assert holder.exchange.verdicts.votes_of(N2) == []
    assert sum(world.invariants.announced.values()) == 1


def test_a_target_that_is_down_pages_once_through_a_crash_of_the_master() -> None:
    world = World(5, 3)
    world.run(15)
    world.targets.down.add(WEB)
    world.run(40)
    assert list(world.invariants.announced.values()) == [1]
    world.crash(N0, 200)
    assert moves(world, 80) == [N1]
    assert list(world.invariants.announced.values()) == [1]
    world.targets.down.clear()
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
