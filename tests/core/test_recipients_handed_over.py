"""The next master knows which recipients were reached."""

from qutrio.core.api.effects import Notify
from qutrio.core.api.events import Attempted
from qutrio.model.channels import SmtpChannel
from qutrio.model.ids import NodeId
from qutrio.model.incidents import NoticeKind
from qutrio.model.parts import WAIT_S_MAX, Fate, Part
from qutrio.model.results import Outcome
from tests.core.node_cluster import NodeCluster
from tests.core.samples import MAIL, WALL, WEB, A, B, C, check, document

ANN, BOB = "ann@example.org", "bob@example.org"
POST = SmtpChannel(id=MAIL, name="mail", host="h", sender="q@example.org", recipients=(ANN, BOB))
HALF = (Part(ANN, Fate.TAKEN, "250 ok"), Part(BOB, Fate.PUT_OFF, "451 later"))
REST = (Part(BOB, Fate.TAKEN, "250 ok"),)
GONE = (Part(ANN, Fate.TAKEN, "250 ok"), Part(BOB, Fate.REFUSED, "550 no such user"))


def in_an_outage(*channels: SmtpChannel) -> NodeCluster:
    """Three nodes whose master has just ordered a mail that a check is down."""
    cluster = NodeCluster(document(A, B, C, checks=[check()], channels=channels or [POST]))
    cluster.channel_works = None
    cluster.run(3)
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(2)
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(3)
    return cluster


def orders(cluster: NodeCluster) -> list[tuple[NodeId, Notify]]:
    return cluster.effects_of(Notify)


def end(cluster: NodeCluster, *parts: Part, delivered: bool = False, wait_s: float = 0.0) -> None:
    """End the attempt that was ordered last with this outcome."""
    node, order = orders(cluster)[-1]
    one = order.delivery
    event = Attempted(one.notice.id, one.channel, delivered, "as told", parts=parts, wait_s=wait_s)
    cluster.handle(node, event)


def test_the_next_master_goes_on_with_the_recipients_left() -> None:
    cluster = in_an_outage()
    assert len(orders(cluster)) == 1
    end(cluster, *HALF)
    cluster.run(1)
    cluster.crash(A)
    cluster.run(20)
    node, order = orders(cluster)[1]
    assert node == B
    assert order.delivery.reached == (ANN,)
    assert order.delivery.pending((ANN, BOB)) == (BOB,)
    end(cluster, *REST, delivered=True)
    cluster.run(1)
    assert cluster.status(B).ledger.outbox == ()


def test_a_recipient_reached_just_before_the_master_fell_silent_is_reported() -> None:
    cluster = in_an_outage()
    cluster.cut_off(A)
    cluster.run(10)
    end(cluster, *HALF)  # A delivered it, and cannot report it yet
    cluster.cut.clear()
    cluster.run(30)
    later = [order for node, order in orders(cluster)[1:] if order.delivery.reached]
    assert later, "the new master heard of it"


def test_a_recovery_waits_until_every_recipient_is_settled() -> None:
    cluster = in_an_outage()
    end(cluster, *HALF)
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(4)
    assert {o.delivery.notice.kind for _, o in orders(cluster)} == {NoticeKind.DOWN}
    while orders(cluster)[-1][1].delivery.reached != (ANN,):
        cluster.run(1)
    end(cluster, Part(BOB, Fate.REFUSED, "550 gone"), delivered=True)
    cluster.run(10)
    assert orders(cluster)[-1][1].delivery.notice.kind is NoticeKind.RECOVERED


def test_every_node_shows_refusals_until_a_notice_is_accepted() -> None:
    cluster = in_an_outage()
    end(cluster, *GONE, delivered=True)
    cluster.run(2)
    for node in (A, B, C):
        [shown] = cluster.status(node).channels
        [refused] = shown.refusals
        assert (refused.recipient, refused.said) == (BOB, "550 no such user")
        assert shown.waiting == 0
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(5)
    end(cluster, Part(ANN, Fate.TAKEN), Part(BOB, Fate.TAKEN), delivered=True)
    cluster.run(2)
    assert [cluster.status(n).channels[0].refusals for n in (A, B, C)] == [(), (), ()]


def test_the_master_shows_when_the_next_try_is_and_why_the_last_one_failed() -> None:
    cluster = in_an_outage()
    [shown] = cluster.status(A).channels
    assert (shown.waiting, shown.trying, shown.next_try_s) == (1, True, None)
    end(cluster, wait_s=60.0)
    cluster.run(10)
    [shown] = cluster.status(A).channels
    assert (shown.trying, shown.error) == (False, "as told")
    assert shown.next_try_s == 50.0
    [other] = cluster.status(B).channels
    assert (other.trying, other.next_try_s, other.error) == (False, None, "")
    assert shown.asked_until_unix == other.asked_until_unix
    assert other.asked_until_unix is not None
    assert abs(other.asked_until_unix - (WALL + cluster.now + 50)) < 1


def test_the_next_master_waits_as_long_as_the_receiver_asked() -> None:
    cluster = in_an_outage()
    end(cluster, wait_s=120.0)
    asked = cluster.now
    cluster.run(5)
    cluster.crash(A)
    while len(orders(cluster)) == 1 and cluster.now < asked + WAIT_S_MAX:
        cluster.run(1)
    assert len(orders(cluster)) == 2
    assert 119 <= cluster.now - asked <= 125
