"""The dispatcher: orders, lanes and the lease, with fake senders on trio's virtual clock."""

import pytest
import trio
import trio.lowlevel
from attrs import evolve
from trio.testing import MockClock, wait_all_tasks_blocked

from qutrio.alerts import dispatcher
from qutrio.alerts.dispatcher import ATTEMPT_S_MAX, LANE_ORDERS_MAX
from qutrio.alerts.test_notice import try_channel
from qutrio.core.api.events import Attempted
from qutrio.core.api.view import View
from qutrio.errors import DeliveryError
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.ids import ChannelId, Instant, NoticeId
from qutrio.model.incidents import NoticeKind
from qutrio.plumbing.inbox import Inbox
from tests.alerts.alert_setup import Rig
from tests.alerts.samples import HOOK, MAIL, view_of


async def test_a_delivery_is_answered_with_the_receivers_answer(autojump_clock: MockClock) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        rig.order(MAIL)
        assert await rig.heard() == Attempted(
            NoticeId("a"), MAIL.id, delivered=True, detail="taken"
        )
    assert rig.letters[0].node_name == "alpha"
    assert rig.letters[0].cluster_id == "c0ffee"


async def test_a_failure_is_answered_and_logged_and_not_repeated(autojump_clock: MockClock) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        rig.raises[MAIL.id] = DeliveryError("mail: 550 no")
        rig.order(MAIL)
        assert await rig.heard() == Attempted(
            NoticeId("a"), MAIL.id, delivered=False, detail="mail: 550 no"
        )
    assert len(rig.sent) == 1
    assert rig.logged == ["alert not delivered"]


async def test_a_bug_in_a_sender_is_a_failed_attempt_and_not_the_end(
    autojump_clock: MockClock,
) -> None:
    async with Rig(view_of(MAIL, HOOK)).running() as rig:
        rig.raises[MAIL.id] = ZeroDivisionError()
        rig.order(MAIL)
        assert (await rig.heard()).detail == "internal error: ZeroDivisionError"
        rig.order(HOOK)
        assert (await rig.heard()).delivered
    assert "alert sender failed" in rig.logged


async def test_a_hung_server_is_given_up_at_the_deadline(autojump_clock: MockClock) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        rig.takes_s[MAIL.id] = 1e6
        rig.order(MAIL)
        heard = await rig.heard()
        assert trio.current_time() == pytest.approx(ATTEMPT_S_MAX, abs=0.01)
    assert heard == Attempted(
        NoticeId("a"), MAIL.id, delivered=False, detail="no delivery within 30 s"
    )


async def test_one_stalled_channel_does_not_delay_another(autojump_clock: MockClock) -> None:
    async with Rig(view_of(MAIL, HOOK)).running() as rig:
        rig.takes_s[MAIL.id] = 1e6
        for notice in "abcde":
            rig.order(MAIL, notice)
            rig.order(HOOK, notice)
        for notice in "abcde":
            assert await rig.heard() == Attempted(
                NoticeId(notice), HOOK.id, delivered=True, detail="taken"
            )
        assert trio.current_time() < 1.0
    assert trio.current_time() == pytest.approx(5 * ATTEMPT_S_MAX, abs=1.0)


async def test_one_channel_delivers_in_the_order_of_the_orders(autojump_clock: MockClock) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        for notice in "abc":
            rig.order(MAIL, notice)
    assert [notice for _, _, notice in rig.sent] == ["a", "b", "c"]
    assert [round(at, 3) for at, _, _ in rig.sent] == [0.0, 0.1, 0.2], "one at a time"


@pytest.mark.parametrize(
    "view",
    [view_of(MAIL, acting_until=None), view_of(MAIL, acting_until=0.0), view_of(MAIL, term=4)],
    ids=["does-not-act", "lease-ended", "another-term"],
)
async def test_only_the_master_of_the_term_delivers(autojump_clock: MockClock, view: View) -> None:
    async with Rig(view).running() as rig:
        rig.order(MAIL)
        assert await rig.heard() == Attempted(
            NoticeId("a"), MAIL.id, delivered=False, detail="no longer the acting master"
        )
    assert rig.sent == []
    assert rig.logged == []


async def test_a_lease_that_ends_while_the_order_waits_is_noticed(
    autojump_clock: MockClock,
) -> None:
    """The lease is checked right before the attempt, not when the order arrives."""
    async with Rig(view_of(MAIL, acting_until=5.0)).running() as rig:
        rig.takes_s[MAIL.id] = 6.0
        rig.order(MAIL, "a")
        rig.order(MAIL, "b")
        assert (await rig.heard()).delivered
        assert await rig.heard() == Attempted(
            NoticeId("b"), MAIL.id, delivered=False, detail="no longer the acting master"
        )
    assert len(rig.sent) == 1


@pytest.mark.parametrize("minority", ["", "1 of 3"])
async def test_a_notice_that_another_node_sent_while_it_was_queued_is_not_sent(
    minority: str, autojump_clock: MockClock
) -> None:
    """Its lane was blocked, so the master delegated it; the recovery was sent since."""
    async with Rig(evolve(view_of(MAIL), minority_until=Instant(500.0))).running() as rig:
        rig.order(MAIL, minority=minority, waits=False)
        answer = await rig.heard()
        assert (answer.delivered, answer.detail) == (
            False,
            "told, or given up, while it was queued",
        )
    assert rig.sent == []


async def test_the_leader_of_a_minority_may_send_only_notices_of_the_minority(
    autojump_clock: MockClock,
) -> None:
    view = evolve(view_of(MAIL, acting_until=None), minority_until=Instant(5.0))
    async with Rig(view).running() as rig:
        rig.order(MAIL, "a", minority="1 of 3")
        assert await rig.heard() == Attempted(
            NoticeId("a"), MAIL.id, delivered=True, detail="taken", minority=True
        )
        rig.order(MAIL, "b")
        assert (await rig.heard()).detail == "no longer the acting master"
    assert len(rig.sent) == 1


@pytest.mark.parametrize("until", [None, 5.0])
async def test_a_node_that_no_longer_leads_a_minority_sends_nothing_for_it(
    until: float | None, autojump_clock: MockClock
) -> None:
    """Even if it is master now, or if its view is too old, for instance after a suspend."""
    async with Rig(evolve(view_of(MAIL), minority_until=Instant(5.0))).running() as rig:
        rig.takes_s[MAIL.id] = 6.0
        rig.order(MAIL, "a", minority="1 of 3")
        assert (await rig.heard()).delivered
        limit = None if until is None else Instant(until)
        rig.view.publish(evolve(rig.view.value, minority_until=limit))
        rig.order(MAIL, "b", minority="1 of 3")
        assert await rig.heard() == Attempted(
            NoticeId("b"),
            MAIL.id,
            delivered=False,
            detail="no longer the minority's leader",
            minority=True,
        )
    assert len(rig.sent) == 1


async def test_a_delegated_delivery_is_made_by_a_node_that_is_not_master(
    autojump_clock: MockClock,
) -> None:
    async with Rig(view_of(MAIL, acting_until=None)).running() as rig:
        rig.order(MAIL, until=4.0)
        assert (await rig.heard()).delivered


async def test_a_delegated_delivery_that_waited_too_long_is_dropped(
    autojump_clock: MockClock,
) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        rig.takes_s[MAIL.id] = 5.0
        rig.order(MAIL, "a", until=4.0)
        rig.order(MAIL, "b", until=4.0)
        assert (await rig.heard()).delivered
        assert (await rig.heard()).detail == "the request came too late"


@pytest.mark.parametrize(
    ("channels", "detail"),
    [((), "channel removed"), ((evolve(MAIL, enabled=False),), "channel disabled")],
)
async def test_a_channel_that_is_gone_or_disabled_gets_nothing(
    autojump_clock: MockClock, channels: tuple[Channel, ...], detail: str
) -> None:
    async with Rig(view_of(*channels)).running() as rig:
        rig.order(MAIL)
        assert await rig.heard() == Attempted(
            NoticeId("a"), MAIL.id, delivered=False, detail=detail
        )
    assert rig.sent == []


async def test_the_channel_is_used_as_it_is_now_and_not_as_it_was_ordered(
    autojump_clock: MockClock,
) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        rig.takes_s[MAIL.id] = 10.0
        rig.order(MAIL, "a")
        rig.order(MAIL, "b")
        await trio.sleep(1)
        rig.view.publish(evolve(view_of(), ledger=rig.view.value.ledger))
        assert (await rig.heard()).delivered
        assert (await rig.heard()).detail == "channel removed"


async def test_a_kind_of_channel_from_a_newer_version_is_refused_with_a_sentence(
    autojump_clock: MockClock,
) -> None:
    strange = UnknownChannel(id=ChannelId("x"), name="x", kind_name="pager")
    async with Rig(view_of(strange)).running() as rig:
        rig.order(strange)
        assert "not known to this version" in (await rig.heard()).detail


async def test_the_same_order_twice_is_one_attempt(autojump_clock: MockClock) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        for notice in ["a", "b", "a", "b", "b"]:
            rig.order(MAIL, notice)
        assert [(await rig.heard()).notice for _ in range(2)] == ["a", "b"]
        rig.order(MAIL, "a")
        assert (await rig.heard()).notice == "a", "after the answer, a new order is a new attempt"
    assert len(rig.sent) == 3


async def test_an_order_of_a_newer_term_replaces_the_one_that_waits(
    autojump_clock: MockClock,
) -> None:
    async with Rig(view_of(MAIL)).running() as rig:
        rig.order(MAIL, "a")
        rig.order(MAIL, "b", term=3)
        await wait_all_tasks_blocked()
        rig.view.publish(evolve(view_of(MAIL, term=4), ledger=rig.view.value.ledger))
        rig.order(MAIL, "b", term=4)
        assert [(await rig.heard()).delivered for _ in range(2)] == [True, True]
    assert len(rig.sent) == 2


async def test_a_full_lane_refuses_with_a_sentence(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LANE_ORDERS_MAX", 2)
    async with Rig(view_of(MAIL)).running() as rig:
        rig.takes_s[MAIL.id] = 5.0
        for notice in "abcd":
            rig.order(MAIL, notice)
            await wait_all_tasks_blocked()
        refused = await rig.heard()
        assert trio.current_time() == 0.0
        assert refused.notice == "d"
        assert not refused.delivered
        assert [(await rig.heard()).notice for _ in range(3)] == ["a", "b", "c"]
    assert LANE_ORDERS_MAX == 1024


async def test_a_full_inbox_never_blocks_the_intake(autojump_clock: MockClock) -> None:
    """Otherwise the node, with an order to place, and the dispatcher would wait for each other."""
    channels = [evolve(HOOK, id=ChannelId(f"h{i}"), name=f"h{i}") for i in range(10)]
    rig = Rig(view_of(*channels))
    rig.inbox = Inbox("small", capacity=1)
    async with rig.running():
        for channel in channels:
            rig.order(channel)
        await trio.sleep(1)
        assert len(rig.sent) == 10
        assert {(await rig.heard()).channel for _ in channels} == {c.id for c in channels}


async def test_queued_orders_are_tried_before_the_end_and_a_closed_inbox_is_no_error(
    autojump_clock: MockClock,
) -> None:
    rig = Rig(view_of(MAIL))
    async with rig.running():
        rig.order(MAIL, "a")
        rig.order(MAIL, "b")
        await trio.lowlevel.checkpoint()
        rig.inbox.close()
    assert [notice for _, _, notice in rig.sent] == ["a", "b"]
    assert "alert outcome lost, the node has stopped" in rig.logged


async def test_a_test_notice_reaches_a_disabled_channel_from_any_node(
    autojump_clock: MockClock,
) -> None:
    disabled = evolve(MAIL, enabled=False)
    rig = Rig(view_of(disabled, acting_until=None))
    outcome = await try_channel(disabled.id, rig.view, rig.clock, rig.senders, rig.log)
    assert outcome == (True, "taken")
    assert rig.letters[0].notice.kind is NoticeKind.TEST
    rig.raises[MAIL.id] = DeliveryError("550 no")
    assert await try_channel(MAIL.id, rig.view, rig.clock, rig.senders, rig.log) == (
        False,
        "550 no",
    )


async def test_a_test_of_a_channel_that_does_not_exist_says_so(autojump_clock: MockClock) -> None:
    rig = Rig(view_of())
    delivered, detail = await try_channel(MAIL.id, rig.view, rig.clock, rig.senders, rig.log)
    assert not delivered
    assert "no such alert channel" in detail
