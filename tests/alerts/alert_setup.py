"""A dispatcher with fake senders, on trio's virtual clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
import trio.lowlevel
from attrs import evolve

from qutrio.alerts.dispatcher import dispatch
from qutrio.alerts.envelope import Envelope
from qutrio.alerts.send_result import SendResult
from qutrio.alerts.senders import Senders
from qutrio.core.api.effects import Notify
from qutrio.core.api.events import Attempted
from qutrio.core.api.view import View
from qutrio.model.channels import Channel, SmtpChannel, WebhookChannel
from qutrio.model.ids import ChannelId, Instant, NoticeId, Term
from qutrio.model.incidents import Delivery, Ledger
from qutrio.plumbing.clock import TrioClock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from tests.alerts.samples import DOWN


class Rig:
    """A dispatcher with a real inbox and outbox, and senders that only take time."""

    def __init__(self, view: View) -> None:
        self.view = Latest(view)
        self.inbox = Inbox("test")
        self.clock = TrioClock()
        self.sent: list[tuple[float, ChannelId, NoticeId]] = []
        self.letters: list[Envelope] = []
        self.logged: list[str] = []
        self.takes_s: dict[ChannelId, float] = {}
        self.raises: dict[ChannelId, Exception] = {}
        self.results: dict[ChannelId, SendResult] = {}
        self.senders = Senders({SmtpChannel: self.send, WebhookChannel: self.send})
        self._orders, self._jobs = trio.open_memory_channel[Notify](10_000)

    async def send(self, channel: Channel, envelope: Envelope) -> SendResult:
        self.sent.append((trio.current_time(), channel.id, envelope.notice.id))
        self.letters.append(envelope)
        await trio.sleep(self.takes_s.get(channel.id, 0.1))
        if channel.id in self.raises:
            raise self.raises[channel.id]
        return self.results.get(channel.id, SendResult(delivered=True, detail="taken"))

    def log(self, what: str, /, **_: object) -> None:
        self.logged.append(what)

    def order(
        self,
        channel: Channel,
        notice: str = "a",
        *,
        term: int = 3,
        until: float | None = None,
        minority: str = "",
        waits: bool = True,
    ) -> None:
        one = evolve(DOWN, id=NoticeId(notice), minority=minority)
        delivery = Delivery(notice=one, channel=channel.id)
        limit = None if until is None else Instant(until)
        if waits:
            self.wait(delivery)
        self._orders.send_nowait(Notify(delivery, Term(term), limit is not None, limit))

    def wait(self, *deliveries: Delivery) -> None:
        """Show these deliveries as waiting, in the ledger of their notices."""
        view = self.view.value
        for one in deliveries:
            if one.notice.minority:
                outbox = (*view.minority_ledger.outbox, one)
                view = evolve(view, minority_ledger=Ledger(outbox=outbox))
            else:
                view = evolve(view, ledger=Ledger(outbox=(*view.ledger.outbox, one)))
        self.view.publish(view)

    def close(self) -> None:
        self._orders.close()

    async def heard(self) -> Attempted:
        event = await self.inbox.next(1000.0)
        assert isinstance(event, Attempted)
        return event

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Rig"]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                dispatch, self._jobs, self.view, self.inbox, self.clock, self.senders, self.log
            )
            yield self
            self.close()
