"""Rules for alert channels that a person adds or edits.

Documents of earlier versions may break these rules, and must stay readable.  Values that a
channel already has are accepted, so that its other fields can be edited.
"""

from urllib.parse import urlsplit

from qutrio.codec.addresses import require_mail_addresses
from qutrio.errors import InvalidValueError
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel, WebhookChannel


def require_new_channel(channel: Channel, was: Channel | None = None) -> None:
    """Raise `InvalidValueError` for values that must be a mistake; `was` is the channel before.

    The first mail address loads a library, which may take long.
    """
    require_mail_addresses(channel, was)
    match channel:
        case SmtpChannel():
            _require_user(channel, was)
        case WebhookChannel() | DiscordChannel():
            _require_bare_url(channel, was)
        case _:
            pass


def _require_user(channel: SmtpChannel, was: Channel | None) -> None:
    """Refuse a password without a user: it would never be sent."""
    login = channel.username, channel.password
    same = isinstance(was, SmtpChannel) and (was.username, was.password) == login
    if channel.password is not None and channel.username is None and not same:
        problem = "is missing, although there is a password; give both (--username, --password)"
        raise InvalidValueError("username", f"{problem} or neither")


def _require_bare_url(channel: WebhookChannel | DiscordChannel, was: Channel | None) -> None:
    """Refuse credentials in a URL, as for checks."""
    same = isinstance(was, WebhookChannel | DiscordChannel) and was.url == channel.url
    if not same and "@" in urlsplit(channel.url).netloc:
        problem = "holds credentials before its host; leave them out, and let the receiver know"
        raise InvalidValueError("url", f"{problem} qutrio by a secret path or by 'secret'")
