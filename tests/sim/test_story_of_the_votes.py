"""Stories of votes: one bad round, one vote out of five, an edit in flight, a wrong wall clock."""

import pytest

from qutrio.core.api.events import Received
from qutrio.core.api.messages import Report
from qutrio.core.api.mutations import PutCheck
from qutrio.model.checks import Check, TcpCheck
from qutrio.model.ids import NodeId
from qutrio.model.results import Outcome, State
from qutrio.sim.host import Host
from qutrio.sim.world import World
from tests.sim.worlds import N0, N1, N2, WEB, begin, node_of, notes, pages, watch

HOUR_S = 3600


def state(world: World, name: NodeId) -> State:
    """Return a node's verdict."""
    return node_of(world, name).exchange.verdicts.state(WEB)


def web(world: World) -> Check:
    """Return the current version of the check."""
    document = node_of(world, N0).register.committed.document
    return next(check for check in document.checks if check.id == WEB)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_story_one_bad_round_on_every_node_pages_nobody(size: int) -> None:
    """Every node sees the target fail once, and none twice."""
    world = begin(size)
    world.targets.down.add(WEB)
    for name in world.hosts:
        world.probe(name, WEB)
    world.run(15.1)
    assert all(node_of(world, n).exchange.verdicts.undisputed(WEB) is None for n in world.hosts)
    world.targets.down.clear()
    world.run(120)
    assert pages(world) == {}
    assert {state(world, name) for name in world.hosts} == {State.UP}


def test_story_one_vote_out_of_five_is_unknown_and_not_down() -> None:
    """Four of five abstain because their own networks are broken; the fifth sees it fail."""
    world = begin(5)
    for name in list(world.hosts)[1:]:
        world.targets.blind[name] = 1000.0
    world.targets.lonely.add((N0, WEB))
    world.run(120)
    assert {state(world, name) for name in world.hosts} == {State.UNKNOWN}
    assert pages(world) == {}


def test_story_one_failing_vote_against_four_pages_nobody() -> None:
    """Only one node cannot reach the target."""
    world = begin(5)
    world.targets.lonely.add((N2, WEB))
    world.run(120)
    assert {state(world, name) for name in world.hosts} == {State.UP}
    assert pages(world) == {}


def test_story_a_check_is_edited_while_its_probe_is_in_flight() -> None:
    """The result is of the old version of the check, so it is no vote on the new one."""
    world = begin()
    old = web(world)
    assert isinstance(old, TcpCheck)
    hangs_s = old.timeout_s
    for name in world.hosts:
        world.targets.hanging[name, WEB] = world.true + 0.1
        world.probe(name, WEB)
    edited = TcpCheck(id=WEB, name="web", address="127.0.0.1:8080", interval_s=10.0)
    world.propose(N1, PutCheck(check=edited, expect=old))
    world.run(15.6)
    assert web(world).changed > old.changed
    world.run(15 + hangs_s + 0.2)  # the failures of the old address have arrived
    for name in world.hosts:
        votes = node_of(world, name).exchange.verdicts._tallies[WEB].votes.values()
        assert all(vote.result.changed == web(world).changed for vote in votes)
    world.run(60)
    assert {state(world, name) for name in world.hosts} == {State.UP}
    assert pages(world) == {}


def test_story_a_node_whose_wall_clock_is_an_hour_off() -> None:
    """Its votes count; each node warns of the difference once, and the status shows it."""
    world = begin()
    world.hosts[N2].clock.wall_off_s = HOUR_S
    world.run(20)
    world.targets.lonely.update({(N1, WEB), (N2, WEB)})  # the page needs its vote
    world.run(60)
    assert pages(world) == {"down": 1}
    assert shown_skew(world.hosts[N0]) == {N0: 0, N1: 0, N2: HOUR_S}
    assert shown_skew(world.hosts[N2]) == {N0: -HOUR_S, N1: -HOUR_S, N2: 0}
    warned = notes(world, "wall clocks differ")
    assert sorted(line.split()[1] for line in warned) == [N0, N1, N2, N2]
    world.hosts[N2].clock.wall_off_s = 0.0
    world.run(80)
    assert len(notes(world, "wall clocks agree again")) == 4


def test_story_one_bad_round_whose_reports_come_again_and_again_pages_nobody() -> None:
    """Two of three see the target fail once; their reports are repeated for a minute."""
    world = begin()
    watcher = watch(world)
    world.targets.down.add(WEB)
    for name in (N1, N2):
        world.probe(name, WEB)
    world.run(15.1)
    world.targets.down.clear()
    failed = [(who, m) for who, to, m in watcher.said if to == N0 and isinstance(m, Report)]
    assert {m.results[0][0].outcome for _, m in failed} == {Outcome.FAIL}

    def again() -> None:
        for who, report in failed:
            world.post(world.hosts[N0], Received(who, report))

    for tenth in range(160, 750):
        world.at(tenth / 10, N0, again)
    world.run(120)
    assert pages(world) == {}
    assert state(world, N0) is State.UP


def shown_skew(host: Host) -> dict[NodeId, int]:
    """Return by how many seconds each member's wall clock is ahead, as one node shows it."""
    assert host.node is not None
    return {name: round(skew) for name, skew in host.node.leadership.clocks.skew.items()} | {
        host.name: 0
    }
