"""What an alert channel must keep to when a person gives it.

Documents of earlier versions may hold what is refused here, and must be readable.  What a
channel had already is accepted, so that its other fields can be edited.
"""

from urllib.parse import urlsplit

from qutrio.codec.addresses import require_mail_addresses
from qutrio.errors import InvalidValueError
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel, WebhookChannel
from qutrio.model.rules import require_filled, require_login
from qutrio.model.urls import require_dialable_url


def require_new_channel(channel: Channel, was: Channel | None = None) -> None:
    """Raise `InvalidValueError` for what nobody can have meant; `was` is the channel before.

    It may take long: the first mail address loads a library.
    """
    require_mail_addresses(channel, was)
    match channel:
        case SmtpChannel():
            _require_user(channel, was)
        case WebhookChannel():
            _require_plain_url(channel, was)
            if not isinstance(was, WebhookChannel) or was.secret != channel.secret:
                require_filled(channel.secret, "secret")
        case DiscordChannel():
            _require_plain_url(channel, was)
        case _:
            pass


def _require_user(channel: SmtpChannel, was: Channel | None) -> None:
    """Refuse half of a login: nobody logs in with it."""
    login = channel.username, channel.password
    if isinstance(was, SmtpChannel) and (was.username, was.password) == login:
        return
    require_filled(channel.username, "username")
    require_filled(channel.password, "password")
    require_login("username", "password", *login)


def _require_plain_url(channel: WebhookChannel | DiscordChannel, was: Channel | None) -> None:
    """Refuse credentials in a URL, and a host that nobody can dial, as for checks."""
    if isinstance(was, WebhookChannel | DiscordChannel) and was.url == channel.url:
        return
    if "@" in urlsplit(channel.url).netloc:
        problem = "holds credentials before its host; leave them out, and let the receiver know"
        raise InvalidValueError("url", f"{problem} qutrio by a secret path or by 'secret'")
    require_dialable_url(channel.url)
