"""Receivers that ask to wait, and the recipients that an attempt leaves."""

import pytest
import trio
import trio.lowlevel
from attrs import evolve
from trio.testing import MockClock

from qutrio.alerts.dispatcher import LANE_HOLD_S_MAX
from qutrio.alerts.send_result import SendResult
from qutrio.model.parts import Fate, Part
from tests.alerts.alert_setup import Rig
from tests.alerts.samples import HOOK, MAIL, view_of

ASKED = SendResult(delivered=False, detail="HTTP 429", wait_s=60.0)


async def test_orders_behind_a_receiver_that_asks_to_wait_fail_at_once(
    autojump_clock: MockClock,
) -> None:
    """Further requests would only be refused; the core tries them again later."""
    async with Rig(view_of(HOOK, MAIL)).running() as rig:
        rig.results[HOOK.id] = ASKED
        for notice in "abc":
            rig.order(HOOK, notice)
        rig.order(MAIL, "m")
        heard = [await rig.heard() for _ in range(4)]
        assert trio.current_time() < 1.0
    asked = [e for e in heard if e.channel == HOOK.id]
    assert [e.wait_s for e in asked] == [60.0, pytest.approx(60), pytest.approx(60)]
    assert not any(e.delivered for e in asked)
    assert [e.delivered for e in heard if e.channel == MAIL.id] == [True]
    assert len([channel for _, channel, _ in rig.sent if channel == HOOK.id]) == 1


async def test_when_the_wait_is_over_the_receiver_is_asked_again(autojump_clock: MockClock) -> None:
    async with Rig(view_of(HOOK)).running() as rig:
        rig.results[HOOK.id] = ASKED
        rig.order(HOOK, "a")
        assert (await rig.heard()).wait_s == 60.0
        del rig.results[HOOK.id]
        await trio.sleep(59)
        rig.order(HOOK, "a")
        assert not (await rig.heard()).delivered
        await trio.sleep(2)
        rig.order(HOOK, "a")
        assert (await rig.heard()).delivered


async def test_an_edit_of_the_channel_ends_the_wait(autojump_clock: MockClock) -> None:
    async with Rig(view_of(HOOK)).running() as rig:
        rig.results[HOOK.id] = ASKED
        rig.order(HOOK, "a")
        await rig.heard()
        del rig.results[HOOK.id]
        rig.view.publish(view_of(evolve(HOOK, url="http://127.0.0.1/other")))
        rig.order(HOOK, "a")
        assert (await rig.heard()).delivered


async def test_the_recipients_of_an_attempt_and_of_earlier_ones_are_passed_on(
    autojump_clock: MockClock,
) -> None:
    parts = (Part("ops@example.org", Fate.PUT_OFF, "451 later"),)
    async with Rig(view_of(MAIL)).running() as rig:
        rig.results[MAIL.id] = SendResult(delivered=False, detail="451 later", parts=parts)
        rig.order(MAIL)
        assert (await rig.heard()).parts == parts
    assert rig.letters[0].before is not None
    assert rig.letters[0].before.notice.id == "a"


async def test_a_long_wait_is_left_to_the_core(autojump_clock: MockClock) -> None:
    """The core decides when to try anyway; the lane only refuses orders queued already."""
    async with Rig(view_of(HOOK)).running() as rig:
        rig.results[HOOK.id] = evolve(ASKED, wait_s=3600.0)
        rig.order(HOOK, "a")
        assert (await rig.heard()).wait_s == 3600.0
        await trio.sleep(LANE_HOLD_S_MAX + 1)
        rig.order(HOOK, "a")
        assert (await rig.heard()).wait_s == 3600.0
    assert len(rig.sent) == 2
