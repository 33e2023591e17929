"""Where notices go: one class per kind of alert channel."""

from enum import Enum
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from qutrio.model.addresses import require_host_alone, require_one_host
from qutrio.model.ids import ChannelId, Extra
from qutrio.model.levels import LEVEL_UNSAID, MAIL_NAMES
from qutrio.model.members import PORT_MAX
from qutrio.model.rules import at_most, between, is_name, is_text, require
from qutrio.model.urls import web_url_problem

RECIPIENTS_MAX = 50
SECRET_CHARS_MAX = 1024
SUBMISSIONS_PORT = 465
SUBMISSION_PORT = 587
PLAIN_MAIL_PORTS = frozenset({25, SUBMISSION_PORT})
LOOPBACK_NAMES = frozenset({"localhost", "::1"})


class MailSecurity(Enum):
    """How the mail connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@frozen(kw_only=True)
class ChannelBase:
    """What every kind of channel has.  A `default` channel is attached to every check."""

    kind: ClassVar[str]

    id: ChannelId
    name: str = field(validator=is_name)
    default: bool = True
    enabled: bool = True
    extra: Extra = ()

    @property
    def target(self) -> str:
        """Where it goes, without any secret."""
        raise NotImplementedError


@frozen(kw_only=True)
class SmtpChannel(ChannelBase):
    """Mail through an SMTP server."""

    kind: ClassVar[str] = "smtp"

    host: str = field(validator=is_text)
    port: int = field(default=SUBMISSION_PORT, validator=between(1, PORT_MAX))
    security: MailSecurity = MailSecurity.STARTTLS
    verify_tls: bool = True
    username: str | None = field(default=None, validator=at_most(SECRET_CHARS_MAX))
    password: str | None = field(default=None, repr=False, validator=at_most(SECRET_CHARS_MAX))
    sender: str = field(validator=is_text)
    recipients: tuple[str, ...] = field(validator=at_most(RECIPIENTS_MAX))

    def __attrs_post_init__(self) -> None:
        """Refuse what no server would accept, and a password that would travel in the clear.

        Of addresses only what no version ever took is refused here, so that every document that
        was written can be read.  `codec.addresses` has the strict rule for those a person gives.
        """
        require(bool(self.host), "host", "must name the mail server")
        require(bool(self.recipients), "recipients", "needs at least one address")
        for field_name, address in [
            ("sender", self.sender),
            *(("recipients", r) for r in self.recipients),
        ]:
            local, _, domain = address.rpartition("@")
            whole = bool(local and domain) and not any(c in "\r\n\0" for c in address)
            require(whole, field_name, f"{address[:80]!r} is not a mail address")
        exposed = self.password is not None and self.security is MailSecurity.NONE
        require(not exposed, "security", "a password needs starttls or tls")

    def require_dialable(self, was: ChannelBase | None) -> None:
        """Raise `InvalidValueError` for a mail server that nobody can dial, unless `was` had it."""
        if not isinstance(was, SmtpChannel) or was.host != self.host:
            require_host_alone(self.host, port_hint="the port is a field of its own (--port)")
            require_one_host(self.host, "host")

    @property
    def target(self) -> str:
        """The recipients."""
        return ", ".join(self.recipients)

    @property
    def needs_level(self) -> int:
        """The feature level it needs: programs without levels refuse names and blanks."""
        texts = (self.sender, *self.recipients)
        plain = not any(c <= " " or c in "<>," for text in texts for c in text)
        return LEVEL_UNSAID if plain else MAIL_NAMES


@frozen(kw_only=True)
class WebhookChannel(ChannelBase):
    """A JSON document by POST, signed with HMAC-SHA-256 when a secret is set."""

    kind: ClassVar[str] = "webhook"

    url: str = field(repr=False, validator=is_text)
    secret: str | None = field(default=None, repr=False, validator=at_most(SECRET_CHARS_MAX))
    verify_tls: bool = True

    def __attrs_post_init__(self) -> None:
        """Refuse what is not an HTTP URL."""
        require_web_url(self.url)

    @property
    def target(self) -> str:
        """The host alone: paths of webhooks are often secrets."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@frozen(kw_only=True)
class DiscordChannel(ChannelBase):
    """A message to a Discord webhook."""

    kind: ClassVar[str] = "discord"

    url: str = field(repr=False, validator=is_text)

    def __attrs_post_init__(self) -> None:
        """Refuse what is not an HTTP URL."""
        require_web_url(self.url)

    @property
    def target(self) -> str:
        """The host alone: the path is the secret."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def require_private(self) -> None:
        """Raise `InvalidValueError` when the secret would travel in the open.

        Not a rule of every such value: an older document may hold one, and must be readable.
        """
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        private = parts.scheme == "https" or host in LOOPBACK_NAMES or host.startswith("127.")
        require(
            private, "url", "must begin with https://: it is a secret, and http:// shows it to all"
        )


@frozen(kw_only=True)
class UnknownChannel(ChannelBase):
    """A channel of a kind that this version does not know; kept whole, never used."""

    kind: ClassVar[str] = "unknown"

    kind_name: str = field(validator=is_text)

    @property
    def target(self) -> str:
        """Nothing that this version could show."""
        return f"({self.kind_name})"


Channel: TypeAlias = SmtpChannel | WebhookChannel | DiscordChannel | UnknownChannel


def odd_port_words(channel: Channel) -> str:
    """Return what to warn of when a mail port is usually spoken to otherwise; empty if it is not.

    The mail server would wait for the other to begin, until both give up.
    """
    if not isinstance(channel, SmtpChannel):
        return ""
    if channel.port == SUBMISSIONS_PORT and channel.security is not MailSecurity.TLS:
        usual, wanted, port = "TLS from the first byte", MailSecurity.TLS, SUBMISSION_PORT
    elif channel.port in PLAIN_MAIL_PORTS and channel.security is MailSecurity.TLS:
        usual, wanted = "plain words first, then STARTTLS", MailSecurity.STARTTLS
        port = SUBMISSIONS_PORT
    else:
        return ""
    return (
        f"port {channel.port} usually speaks {usual}, and security is {channel.security.value};"
        f" if no mail arrives, give --security {wanted.value}, or --port {port}"
    )


def recipients_of(channel: Channel | None) -> tuple[str, ...]:
    """Return those who are delivered to on their own account; none where the channel is one."""
    return channel.recipients if isinstance(channel, SmtpChannel) else ()


def require_web_url(url: str) -> None:
    """Raise `InvalidValueError`, which quotes nothing of it, unless `url` can be posted to."""
    problem = web_url_problem(url)
    require(not problem, "url", f"is not a URL such as https://example.org/hook: {problem}")
