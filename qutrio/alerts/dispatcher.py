"""Carries out orders to notify, on one lane per channel: a hung server delays only its own.

Theory of operation.  The core gives orders (`Notify`), and decides their sequence, retries and
back-off; here every order is tried once and answered with one `Attempted`.  A lane is a short
queue and a task that runs while the queue is not empty.  The intake waits for orders only: if
it waited for the inbox while the node waited for the intake, both would wait forever.
"""

from collections import OrderedDict

import trio
from attrs import define, evolve, field

from qutrio.alerts.envelope import Envelope, make_envelope
from qutrio.alerts.hiding import without_secrets
from qutrio.alerts.send_result import SendResult
from qutrio.alerts.senders import Senders
from qutrio.core.alerting.delivery import too_late
from qutrio.core.api.effects import Notify
from qutrio.core.api.view import View
from qutrio.errors import DeliveryError
from qutrio.model.channels import Channel
from qutrio.model.ids import NEVER, ChannelId, Instant, NoticeId, Seconds
from qutrio.model.results import clip
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log, trace_of

ATTEMPT_S_MAX: Seconds = 30.0
LANE_ORDERS_MAX = 1024
LANE_HOLD_S_MAX: Seconds = 300.0
"""A limit for the orders that are queued already; the core holds later ones itself."""
ASKED_TO_WAIT = "the receiver has asked to wait"


async def dispatch(  # noqa: PLR0917 - the daemon passes everything by name or in this order
    jobs: trio.MemoryReceiveChannel[Notify],
    view: Latest[View],
    inbox: Inbox,
    clock: Clock,
    senders: Senders,
    log: Log,
) -> None:
    """Try every order once, until `jobs` is closed and the queued orders were tried.

    When a lane is full, the order is answered as not delivered.  A failed delivery is logged
    and posted; it never ends this task.
    """
    async with trio.open_nursery() as nursery:
        await _Dispatcher(view, inbox, clock, senders, log, nursery).queue_orders(jobs)


async def attempt(channel: Channel, envelope: Envelope, senders: Senders, log: Log) -> SendResult:
    """Try once, within `ATTEMPT_S_MAX`; return whether it was delivered, and the answer."""
    return without_secrets(await _attempt(channel, envelope, senders, log), channel)


async def _attempt(channel: Channel, envelope: Envelope, senders: Senders, log: Log) -> SendResult:
    try:
        with trio.fail_after(ATTEMPT_S_MAX):
            done = await senders.send(channel, envelope)
            return evolve(done, detail=clip(done.detail))
    except DeliveryError as error:
        return SendResult(delivered=False, detail=clip(str(error)), wait_s=error.wait_s)
    except trio.TooSlowError:
        return _failed(f"no delivery within {ATTEMPT_S_MAX:g} s")
    except Exception as error:  # noqa: BLE001 - a bug in one sender must not silence the others
        log("alert sender failed", channel=channel.name, traceback=trace_of(error))
        return _failed(f"internal error: {type(error).__name__}")


@define
class _Dispatcher:
    """The lanes, and the task that fills them."""

    _view: Latest[View]
    _inbox: Inbox
    _clock: Clock
    _senders: Senders
    _log: Log
    _nursery: trio.Nursery
    _lanes: dict[ChannelId, OrderedDict[NoticeId, Notify]] = field(init=False, factory=dict)
    _in_progress: dict[ChannelId, NoticeId] = field(init=False, factory=dict)
    _holds: dict[ChannelId, tuple[Channel, Instant]] = field(init=False, factory=dict)
    """Until when a receiver asked to wait.  Queued orders are answered at once meanwhile."""

    async def queue_orders(self, jobs: trio.MemoryReceiveChannel[Notify]) -> None:
        async for order in jobs:
            channel, notice = order.delivery.channel, order.delivery.notice.id
            lane = self._lanes.get(channel)
            if lane is None:
                self._lanes[channel] = OrderedDict({notice: order})
                self._nursery.start_soon(self._run_lane, channel)
            elif self._in_progress.get(channel) == notice:
                continue  # the attempt in progress will answer it
            elif notice in lane or len(lane) < LANE_ORDERS_MAX:
                lane[notice] = order  # the newer order replaces the older: its term is newer
            else:
                detail = f"{LANE_ORDERS_MAX} notices are waiting for this channel"
                self._nursery.start_soon(self._answer, order, _failed(detail))

    async def _run_lane(self, channel: ChannelId) -> None:
        lane = self._lanes[channel]
        while lane:
            notice, order = lane.popitem(last=False)
            self._in_progress[channel] = notice
            await self._answer(order, await self._carry_out(order))
            del self._in_progress[channel]
        del self._lanes[channel]

    async def _carry_out(self, order: Notify) -> SendResult:
        view = self._view.value
        channels = (*view.document.channels, *view.ledger.former)
        if problem := too_late(order, view, self._clock.now()):
            return _failed(problem)
        channel = next((c for c in channels if c.id == order.delivery.channel), None)
        if channel is None or not channel.enabled:
            return _failed("channel removed" if channel is None else "channel disabled")
        if (wait_s := self._hold_left(channel)) > 0:
            return SendResult(delivered=False, detail=ASKED_TO_WAIT, wait_s=wait_s)
        notice = order.delivery.notice
        envelope = make_envelope(notice, view, self._clock.wall())
        envelope = evolve(envelope, before=order.delivery)
        done = await attempt(channel, envelope, self._senders, self._log)
        if done.wait_s:
            hold_s = min(done.wait_s, LANE_HOLD_S_MAX)
            self._holds[channel.id] = channel, Instant(self._clock.now() + hold_s)
        self._log(
            "alert delivered" if done.delivered else "alert not delivered",
            channel=channel.name,
            notice=notice.id,
            check=notice.check_name,
            kind=notice.kind.value,
            detail=done.detail,
        )
        return done

    def _hold_left(self, channel: Channel) -> Seconds:
        """Return how long the receiver still asks to wait; an edit of the channel ends that."""
        held, until = self._holds.get(channel.id, (channel, NEVER))
        left_s = until - self._clock.now()
        if left_s > 0 and held == channel:
            return left_s
        self._holds.pop(channel.id, None)
        return 0.0

    async def _answer(self, order: Notify, done: SendResult) -> None:
        notice, channel = order.delivery.notice.id, order.delivery.channel
        ended = order.ended(delivered=done.delivered, detail=done.detail)
        try:
            await self._inbox.post(evolve(ended, parts=done.parts, wait_s=done.wait_s))
        except trio.BrokenResourceError:
            self._log("alert outcome lost, the node has stopped", notice=notice, channel=channel)


def _failed(detail: str) -> SendResult:
    return SendResult(delivered=False, detail=detail)
