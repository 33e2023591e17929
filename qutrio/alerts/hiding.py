"""Removes the secrets of a channel from its receiver's answers, which may echo the request.

Servers answer "Cannot POST /hooks/T0/B0/x1", and "502 unknown command: AUTH PLAIN AHgA...".
"""

from base64 import b64encode
from collections.abc import Iterator
from typing import assert_never
from urllib.parse import unquote, urlsplit

from attrs import evolve

from qutrio.alerts.send_result import SendResult
from qutrio.model.channels import (
    Channel,
    DiscordChannel,
    SmtpChannel,
    UnknownChannel,
    WebhookChannel,
)
from qutrio.model.rules import MASK

SECRET_CHARS_MIN = 6
"""Shorter secrets are not searched for: they would be found in ordinary words."""
_CUT = "…"


def without_secrets(done: SendResult, channel: Channel) -> SendResult:
    """Return the result with the secrets of the channel masked in the receiver's answers."""
    secrets = secrets_of(channel)
    parts = tuple(evolve(part, said=hidden(part.said, secrets)) for part in done.parts)
    return evolve(done, detail=hidden(done.detail, secrets), parts=parts)


def hidden(words: str, secrets: tuple[str, ...]) -> str:
    """Return `words` with every secret masked, also one that was cut off at the end."""
    for secret in secrets:
        words = words.replace(secret, MASK)
    if not words.endswith(_CUT):
        return words
    for secret in secrets:
        for length in range(min(len(secret), len(words)) - 1, SECRET_CHARS_MIN - 1, -1):
            if words.endswith(secret[:length] + _CUT):
                return words[: -length - len(_CUT)] + MASK + _CUT
    return words


def secrets_of(channel: Channel) -> tuple[str, ...]:
    """Return the texts that must not be shown, in every form that is sent, longest first."""
    found = {secret for secret in _secrets(channel) if len(secret) >= SECRET_CHARS_MIN}
    return tuple(sorted(found, key=len, reverse=True))


def _secrets(channel: Channel) -> Iterator[str]:
    match channel:
        case SmtpChannel():
            password, user = channel.password or "", channel.username or ""
            yield password
            for sent in (password, f"\0{user}\0{password}"):
                yield b64encode(sent.encode()).decode("ascii")
        case WebhookChannel() | DiscordChannel():
            yield from _of_url(channel.url)
            if isinstance(channel, WebhookChannel):
                yield channel.secret or ""
        case UnknownChannel():
            pass
        case _:
            assert_never(channel)


def _of_url(url: str) -> Iterator[str]:
    """Yield everything after the host, whole and in parts, and the user and password."""
    parts = urlsplit(url)
    whole = parts._replace(scheme="", netloc="").geturl()
    for text in (whole, parts.path, parts.query, parts.fragment, *parts.path.split("/")):
        yield text
        yield unquote(text)
    for pair in parts.query.split("&"):
        yield pair.partition("=")[2]
    yield from parts.netloc.rpartition("@")[0].split(":")
