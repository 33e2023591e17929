"""The journals of simulated nodes explain every page, whatever faults occurred."""

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
    """An observer that keeps the journal of each node, and what reached the channel."""

    entries: dict[NodeId, list[Entry]] = Factory(dict)
    told: set[tuple[NodeId, NoticeId]] = Factory(set)

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        if isinstance(effect, Journal):
            self.entries.setdefault(name, []).append(effect.entry)

    def on_attempt(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None:
        if delivered:
            self.told.add((name, delivery.notice.id))

    def on_probe(self, name: NodeId) -> None:
        """Ignore probes."""

    def on_event(self, name: NodeId) -> None:
        """Ignore events."""

    def stories(self, name: NodeId) -> tuple[IncidentReport, ...]:
        return incident_reports(self.entries[name])


def elected(seed: int, faults: Faults) -> tuple[World, Notebook]:
    """Return a world of three nodes with a master, and its observer."""
    notebook = Notebook()
    world = World(seed, 3, faults, observer=notebook)
    world.run(30)
    return world, notebook


def master(world: World) -> NodeId:
    (acting,) = [name for name, host in world.hosts.items() if host.acting(world.true)]
    return acting


def test_every_node_reports_the_same_outage_with_its_failover() -> None:
    world, notebook = elected(1, Faults())
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
def test_the_node_that_paged_reports_the_votes_of_its_page(seed: int) -> None:
    rough = Faults(loss=0.1, duplication=0.1, clock_drift=0.02)
    world, notebook = elected(seed, rough)
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
