"""What simulated nodes write down explains every page, whatever happened to nodes and links."""

import pytest
from attrs import Factory, define

from qutrio.core.api.effects import Effect, Journal
from qutrio.core.journal.reports import End, IncidentReport, incident_reports
from qutrio.model.ids import CheckId, NodeId, NoticeId
from qutrio.model.incidents import Delivery, NoticeKind
from qutrio.model.journal import Began, Ended, Entry, Judged, Led, Noticed
from qutrio.model.results import Outcome
from qutrio.sim.observer import Observer
from qutrio.sim.options import Faults
from qutrio.sim.world import World

WEB = CheckId("web")


@define
class Notebook(Observer):
    """An onlooker that keeps what each node wrote down, and what reached the channel."""

    entries: dict[NodeId, list[Entry]] = Factory(dict)
    told: set[tuple[NodeId, NoticeId]] = Factory(set)

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        if isinstance(effect, Journal):
            self.entries.setdefault(name, []).append(effect.entry)

    def on_attempt(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None:
        if delivered:
            self.told.add((name, delivery.notice.id))

    def on_probe(self, name: NodeId) -> None:
        """Know nothing of probes."""

    def on_event(self, name: NodeId) -> None:
        """Keep what there is."""

    def stories(self, name: NodeId) -> tuple[IncidentReport, ...]:
        return incident_reports(self.entries[name])


def settled(seed: int, faults: Faults) -> tuple[World, Notebook]:
    """Return a world of three nodes that has found its master, and who watches it."""
    notebook = Notebook()
    world = World(seed, 3, faults, observer=notebook)
    world.run(30)
    return world, notebook


def master(world: World) -> NodeId:
    (acting,) = [name for name, host in world.hosts.items() if host.acting(world.true)]
    return acting


def test_every_node_tells_the_same_outage_with_its_failover() -> None:
    world, notebook = settled(1, Faults())
    world.targets.down.add(WEB)
    world.run(50)
    first = master(world)
    world.crash(first, 1000)
    world.run(80)
    world.targets.down.clear()
    world.run(110)
    for name in world.hosts:
        (story,) = notebook.stories(name)
        facts = [entry.fact for entry in story.entries]
        (down, *_) = [fact for fact in facts if isinstance(fact, Judged)]
        assert (down.last.fail, down.last.voters) == (3, 3)
        if name == first:
            assert story.end is End.OPEN
            assert [type(f) for f in facts if isinstance(f, Began | Ended)] == [Began, Ended]
        else:
            assert story.end is End.RECOVERED
            assert any(isinstance(fact, Led) for fact in facts)


@pytest.mark.parametrize("seed", range(20))
def test_whoever_paged_can_tell_which_votes_it_paged_for(seed: int) -> None:
    rough = Faults(loss=0.1, duplication=0.1, clock_drift=0.02)
    world, notebook = settled(seed, rough)
    for start in (40, 120):
        world.at(start, min(world.hosts), lambda: world.targets.down.add(WEB))
        world.at(start + 40, min(world.hosts), world.targets.down.clear)
    world.at(45 + seed / 4, min(world.hosts), lambda: world.crash(master(world), 20))
    world.run(220)
    told = {(name, n) for name, n in notebook.told if n.endswith(NoticeKind.DOWN.value)}
    assert told
    for name, notice in told:
        pages = {p.notice: s for s in notebook.stories(name) for p in s.pages}
        facts = [entry.fact for entry in pages[notice].entries]
        assert any(isinstance(fact, Began) and fact.notice == notice for fact in facts)
        (sent,) = [f.notice for f in facts if isinstance(f, Noticed) and f.notice.id == notice]
        counted = [seen.outcome for seen in sent.evidence if seen.counted]
        assert len(counted) >= 2
        assert counted.count(Outcome.FAIL) > len(counted) / 2
