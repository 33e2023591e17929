"""Stories of pages that are sent and not marked yet when their sender goes."""

import pytest
from attrs import evolve

from qutrio.core.api.mutations import PutChannel, PutCheck, RemoveChannel
from qutrio.model.ids import Seconds
from tests.sim.worlds import COOLDOWN_S, N0, N1, N2, WEB, begin, masters, node_of, pages

SENT_S_MAX: Seconds = 30.0


def test_story_the_master_dies_between_sent_and_marked() -> None:
    """The next master cannot know that the page was sent, so it sends it again with the same id."""
    world = begin()
    world.dies_after_delivery_s = 30.0
    world.targets.down.add(WEB)
    world.run(15 + SENT_S_MAX)
    assert world.hosts[N0].node is None, "it crashed with the mark"
    assert masters(world) == [N1]
    assert dict(world.invariants.announced) == {("web-1.down", "hook"): 2}
    world.targets.down.clear()
    world.run(15 + SENT_S_MAX + 30)
    assert pages(world) == {"down": 2, "recovered": 1}
    world.invariants.quiet(world.hosts, world.true)


def test_story_the_mark_of_a_master_that_stopped_in_an_orderly_way_arrives() -> None:
    """It resigns while it sends the page, and passes the mark on, so the page is sent once."""
    world = begin()
    world.targets.down.add(WEB)
    while not world.invariants.announced:
        world.run(world.true + 0.01)
    node = world.hosts[N0].node
    assert node is not None
    now = world.hosts[N0].clock.at(world.true)
    world.hosts[N0].batch.extend(node.leadership.resign(None, "for the test", now))
    world.run(15 + SENT_S_MAX)
    assert pages(world) == {"down": 1}


@pytest.mark.parametrize("gone", [N1, N2])
def test_story_a_page_through_the_death_of_a_follower_comes_once(gone: str) -> None:
    """The node that crashed was not involved."""
    world = begin()
    world.targets.down.add(WEB)
    world.at(15.5, N0, lambda: world.crash(next(n for n in world.hosts if n == gone), 20.0))
    world.run(15 + SENT_S_MAX)
    assert pages(world) == {"down": 1}


def test_story_a_page_waits_for_a_channel_that_is_down_and_its_recovery_follows_it() -> None:
    """Both were written while the channel was down; they arrive in order, each once."""
    world = begin()
    world.channels.down_until = 60.0
    world.targets.down.add(WEB)
    world.run(40)
    world.targets.down.clear()
    world.run(60)
    assert pages(world) == {}
    world.run(60 + COOLDOWN_S + SENT_S_MAX)
    assert [notice for notice, _ in world.invariants.announced] == ["web-1.down", "web-1.recovered"]
    assert pages(world) == {"down": 1, "recovered": 1}
    world.invariants.quiet(world.hosts, world.true)


def test_story_a_master_sends_the_outage_and_loses_its_peers_before_they_know() -> None:
    """It keeps the recovery: the next master sends the outage again, and then its end."""
    world = begin()
    world.channels.down_until = 60.0
    world.targets.down.add(WEB)
    world.run(40)
    world.targets.down.clear()
    world.run(60)
    world.network.cuts_after_delivery_s = 30.0
    world.run(60 + COOLDOWN_S + SENT_S_MAX)
    assert masters(world) == [N1]
    assert [notice for notice, _ in world.invariants.announced] == ["web-1.down", "web-1.recovered"]
    assert pages(world) == {"down": 2, "recovered": 1}


def test_story_a_channel_with_an_outage_gets_its_closing_and_then_the_next_outage() -> None:
    """This includes a channel that is removed meanwhile."""
    world = begin()
    world.targets.down.add(WEB)
    world.run(40)
    (check,) = node_of(world, N0).register.committed.document.checks
    (channel,) = node_of(world, N0).register.committed.document.channels
    world.propose(N1, PutCheck(check=evolve(check, alerts=()), expect=check))
    world.run(41)
    world.propose(N1, RemoveChannel(expect=channel))
    world.run(42)
    check = node_of(world, N1).register.committed.document.checks[0]
    assert node_of(world, N2).register.committed.ledger.former == (channel,)
    world.propose(N1, PutCheck(check=evolve(check, enabled=False), expect=check))
    world.run(60)
    assert pages(world) == {"down": 1, "closed": 1}
    assert node_of(world, N2).register.committed.ledger.former == ()
    off = node_of(world, N0).register.committed.document.checks[0]
    world.propose(N0, PutChannel(channel=channel))
    world.propose(N0, PutCheck(check=evolve(off, enabled=True), expect=off))
    world.run(90)
    assert pages(world) == {"down": 2, "closed": 1}
    world.invariants.quiet(world.hosts, world.true)
