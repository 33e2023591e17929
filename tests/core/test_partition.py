"""A minority's leader may alert if the document allows it: labelled, once, never written."""

import pytest
from attrs import evolve

from qutrio.core.api.effects import Journal, LogFact, Notify
from qutrio.core.api.events import Tick
from qutrio.core.api.facts import MinorityLed
from qutrio.core.api.messages import Deliver, Write
from qutrio.model.document import Settings
from qutrio.model.ids import ChannelId, NodeId
from qutrio.model.incidents import NoticeKind
from qutrio.model.journal import Began, Ended, Noticed
from qutrio.model.results import Outcome
from tests.core.node_cluster import NodeCluster
from tests.core.partitions import (
    API,
    ELECTED_S,
    ROUNDS_S,
    alone,
    gossip_cluster,
    held,
    kinds,
    leads,
    sees,
    split,
    told,
    written,
)
from tests.core.samples import (
    BEAT_S,
    DEAD_S,
    HOOK,
    MAIL,
    WEB,
    A,
    B,
    C,
    D,
    E,
    at,
    check,
    document,
    hook,
)

# --- by default -----------------------------------------------------------------------------


@pytest.mark.parametrize("members", [(A, B, C), (A, B, C, D, E)])
def test_by_default_a_minority_alerts_nobody(members: tuple[NodeId, ...]) -> None:
    some = alone(*members, acting="majority")
    sees(some, Outcome.FAIL, A)
    assert told(some, A) == []
    assert not leads(some, A)
    assert some.nodes[A].view(at(some.now)).minority_until is None


def test_engines_without_leaders_of_minorities_alert_from_none() -> None:
    """The setting is for gossip; the lowest id of a minority does not act by it."""
    settings = Settings(acting="partition")
    some = NodeCluster(document(A, B, C, checks=[check()], channels=[hook()], settings=settings))
    some.run(ELECTED_S)
    split(some, A)
    sees(some, Outcome.FAIL, A)
    assert told(some, A) == []


# --- in partition mode ----------------------------------------------------------------------


def test_a_minority_alerts_once_and_says_that_it_is_one() -> None:
    some = alone()
    sees(some, Outcome.FAIL, A)
    (down,) = told(some, A)
    assert (down.kind, down.check, down.minority) == (NoticeKind.DOWN, WEB, "1 of 3")
    assert [e.node for e in down.evidence if e.counted] == [A]
    sees(some, Outcome.FAIL, A)
    assert len(told(some, A)) == 1


def test_its_end_is_announced_once_with_the_same_label_and_incident() -> None:
    some = alone()
    sees(some, Outcome.FAIL, A)
    sees(some, Outcome.OK, A)
    sees(some, Outcome.OK, A)
    down, up = told(some, A)
    assert (up.kind, up.minority, up.incident) == (NoticeKind.RECOVERED, "1 of 3", down.incident)
    sees(some, Outcome.FAIL, A)
    assert told(some, A)[-1].incident != down.incident


def test_a_target_that_is_seen_up_alerts_nobody() -> None:
    some = alone()
    sees(some, Outcome.OK, A)
    assert told(some, A) == []


def test_one_bad_round_alerts_nobody() -> None:
    some = alone()
    some.sees[A, WEB] = Outcome.OK
    some.set_outcome(WEB, Outcome.FAIL)
    some.sees[A, WEB] = Outcome.OK
    sees(some, Outcome.OK, A)
    assert told(some, A) == []


def test_nothing_is_written_and_no_delivery_is_delegated() -> None:
    some = alone()
    before = written(some, A)
    sees(some, Outcome.FAIL, A)
    sees(some, Outcome.OK, A)
    assert len(told(some, A)) == 2
    assert written(some, A) == before
    assert not [m for kind in (Write, Deliver) for m in some.messages(kind) if m[0] == A]
    attempts = (Began, Ended, Noticed)
    assert not [j for _, j in some.effects_of(Journal) if isinstance(j.entry.fact, attempts)]


def test_two_of_five_count_only_their_own_votes_and_have_one_leader() -> None:
    some = gossip_cluster(A, B, C, D, E)
    split(some, A, B)
    sees(some, Outcome.FAIL, A, B)
    (down,) = told(some, A, B)
    assert down.minority == "2 of 5"
    assert {e.node for e in down.evidence if e.counted} == {A, B}


def test_two_that_disagree_alert_nobody() -> None:
    some = gossip_cluster(A, B, C, D, E)
    split(some, A, B)
    for _ in range(3):
        sees(some, Outcome.OK, B)
        sees(some, Outcome.FAIL, A)
    assert told(some, A, B) == []


def test_the_majority_on_the_other_side_alerts_as_always() -> None:
    some = gossip_cluster(A, B, C, D, E)
    split(some, A, B)
    sees(some, Outcome.FAIL, A, B, C, D, E)
    assert [n.minority for n in told(some, A, B)] == ["2 of 5"]
    (down,) = told(some, C, D, E)
    assert (down.kind, down.minority) == (NoticeKind.DOWN, "")
    assert down.incident == "web-1"


def test_while_voters_change_the_label_counts_the_configuration_without_a_majority() -> None:
    """Two of three are a majority; but three of five have to agree as well, and are not heard."""
    some = gossip_cluster()
    bigger = held(A, B, C, D, E)
    for node in (A, B):
        register = some.nodes[node].register
        position = evolve(register.accepted.position, number=9)
        register.accepted = evolve(register.accepted, document=bigger, position=position)
    split(some, A, B)
    sees(some, Outcome.FAIL, A, B)
    assert [n.minority for n in told(some, A, B)] == ["2 of 5"]


def test_one_node_of_five_that_is_alone_alerts() -> None:
    some = alone(A, B, C, D, E)
    sees(some, Outcome.FAIL, A)
    assert [n.minority for n in told(some, A)] == ["1 of 5"]


def test_a_failed_attempt_is_repeated_by_the_leader_itself() -> None:
    some = alone()
    some.channel_works = False
    sees(some, Outcome.FAIL, A)
    some.run(60)
    some.channel_works = True
    some.run(120)
    tries = told(some, A)
    assert len(tries) > 2
    assert len({n.id for n in tries}) == 1
    some.effects.clear()
    some.run(600)
    assert told(some, A) == []


# --- the first seconds ----------------------------------------------------------------------


def test_a_short_loss_of_the_majority_alerts_nobody() -> None:
    """A leader without its majority for less than twice `dead_after` does not alert."""
    some = gossip_cluster()
    some.cut_off(A)
    for node in (A, B, C):
        some.sees[node, WEB] = Outcome.FAIL
    some.run(2 * DEAD_S - BEAT_S - 0.5)
    some.cut.clear()
    some.run(1.0)
    assert not [n for n in told(some, A, B, C) if n.minority]
    assert not [n for _, n in some.effects_of(LogFact) if isinstance(n.fact, MinorityLed)]


def test_the_leader_waits_dead_after_without_a_majority() -> None:
    some = gossip_cluster()
    some.cut_off(A)
    while some.nodes[A].leadership.membership.sees_majority(at(some.now)):
        some.run(0.1)
    some.run(DEAD_S - 0.2)
    assert not leads(some, A)
    some.run(0.4)
    assert leads(some, A)
    until = some.nodes[A].view(at(some.now)).minority_until
    assert until is not None
    assert DEAD_S - BEAT_S <= until - some.now <= DEAD_S, "what was found last is good so long"


def test_a_node_that_was_suspended_waits_for_the_others_again() -> None:
    """When it resumes it has heard nobody yet, however many there are."""
    some = alone()
    minority = some.nodes[A].alerts.partition
    some.now += 100.0
    assert minority.until is not None
    assert minority.until < some.now, "an attempt that waited meanwhile is left"
    some.handle(A, Tick())
    assert not leads(some, A)
    some.run(DEAD_S - 0.2)
    assert not leads(some, A)
    some.run(ELECTED_S)
    assert leads(some, A)


# --- what is known already ------------------------------------------------------------------


def test_what_a_majority_announced_is_not_announced_again_nor_is_its_end() -> None:
    some = gossip_cluster()
    sees(some, Outcome.FAIL, A, B, C)
    assert kinds(told(some, A, B, C)) == [NoticeKind.DOWN]
    split(some, A)
    sees(some, Outcome.FAIL, A)
    sees(some, Outcome.OK, A)
    assert told(some, A) == []
    sees(some, Outcome.FAIL, A, ident=API)
    assert [n.check for n in told(some, A)] == [API]


# --- the end --------------------------------------------------------------------------------


def test_it_stops_when_a_majority_is_seen_again_and_forgets() -> None:
    """The majority then alerts by its own rules, under another incident."""
    some = alone()
    sees(some, Outcome.FAIL, A)
    (first,) = told(some, A)
    some.cut.clear()
    some.run(ELECTED_S)
    minority = some.nodes[A].alerts.partition
    assert not leads(some, A)
    assert minority.ledger.incidents == ()
    assert minority.ledger.outbox == ()
    assert some.nodes[A].view(at(some.now)).minority_until is None
    sees(some, Outcome.FAIL, A, B, C)
    _, second = told(some, A, B, C)
    assert (second.kind, second.minority) == (NoticeKind.DOWN, "")
    assert second.incident != first.incident


def test_an_attempt_that_ends_after_that_changes_nothing() -> None:
    some = alone()
    some.channel_works = None
    sees(some, Outcome.FAIL, A)
    ((_, attempt),) = some.effects_of(Notify)
    some.cut.clear()
    some.run(ELECTED_S)
    for delivered in (False, True):
        some.handle(A, attempt.ended(delivered=delivered, detail="late"))
    alerts = some.nodes[A].alerts
    assert alerts.partition.scheduler.delivered == alerts.scheduler.delivered == set()


def test_one_of_a_minority_that_hears_a_lower_leader_stops() -> None:
    some = gossip_cluster(A, B, C, D, E)
    split(some, B)
    assert leads(some, B)
    some.cut -= {(A, B), (B, A)}
    some.cut |= {(x, y) for x in (A, B) for y in (C, D, E)}
    some.cut |= {(y, x) for x in (A, B) for y in (C, D, E)}
    some.run(2 * DEAD_S + ELECTED_S)
    assert leads(some, A)
    assert not leads(some, B)


def test_a_node_that_hears_a_master_alerts_nobody() -> None:
    """A is heard by nobody, but hears the others."""
    some = gossip_cluster()
    some.cut = {(A, B), (A, C)}
    some.run(3 * DEAD_S + ELECTED_S)
    sees(some, Outcome.FAIL, A)
    assert not some.nodes[A].leadership.membership.sees_majority(at(some.now))
    assert told(some, A) == []


def test_an_incident_of_a_removed_check_sends_nothing_more() -> None:
    some = alone()
    sees(some, Outcome.FAIL, A)
    minority = some.nodes[A].alerts.partition
    assert [i.check for i in minority.ledger.incidents] == [WEB]
    register = some.nodes[A].register
    less = document(A, B, C, checks=[check(API)], settings=held().settings, revision=2)
    register.committed = evolve(register.committed, document=less)
    some.run(ROUNDS_S)
    assert minority.ledger.incidents == ()
    assert kinds(told(some, A)) == [NoticeKind.DOWN]


# --- what is shown --------------------------------------------------------------------------


def test_the_status_says_that_the_node_leads_a_minority() -> None:
    some = alone()
    assert some.status(A).leads_minority
    assert not some.status(B).leads_minority


def test_a_node_that_was_removed_leads_no_minority() -> None:
    some = alone()
    some.nodes[A].removed = True
    assert not some.status(A).leads_minority
    assert some.nodes[A].view(at(some.now)).minority_until is None


def test_ids_of_its_incidents_are_unique() -> None:
    first, second = alone(), alone()
    second.start(A)
    second.run(2 * DEAD_S + ELECTED_S)
    second.nodes[A].exchange.life += 1  # the dice of a real node do not repeat themselves
    for some in (first, second):
        some.sees[A, WEB] = Outcome.FAIL
        sees(some, Outcome.FAIL, A)
    incidents = {told(some, A)[0].incident for some in (first, second)}
    assert len(incidents) == 2


def test_a_node_gives_each_incident_another_id() -> None:
    """Receivers drop ids that they know: a second outage would be lost."""
    some = alone()
    sees(some, Outcome.FAIL, A)
    (first,) = told(some, A)
    some.cut.clear()
    some.run(ELECTED_S)
    assert not leads(some, A)
    sees(some, Outcome.OK, A)
    split(some, A)
    sees(some, Outcome.FAIL, A)
    (second,) = told(some, A)
    assert first.kind is second.kind is NoticeKind.DOWN
    assert first.id != second.id


def test_every_channel_of_the_check_is_told() -> None:
    two = document(
        A,
        B,
        C,
        checks=[check()],
        channels=[hook(), hook(MAIL), hook(ChannelId("off"), enabled=False)],
        settings=held().settings,
    )
    some = NodeCluster(two)
    some.run(ELECTED_S)
    split(some, A)
    sees(some, Outcome.FAIL, A)
    channels = {n.delivery.channel for name, n in some.effects_of(Notify) if name == A}
    assert channels == {HOOK, MAIL}
