"""The cookies of one probe: those that its redirects set are sent back by RFC 6265."""

import ipaddress
from collections.abc import Iterable
from email.utils import mktime_tz, parsedate_tz
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

import trio
from attrs import define, field, frozen

from qutrio.model.ids import UnixTime

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

COOKIES_MAX = 64
COOKIE_BYTES_MAX = 4096
"""The most bytes of a cookie's name and value; a larger one is ignored, as browsers do."""

COOKIES_SENT_BYTES_MAX = 8192
_ATTRIBUTES_MAX = 32
_ATTRIBUTE_BYTES_MAX = 1024
_DATE_CHARS_MAX = 64
_BLANK = b" \t"
_CONTROL = frozenset(range(0x20)) - {0x09} | {0x7F}

Attributes = dict[bytes, bytes]


@frozen
class Cookie:
    """One cookie: `domain` is the host that set it, or if `shared` the domain that it named."""

    name: bytes
    value: bytes
    set_by: str
    domain: str
    shared: bool
    path: str
    secure: bool

    def fits(self, url: SplitResult) -> bool:
        """Return whether the cookie may be sent to the host, path and scheme of `url`."""
        host = _host(url)
        return (
            (_within(host, self.domain) if self.shared else host == self.set_by)
            and _path_matches(url.path or "/", self.path)
            and (url.scheme == "https" or not self.secure)
        )


@define(eq=False)
class CookieJar:
    """The cookies that the answers of one probe have set so far, at most `COOKIES_MAX`."""

    _cookies: dict[tuple[bytes, str, str], Cookie] = field(factory=dict)

    def store(self, fields: Iterable[bytes], url: SplitResult, now: UnixTime) -> None:
        """Store the values of Set-Cookie in an answer from `url`."""
        for value in fields:
            cookie, attributes = _read(value, url)
            if cookie is None:
                continue
            key = (cookie.name, cookie.domain, cookie.path)
            self._cookies.pop(key, None)
            if not _expired(attributes, now) and len(self._cookies) < COOKIES_MAX:
                self._cookies[key] = cookie

    async def cookies_for(self, url: SplitResult) -> bytes:
        """Return the value of the field Cookie in a request for `url`; empty for none.

        A cookie is sent to another host only within a domain of one owner, by the public suffix
        list.  That list is read in a thread, once.
        """
        if not self._cookies:
            return b""
        sent: list[bytes] = []
        size = 0
        for cookie in sorted(self._cookies.values(), key=lambda c: -len(c.path)):
            if not cookie.fits(url):
                continue
            if _host(url) != cookie.set_by and await _is_public(cookie.domain):
                continue
            pair = cookie.name + b"=" + cookie.value if cookie.name else cookie.value
            size += len(pair) + len(b"; ")
            if size > COOKIES_SENT_BYTES_MAX:
                break
            sent.append(pair)
        return b"; ".join(sent)


async def _is_public(domain: str) -> bool:
    return await trio.to_thread.run_sync(lambda: _suffixes().is_public(domain))


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - large, and seldom needed

    return PublicSuffixList()


def _read(value: bytes, url: SplitResult) -> tuple[Cookie | None, Attributes]:
    """Return the cookie in a field, None if it must be ignored, and the field's attributes."""
    pair, *rest = value.split(b";", _ATTRIBUTES_MAX)
    name, equals, content = pair.partition(b"=")
    if not equals:
        name, content = b"", pair
    name, content = name.strip(_BLANK), content.strip(_BLANK)
    attributes: Attributes = {}
    for part in rest:
        key, _, said = part.partition(b"=")
        if len(said) <= _ATTRIBUTE_BYTES_MAX:
            attributes[key.strip(_BLANK).lower()] = said.strip(_BLANK)
    secure = b"secure" in attributes
    host = _host(url)
    domain = _text(attributes.get(b"domain", b"")).lower().removeprefix(".")
    path = _text(attributes.get(b"path", b""))
    cookie = Cookie(
        name=name,
        value=content,
        set_by=host,
        domain=domain or host,
        shared=bool(domain),
        path=path if path.startswith("/") else _default_path(url),
        secure=secure,
    )
    good = (
        bool(name or content)
        and len(name) + len(content) <= COOKIE_BYTES_MAX
        and not _CONTROL.intersection(name + content)
        and _within(host, cookie.domain)
        and (url.scheme == "https" or not secure)
        and _keeps_its_prefix(cookie, attributes)
    )
    return (cookie if good else None), attributes


def _keeps_its_prefix(cookie: Cookie, attributes: Attributes) -> bool:
    """Return whether a cookie meets the conditions of its name's prefix (`__Host-`)."""
    name = cookie.name.lower()
    if name.startswith(b"__host-"):
        return cookie.secure and b"domain" not in attributes and attributes.get(b"path") == b"/"
    return cookie.secure or not name.startswith(b"__secure-")


def _expired(attributes: Attributes, now: UnixTime) -> bool:
    age = attributes.get(b"max-age", b"")
    if age.removeprefix(b"-").isdigit():
        return age.startswith(b"-") or not age.strip(b"0")
    date = parsedate_tz(_text(attributes.get(b"expires", b""))[:_DATE_CHARS_MAX])
    if date is None:
        return False
    try:
        return mktime_tz(date) <= now
    except (ValueError, OverflowError):
        return False


def _within(host: str, domain: str) -> bool:
    if host == domain:
        return True
    return host.endswith(f".{domain}") and not _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _path_matches(asked: str, path: str) -> bool:
    inside = asked.startswith(path) and (path.endswith("/") or asked[len(path) :][:1] == "/")
    return asked == path or inside


def _default_path(url: SplitResult) -> str:
    return url.path.rpartition("/")[0] or "/"


def _host(url: SplitResult) -> str:
    return (url.hostname or "").rstrip(".")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
