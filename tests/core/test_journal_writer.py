"""The journal writer: each node records what it saw of an incident, once, and within bounds."""

from attrs import evolve

from qutrio.core.alerting.ages import IncidentAges
from qutrio.core.alerting.outbox import OUTBOX_MAX
from qutrio.core.api.effects import Journal, Notify, Send
from qutrio.core.api.events import Attempted, PersistFailed, Received, Stop, Tick
from qutrio.core.api.messages import Deliver, Delivered
from qutrio.core.api.mutations import PutChannel, RemoveChannel, RemoveCheck
from qutrio.core.checks.verdicts import FACTS_MAX, Verdicts
from qutrio.core.journal.writer import (
    ATTEMPTS_WRITTEN_MAX,
    DOUBT_PAUSE_S,
    DOUBTS_PER_HOUR_MAX,
    HOUR_S,
    JournalWriter,
)
from qutrio.model.ids import CheckId, NodeId, Term
from qutrio.model.incidents import Ledger, NoticeKind
from qutrio.model.journal import (
    Basis,
    Began,
    Closed,
    Closing,
    Crossed,
    Doubted,
    Ended,
    Fact,
    Judged,
    Leaving,
    Led,
    Named,
    Noticed,
    Opened,
    RoleLeft,
    RoleTaken,
    Started,
    Stopped,
    VoteCount,
)
from qutrio.model.results import Outcome, State
from tests.core.leaderships import leadership, win
from tests.core.node_cluster import NodeCluster
from tests.core.samples import (
    DEAD_S,
    HOOK,
    MAIL,
    WALL,
    WEB,
    A,
    B,
    C,
    at,
    check,
    delivery,
    document,
    hook,
    incident,
    pos,
    record,
)

OK, FAIL, TICK = Outcome.OK, Outcome.FAIL, Tick()
HELD = document(A, B, C, checks=[check()], channels=[hook()])


def settled() -> NodeCluster:
    """A cluster whose lowest id is master, and that finds the target up."""
    cluster = NodeCluster(HELD)
    cluster.run(2.5)
    cluster.set_outcome(WEB, OK)
    cluster.effects.clear()
    return cluster


def written(cluster: NodeCluster, name: NodeId) -> list[Fact]:
    """What a node wrote of incidents; the terms as master have tests of their own."""
    facts = [j.entry.fact for n, j in cluster.effects_of(Journal) if n == name]
    return [fact for fact in facts if not isinstance(fact, RoleTaken | RoleLeft)]


def kinds(facts: list[Fact]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


def outage(cluster: NodeCluster) -> None:
    """Let the target fail, and be found down."""
    cluster.set_outcome(WEB, FAIL)
    cluster.run(2)


# --- a whole outage -------------------------------------------------------------------------


def test_the_master_writes_votes_incident_notice_attempt_and_mark_in_this_order() -> None:
    cluster = settled()
    outage(cluster)
    facts = written(cluster, A)
    assert kinds(facts) == ["Judged", "Opened", "Noticed", "Began", "Ended", "Crossed"]
    judged, opened, noticed, began, ended, crossed = facts
    alpha, channel = Named(A, f"node-{A}"), Named(HOOK, HOOK)
    assert isinstance(judged, Judged)
    assert isinstance(opened, Opened)
    assert (opened.incident.id, opened.target) == ("web-1", "127.0.0.1:80")
    assert (opened.master, opened.position.term, opened.revision) == (alpha, 1, 1)
    assert isinstance(noticed, Noticed)
    assert noticed.channels == (channel,)
    assert began == Began(
        incident=opened.incident.id,
        notice=noticed.notice.id,
        channel=channel,
        by=alpha,
        errand=False,
    )
    assert ended == Ended(
        notice=noticed.notice.id, channel=channel, by=alpha, delivered=True, detail="as told"
    )
    assert crossed == Crossed(
        notice=noticed.notice.id, channel=HOOK, cause=Leaving.DELIVERED, master=alpha
    )


def test_a_follower_writes_what_the_ledger_says_and_no_attempt() -> None:
    cluster = settled()
    outage(cluster)
    facts = written(cluster, C)
    assert [k for k in kinds(facts) if k != "Judged"] == ["Opened", "Noticed", "Crossed"]
    assert kinds(facts).count("Judged") == 1


def test_the_end_of_an_outage_is_written_with_its_votes() -> None:
    cluster = settled()
    outage(cluster)
    cluster.effects.clear()
    cluster.set_outcome(WEB, OK)
    cluster.run(2)
    facts = written(cluster, A)
    assert kinds(facts) == ["Judged", "Closed", "Noticed", "Began", "Ended", "Crossed"]
    closed = facts[1]
    assert isinstance(closed, Closed)
    assert (closed.incident, closed.cause) == ("web-1", Closing.RECOVERED)


def test_a_node_writes_when_it_starts_and_when_it_is_asked_to_stop() -> None:
    cluster = NodeCluster(document(A))
    cluster.handle(A, Stop())
    started, stopped = written(cluster, A)
    assert started == Started(term=Term(0), open=())
    assert stopped == Stopped()


def test_a_node_that_starts_writes_again_what_is_open() -> None:
    cluster = settled()
    cluster.channel_works = False
    outage(cluster)
    cluster.handle(C, Tick())
    cluster.crash(C)
    cluster.start(C)
    cluster.effects.clear()
    cluster.handle(C, Tick())
    facts = written(cluster, C)
    assert kinds(facts) == ["Started", "Opened", "Noticed"]
    assert isinstance(facts[0], Started)
    assert facts[0].open == ("web-1",)


def test_a_change_of_masters_is_written_while_something_is_open_and_only_then() -> None:
    cluster = settled()
    cluster.crash(A)
    cluster.run(DEAD_S + 1)
    assert cluster.masters() == [B]
    assert written(cluster, C) == []
    outage(cluster)
    cluster.start(A)
    cluster.run(DEAD_S)
    cluster.effects.clear()
    cluster.crash(B)
    cluster.run(DEAD_S + 2)
    led = [f for f in written(cluster, C) if isinstance(f, Led)]
    (new,) = cluster.masters()
    assert [f.master and f.master.id for f in led] == [None, new]
    assert led[0].term < led[1].term


def test_what_a_failed_write_took_back_is_written_when_it_comes_true() -> None:
    cluster = NodeCluster(document(A, checks=[check()], channels=[hook()]))
    cluster.run(1)
    cluster.set_outcome(WEB, OK)
    cluster.full = {A}
    cluster.set_outcome(WEB, FAIL)
    cluster.run(2)
    assert "Opened" not in kinds(written(cluster, A))
    cluster.full = set()
    cluster.run(10)
    facts = written(cluster, A)
    assert kinds(facts).count("Opened") == 1
    assert "Closed" not in kinds(facts)


def test_a_node_that_learns_of_a_roll_back_does_not_take_it_for_a_recovery() -> None:
    cluster = settled()
    cluster.channel_works = None
    outage(cluster)
    cluster.effects.clear()
    assert not cluster.disks[C].committed.ledger.incidents
    cluster.handle(C, PersistFailed("no space left", cluster.disks[C]))
    assert "Closed" not in kinds(written(cluster, C))


# --- why something is over ------------------------------------------------------------------


def test_a_removed_check_closes_its_incident_without_a_notice() -> None:
    cluster = settled()
    cluster.channel_works = False
    outage(cluster)
    cluster.effects.clear()
    cluster.propose(B, RemoveCheck(expect=check()))
    facts = written(cluster, A)
    assert [f.cause for f in facts if isinstance(f, Closed)] == [Closing.FORGOTTEN]
    assert [f.cause for f in facts if isinstance(f, Crossed)] == [Leaving.FORGOTTEN]


def test_an_incident_that_ended_before_its_check_was_removed_is_a_recovery() -> None:
    journal = writer(Ledger(incidents=(incident(),)))
    news = Ledger(outbox=(delivery(kind=NoticeKind.RECOVERED),))
    journal.register.committed = record(document(A, B, C, channels=[hook()]), pos(1), news)
    (closed,) = [f for f in facts_of(journal) if isinstance(f, Closed)]
    assert closed.cause is Closing.RECOVERED


def test_a_notice_for_a_channel_that_was_removed_is_not_taken_for_delivered() -> None:
    cluster = settled()
    cluster.channel_works = False
    cluster.propose(A, PutChannel(channel=hook(MAIL)))
    outage(cluster)
    cluster.effects.clear()
    cluster.propose(A, RemoveChannel(expect=hook()))
    crossed = [f for f in written(cluster, B) if isinstance(f, Crossed)]
    assert [(f.channel, f.cause) for f in crossed] == [(HOOK, Leaving.CHANNEL_GONE)]


def test_a_notice_that_leaves_a_full_outbox_undelivered_is_given_up() -> None:
    """The notices of an outage leave together; delivered notices leave one by one."""
    many = [delivery(CheckId(f"c{n}"), n + 1) for n in range(OUTBOX_MAX)]
    over = (delivery(), delivery(kind=NoticeKind.RECOVERED))
    unseen = delivery(CheckId(""), 9, kind=NoticeKind.UNSEEN)
    last = delivery(CheckId("db"))
    journal = writer(Ledger(outbox=(*over, unseen, last, *many)))
    journal.register.committed = record(HELD, pos(1), Ledger(outbox=tuple(many)))
    crossed = [f for f in facts_of(journal) if isinstance(f, Crossed)]
    up, told = Leaving.GIVEN_UP, Leaving.DELIVERED
    assert [f.cause for f in crossed] == [up, up, up, told]


# --- attempts -------------------------------------------------------------------------------


def writer(ledger: Ledger) -> JournalWriter:
    """The journal writer of the master A, which has seen this ledger."""
    node = leadership(A, HELD)
    win(node, 0.0, B, C)
    node.register.committed = record(HELD, pos(1), ledger)
    journal = JournalWriter(A, node, node.register, Verdicts(), IncidentAges())
    journal.verdicts.set_document(HELD, WALL)
    facts_of(journal)
    return journal


def facts_of(
    journal: JournalWriter,
    event: Tick | Attempted | Received = TICK,
    effects: tuple[Notify | Send, ...] = (),
    now: float = 0.0,
) -> list[Fact]:
    told = journal.entries(event, effects, at(now), WALL)
    facts = [effect.entry.fact for effect in told if isinstance(effect, Journal)]
    return [fact for fact in facts if not isinstance(fact, RoleTaken | RoleLeft)]


def test_a_delegated_delivery_is_written_by_the_master_and_by_the_delegate() -> None:
    one = delivery()
    master = writer(Ledger(outbox=(one,)))
    (asked,) = facts_of(master, effects=(Send(B, Deliver(term=Term(1), delivery=one)),))
    assert isinstance(asked, Began)
    assert (asked.by.id, asked.errand) == (B, True)
    told = Delivered(notice=one.notice.id, channel=HOOK, delivered=False, detail="refused")
    (ended,) = facts_of(master, Received(B, told))
    assert isinstance(ended, Ended)
    assert (ended.by.id, ended.delivered, ended.detail) == (B, False, "refused")
    (began,) = facts_of(master, effects=(Notify(one, Term(1), delegated=True),))
    assert isinstance(began, Began)
    assert (began.by.id, began.errand) == (A, True)


def test_what_a_stranger_says_of_a_delivery_is_not_written() -> None:
    told = Delivered(notice=delivery().notice.id, channel=HOOK, delivered=True, detail="")
    assert facts_of(writer(Ledger()), Received(NodeId("n9"), told)) == []


def test_items_that_are_gone_are_written_by_their_ids() -> None:
    one = delivery(channel=MAIL)
    (began,) = facts_of(
        writer(Ledger(outbox=(one,))),
        effects=(Send(NodeId("n9"), Deliver(term=Term(1), delivery=one)),),
    )
    assert isinstance(began, Began)
    assert (began.channel, began.by) == (Named(MAIL, MAIL), Named("n9", "n9"))


def test_of_many_failed_attempts_the_first_are_written_and_the_one_that_succeeds() -> None:
    one = delivery()
    master = writer(Ledger(outbox=(one,)))

    def attempt(*, delivered: bool) -> list[str]:
        began = facts_of(master, effects=(Notify(one, Term(1), delegated=False),))
        ended = Attempted(one.notice.id, HOOK, delivered, "as told")
        return kinds([*began, *facts_of(master, ended)])

    told = [attempt(delivered=False) for _ in range(ATTEMPTS_WRITTEN_MAX + 2)]
    assert told == [["Began", "Ended"]] * ATTEMPTS_WRITTEN_MAX + [[], []]
    assert attempt(delivered=True) == ["Ended"]
    master.register.committed = record(HELD, pos(1), Ledger())
    assert kinds(facts_of(master)) == ["Crossed"]
    assert attempt(delivered=False) == ["Began", "Ended"]  # the count is forgotten


def test_a_step_writes_a_bounded_number_of_entries() -> None:
    last = doubt().last
    flip = Judged(
        check=WEB,
        check_name=WEB,
        was=State.UP,
        now=State.DOWN,
        basis=Basis.LEDGER,
        first=None,
        last=last,
        after_s=0.0,
        confirm_after_s=1.0,
    )
    journal = writer(Ledger())
    journal.record_votes([flip] * (FACTS_MAX - 1))
    journal.record_votes([flip] * 2)
    assert facts_of(journal) == [flip] * FACTS_MAX
    assert facts_of(journal) == []


# --- doubts ---------------------------------------------------------------------------------


def doubt(ident: CheckId = WEB) -> Doubted:
    hard_state = VoteCount(
        at_unix=WALL, voters=3, needed=2, ok=1, fail=2, abstain=0, state=State.DOWN, casts=()
    )
    return Doubted(
        check=ident, check_name=ident, first=hard_state, last=hard_state, after_s=1.0, untold=0
    )


def doubted(journal: JournalWriter, now: float, ident: CheckId = WEB) -> list[Fact]:
    journal.record_votes([doubt(ident)])
    return facts_of(journal, now=now)


def test_one_bad_round_is_written_and_alerts_nobody() -> None:
    cluster = settled()
    cluster.sees = {(A, WEB): FAIL, (B, WEB): FAIL, (C, WEB): OK}
    cluster._probe(A, WEB)
    cluster._probe(B, WEB)
    cluster._drain()
    cluster.set_outcome(WEB, OK)
    assert kinds(written(cluster, A)) == ["Doubted"]
    assert cluster.effects_of(Notify) == []


def test_a_check_that_is_always_in_doubt_is_written_now_and_then_with_a_count() -> None:
    journal = writer(Ledger())
    assert doubted(journal, 0) == [doubt()]
    assert doubted(journal, 10) == []
    assert doubted(journal, 20) == []
    assert doubted(journal, DOUBT_PAUSE_S) == [evolve(doubt(), untold=2)]


def test_doubts_of_all_checks_together_are_bounded_per_hour() -> None:
    journal = writer(Ledger())
    told = [doubted(journal, n, CheckId(f"c{n}")) for n in range(DOUBTS_PER_HOUR_MAX + 1)]
    assert [len(facts) for facts in told] == [1] * DOUBTS_PER_HOUR_MAX + [0]
    assert len(doubted(journal, HOUR_S, CheckId("late"))) == 1


def test_doubts_of_removed_checks_are_forgotten() -> None:
    journal = writer(Ledger())
    doubted(journal, 0, CheckId("gone"))
    doubted(journal, 1)
    assert list(journal._doubts) == [WEB]
