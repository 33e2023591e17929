"""Reports of a member about deliveries that it was not asked to make."""

import pytest

from qutrio.core.alerting.attempts import ATTEMPT_S_MAX, RETRY_FIRST_S
from qutrio.core.alerting.scheduler import OTHERS_WAIT_S_MAX
from qutrio.core.api.effects import Notify, Send
from qutrio.core.api.events import Received
from qutrio.core.api.messages import Deliver, Delivered, Heartbeat
from qutrio.model.ids import NodeId, Term, UnixTime
from qutrio.model.incidents import Delivery, NoticeKind
from qutrio.model.results import Outcome
from tests.core.node_cluster import NodeCluster, elected_cluster
from tests.core.samples import WALL, WEB, A, B, C, at

ROUNDS_S = 3.0


def looks(cluster: NodeCluster, outcome: Outcome) -> None:
    """Let every node see the same outcome for some rounds."""
    for _ in range(3):
        cluster.set_outcome(WEB, outcome)
        cluster.run(ROUNDS_S / 3)


def down(*, works: bool | None = None) -> NodeCluster:
    """Return three nodes with A as master and an outage just opened."""
    cluster = elected_cluster()
    looks(cluster, Outcome.OK)
    cluster.channel_works = works
    looks(cluster, Outcome.FAIL)
    return cluster


def entrusted() -> NodeCluster:
    """Return the same after A failed and delegated to B, whose attempt is under way."""
    cluster = down()
    ((_, mine),) = cluster.effects_of(Notify)
    cluster.handle(A, mine.ended(delivered=False, detail="no answer"))
    cluster.run(RETRY_FIRST_S)
    ((_, to, _),) = cluster.messages(Deliver)
    assert to == B
    return cluster


def waiting(cluster: NodeCluster) -> tuple[Delivery, ...]:
    return cluster.nodes[A].register.committed.ledger.outbox


def says(cluster: NodeCluster, hostile: NodeId, to: NodeId = A, **what: object) -> None:
    """Let a member report the end of an attempt at the first waiting notice."""
    (first, *_) = waiting(cluster)
    fields = {"delivered": True, "detail": "as forged"} | what
    told = Delivered(notice=first.notice.id, channel=first.channel, **fields)  # type: ignore[arg-type] # its own fields
    cluster.handle(to, Received(hostile, told))


def outpace(cluster: NodeCluster) -> None:
    """Let C name a higher term than all know, and give A time to claim again."""
    leadership = cluster.nodes[A].leadership
    beat = Heartbeat(
        number=-1,
        heard_term=Term(leadership.lease.heard_term + 1),
        claim=None,
        acting=False,
        able=True,
        committed=cluster.nodes[A].register.committed.position,
        wall=UnixTime(WALL + cluster.now),
    )
    cluster.handle(A, Received(C, beat))


@pytest.mark.parametrize("through", [A, B])
def test_a_notice_is_not_settled_by_a_member_that_was_not_asked(
    through: NodeId,
) -> None:
    cluster = down()
    says(cluster, C, to=through)
    cluster.run(2 * ATTEMPT_S_MAX)
    assert [d.notice.kind for d in waiting(cluster)] == [NoticeKind.DOWN]


def test_a_member_cannot_end_the_delegated_delivery_of_another() -> None:
    cluster = entrusted()
    says(cluster, C, to=B)
    assert waiting(cluster)
    (delegated,) = [n for name, n in cluster.effects_of(Notify) if name == B]
    cluster.handle(B, delegated.ended(delivered=True, detail="ok"))
    cluster.run(1)
    assert waiting(cluster) == ()


def test_a_member_that_was_not_asked_cannot_make_the_master_wait() -> None:
    cluster = down()
    for _ in range(10):
        says(cluster, C, delivered=False, wait_s=3600.0)
    scheduler = cluster.nodes[A].alerts.scheduler
    assert scheduler.errors == {}
    assert scheduler.is_busy(at(cluster.now))
    assert scheduler.holds.until(waiting(cluster)[0].channel) < at(cluster.now)


def test_a_member_that_was_asked_can_make_the_master_wait_for_a_short_time_only() -> None:
    cluster = entrusted()
    for _ in range(10):
        says(cluster, B, delivered=False, wait_s=3600.0)
    cluster.effects.clear()
    cluster.run(OTHERS_WAIT_S_MAX)
    told = [(name, n.delivery.notice.kind) for name, n in cluster.effects_of(Notify)]
    assert [t for t in told if t[1] is NoticeKind.DOWN] == [(A, NoticeKind.DOWN)]


def test_a_late_report_ends_no_attempt_of_another_member() -> None:
    cluster = entrusted()
    cluster.run(ATTEMPT_S_MAX + 2 * RETRY_FIRST_S)
    assert cluster.nodes[A].alerts.scheduler.is_busy(at(cluster.now)), "A tries again itself"
    says(cluster, B, delivered=False)
    assert cluster.nodes[A].alerts.scheduler.is_busy(at(cluster.now))
    says(cluster, B, delivered=True)
    cluster.run(1)
    assert waiting(cluster) == ()


def test_rising_terms_do_not_delay_the_end_of_an_outage() -> None:
    cluster = down(works=True)
    cluster.effects.clear()
    for _ in range(12):
        outpace(cluster)
        cluster.set_outcome(WEB, Outcome.OK)
        cluster.run(0.5)
    assert cluster.masters() == [A]
    told = [n.delivery.notice.kind for _, n in cluster.effects_of(Notify)]
    assert told == [NoticeKind.RECOVERED]


def test_a_notice_from_before_this_master_is_settled_by_the_report_of_any_member() -> None:
    """An earlier master may have asked any member."""
    cluster = down()
    cluster.cut_off(A)
    cluster.run(20)
    (master,) = [n for n in cluster.masters() if n != A]
    other = C if master == B else B
    (first,) = cluster.nodes[master].register.committed.ledger.outbox
    told = Delivered(notice=first.notice.id, channel=first.channel, delivered=True, detail="")
    cluster.handle(master, Received(other, told))
    cluster.run(1)
    assert cluster.nodes[master].register.committed.ledger.outbox == ()
    assert not [m for m in cluster.effects_of(Send) if isinstance(m[1].message, Delivered)]
