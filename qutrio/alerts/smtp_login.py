"""Logs in to a mail server, by a mechanism that it offers.

smtplib's own login cannot send a name or a password that is not ASCII, and tries every
mechanism, so that one wrong password counts as several failed logins.
"""

import hmac
import smtplib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping

from qutrio.errors import DeliveryError
from qutrio.model.results import clip

LOGGED_IN = 235
GO_ON = 334
NOT_THIS_ONE = frozenset({500, 501, 502, 504, 534, 538})
"""The server refuses this mechanism after all; 535 and others are about the password."""

_Answer = tuple[int, bytes]


def log_in(client: smtplib.SMTP, username: str, password: str) -> None:
    """Log in; the capabilities of the server must be known.

    Raises:
        DeliveryError: the server offers no mechanism that this program knows, or no login.
        smtplib.SMTPAuthenticationError: the server refused the login.

    """
    offered = client.esmtp_features.get("auth", "").upper().split()
    usable = [name for name in _MECHANISMS if name in offered]
    if not usable:
        raise DeliveryError(_none_fits(client, offered))
    code, said = 0, b""
    for name in usable:
        code, said = _MECHANISMS[name](client, username.encode(), password.encode())
        if code == LOGGED_IN:
            return
        if code not in NOT_THIS_ONE:
            break
    raise smtplib.SMTPAuthenticationError(code, said)


def _plain(client: smtplib.SMTP, username: bytes, password: bytes) -> _Answer:
    return client.docmd("AUTH", "PLAIN " + _base64(b"\0" + username + b"\0" + password))


def _login(client: smtplib.SMTP, username: bytes, password: bytes) -> _Answer:
    code, said = client.docmd("AUTH", "LOGIN")
    for secret in (username, password):
        if code == GO_ON:
            code, said = client.docmd(_base64(secret))
    return code, said


def _cram_md5(client: smtplib.SMTP, username: bytes, password: bytes) -> _Answer:
    code, said = client.docmd("AUTH", "CRAM-MD5")
    if code != GO_ON:
        return code, said
    try:
        challenge = b64decode(said, validate=True)
    except NotBase64:
        client.docmd("*")  # cancel the login
        return code, b"its challenge is not base64"
    digest = hmac.new(password, challenge, "md5").hexdigest()
    return client.docmd(_base64(username + b" " + digest.encode("ascii")))


_MECHANISMS: Mapping[str, Callable[[smtplib.SMTP, bytes, bytes], _Answer]] = {
    "PLAIN": _plain,
    "LOGIN": _login,
    "CRAM-MD5": _cram_md5,
}
"""In order of preference.  A password is sent inside TLS only, so the simplest comes first."""


def _base64(secret: bytes) -> str:
    return b64encode(secret).decode("ascii")


def _none_fits(client: smtplib.SMTP, offered: list[str]) -> str:
    known = ", ".join(_MECHANISMS)
    if offered:
        return f"offers logins {clip(', '.join(offered))}, and none that qutrio supports ({known})"
    if client.has_extn("starttls"):
        return "offers no login before STARTTLS; set the channel's security to starttls"
    return "offers no login; leave the user name out, or use its port for submission (587, 465)"
