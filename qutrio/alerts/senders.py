"""Chooses the sender for each kind of channel."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import trio

from qutrio.alerts.discord import send_discord
from qutrio.alerts.envelope import Envelope
from qutrio.alerts.send_result import SendResult
from qutrio.alerts.smtp import MAIL_THREADS_MAX, send_mail
from qutrio.alerts.tls import ClientContexts, system_context
from qutrio.alerts.webhook import send_webhook
from qutrio.errors import DeliveryError
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel, WebhookChannel

Send: TypeAlias = Callable[[Any, Envelope], Awaitable[SendResult]]
"""Deliver once: return what the receiver answered, or raise `DeliveryError`."""


class Senders:
    """The registry of senders, by class of channel."""

    def __init__(self, by_class: Mapping[type[Channel], Send]) -> None:
        """Register the senders; later changes of the mapping have no effect."""
        self._by_class = dict(by_class)

    async def send(self, channel: Channel, envelope: Envelope) -> SendResult:
        """Try once and return what the receiver answered.

        Raises:
            DeliveryError: the receiver refused, or this version does not know the channel.

        """
        send = self._by_class.get(type(channel))
        if send is None:
            raise DeliveryError(f"channels of kind {channel.kind!r} are not known to this version")
        return await send(channel, envelope)


def real_senders(trust: Callable[[], ssl.SSLContext] = system_context) -> Senders:
    """Return the senders of a real daemon.

    `trust` makes the TLS context that verifies servers; it is called once, in a thread.
    """
    contexts = ClientContexts(trust)
    return Senders(
        {
            SmtpChannel: partial(
                send_mail, contexts=contexts, limiter=trio.CapacityLimiter(MAIL_THREADS_MAX)
            ),
            WebhookChannel: partial(send_webhook, contexts=contexts),
            DiscordChannel: partial(send_discord, contexts=contexts),
        }
    )
