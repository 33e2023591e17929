"""The fields of each kind of alert channel, in the order in which they are written."""

from collections.abc import Mapping
from typing import Final

from qutrio.codec import fields
from qutrio.codec.field import NAMED, OPTIONAL_TEXT, Field, Kinds, choice, hidden
from qutrio.model.channels import (
    ChannelBase,
    DiscordChannel,
    MailSecurity,
    SmtpChannel,
    UnknownChannel,
    WebhookChannel,
)
from qutrio.model.rules import MASK


def _host_alone(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2].partition("?")[0]
    return f"{scheme}://{host}/{MASK}"


_URL: Final = Field(
    "url", fields.hidden_text, mask=_host_alone, help="The https:// URL to send to."
)
_VERIFY_TLS: Final = Field(
    "verify_tls", fields.flag, help="Whether certificates must be valid [yes]."
)
_COMMON: Final = (
    Field("default", fields.flag, help="Whether every check uses it [yes]."),
    Field("enabled", fields.flag, help="Whether it is used at all."),
)
_SMTP: Final = (
    Field("host", fields.text, help="Mail server."),
    Field("port", fields.whole, help="Its port [587]."),
    choice("security", MailSecurity, "How the connection is encrypted [starttls]."),
    _VERIFY_TLS,
    Field("username", OPTIONAL_TEXT, help="Mail account."),
    hidden("password", "Its password."),
    Field("sender", fields.text, help="Sender address.", form="ADDRESS"),
    Field("recipients", fields.texts, list, help="Recipient; repeatable.", form="ADDRESS"),
)
_WEBHOOK: Final = (_URL, hidden("secret", "Key that signs each request."), _VERIFY_TLS)
CHANNEL_FIELDS: Final[Mapping[type[ChannelBase], tuple[Field, ...]]] = {
    SmtpChannel: (*NAMED, *_SMTP, *_COMMON),
    WebhookChannel: (*NAMED, *_WEBHOOK, *_COMMON),
    DiscordChannel: (*NAMED, _URL, *_COMMON),
    UnknownChannel: (*NAMED, *_COMMON),
}
"""`kind` is not among them."""
CHANNELS: Final = Kinds(
    {cls.kind: cls for cls in CHANNEL_FIELDS if cls is not UnknownChannel}, UnknownChannel
)
