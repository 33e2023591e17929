"""What is watched: HTTP and TCP checks, and the union of all kinds."""

import re
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from qutrio.errors import InvalidValueError
from qutrio.model.addresses import require_address
from qutrio.model.check_base import CheckBase, IpFamily, require_family
from qutrio.model.dns_check import DnsCheck
from qutrio.model.durations import format_duration
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.levels import EACH_ADDRESS, since
from qutrio.model.members import split_address
from qutrio.model.rules import at_most, between, is_text, require
from qutrio.model.tls_check import TlsCheck
from qutrio.model.urls import ascii_url, shown_url

HEADERS_MAX = 64
BODY_CHARS_MAX = 64 * 1024
PATTERN_CHARS_MAX = 1024
REDIRECTS_MAX = 20
RESPONSE_BODY_BYTES_MAX = 16 * 1024 * 1024
STATUS_RANGES_MAX = 32
URL_CHARS_MAX = 2048
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD = re.compile(r"[A-Z]{1,16}")


@frozen
class StatusRange:
    """HTTP status codes from `low` to `high`, both included."""

    low: int = field(validator=between(100, 599))
    high: int = field(validator=between(100, 599))

    def __attrs_post_init__(self) -> None:
        """Refuse an empty range."""
        require(self.low <= self.high, "expect_status", f"{self.low}-{self.high} is empty")


def _to_ascii(url: str) -> str:
    if len(url) > URL_CHARS_MAX:
        return url  # is refused as too long, whatever it says
    try:
        return ascii_url(url)
    except ValueError as error:
        raise InvalidValueError("url", f"{url[:80]!r} is not a URL: {error}") from None


@frozen(kw_only=True)
class HttpCheck(CheckBase):
    """An HTTP or HTTPS request whose answer must be as expected.

    `url` is kept in ASCII, however it is given.  `each_address` probes every address of the
    host instead of the first that accepts.
    """

    kind: ClassVar[str] = "http"

    url: str = field(converter=_to_ascii, validator=at_most(URL_CHARS_MAX))
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), validator=at_most(HEADERS_MAX))
    body: str | None = field(default=None, validator=at_most(BODY_CHARS_MAX))
    expect_status: tuple[StatusRange, ...] = field(
        default=(StatusRange(200, 299),), validator=at_most(STATUS_RANGES_MAX)
    )
    body_contains: str | None = field(default=None, validator=at_most(PATTERN_CHARS_MAX))
    body_not_contains: str | None = field(default=None, validator=at_most(PATTERN_CHARS_MAX))
    body_regex: str | None = field(default=None, validator=at_most(PATTERN_CHARS_MAX))
    redirects_max: int = field(default=5, validator=between(0, REDIRECTS_MAX))
    verify_tls: bool = True
    basic_user: str | None = field(default=None, validator=at_most(256))
    basic_password: str | None = field(default=None, repr=False, validator=at_most(256))
    bearer_token: str | None = field(default=None, repr=False, validator=at_most(8192))
    ip_family: IpFamily = IpFamily.ANY
    each_address: bool = field(default=False, metadata=since(EACH_ADDRESS))
    body_bytes_max: int = field(
        default=1024 * 1024, validator=between(1, RESPONSE_BODY_BYTES_MAX, "B")
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what could not be sent."""
        _require_http_url(self.url)
        require(
            bool(_METHOD.fullmatch(self.method)), "method", f"{self.method[:40]!r} is no method"
        )
        require(bool(self.expect_status), "expect_status", "needs at least one code or range")
        for name, value in self.headers:
            sendable = _TOKEN.fullmatch(name) and not any(c in value for c in "\r\n\0")
            require(bool(sendable), "headers", f"{name[:40]!r} cannot be sent as a header")
        both = self.bearer_token is not None and self.basic_user is not None
        require(not both, "bearer_token", "give basic or bearer credentials, not both")
        if self.body_regex is not None:
            _require_regex(self.body_regex)

    @property
    def target(self) -> str:
        """The URL, and how it reads when it holds more than ASCII."""
        return shown_url(self.url)

    def require_dialable(self, was: CheckBase | None) -> None:
        """Refuse an IP address of a family that may not be dialled."""
        same = isinstance(was, HttpCheck) and (was.url, was.ip_family) == (self.url, self.ip_family)
        if not same:
            require_family(urlsplit(self.url).hostname or "", self.ip_family)


@frozen(kw_only=True)
class TcpCheck(CheckBase):
    """A TCP connection that must be accepted, by every address if `each_address` is set."""

    kind: ClassVar[str] = "tcp"

    address: str
    ip_family: IpFamily = IpFamily.ANY
    each_address: bool = field(default=False, metadata=since(EACH_ADDRESS))

    def __attrs_post_init__(self) -> None:
        """Refuse an address that nobody could dial."""
        split_address(self.address)

    @property
    def target(self) -> str:
        """The address as host:port."""
        return self.address

    def require_dialable(self, was: CheckBase | None) -> None:
        """Refuse what is not host:port, and an IP address of a family that may not be dialled."""
        aim = self.address, self.ip_family
        if not isinstance(was, TcpCheck) or (was.address, was.ip_family) != aim:
            host, _ = require_address(self.address)
            require_family(host, self.ip_family)


@frozen(kw_only=True)
class UnknownCheck(CheckBase):
    """A check of a kind that this version does not know; kept whole, and abstained from."""

    kind: ClassVar[str] = "unknown"

    kind_name: str = field(validator=is_text)

    @property
    def target(self) -> str:
        """Nothing that this version could show."""
        return f"({self.kind_name})"


Check: TypeAlias = HttpCheck | TcpCheck | IcmpCheck | TlsCheck | DnsCheck | UnknownCheck


def slow_words(check: CheckBase) -> str:
    """Return what to warn of when attempts may outlast the interval; empty when they cannot."""
    longest_s = check.timeout_s * (1 + check.retries)
    if longest_s <= check.interval_s:
        return ""
    interval, longest = format_duration(check.interval_s), format_duration(longest_s)
    limit = "timeout" if not check.retries else f"timeout of {1 + check.retries} attempts"
    return (
        f"the {limit} ({longest}) is above the interval ({interval}): while the target does not"
        f" answer it is probed every {longest}, not every {interval}"
    )


def _require_http_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidValueError("url", f"{url[:80]!r} is not a URL: {error}") from None
    good = (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and url.isascii()
        and not any(c <= " " for c in url)
        and (port is None or port > 0)
    )
    require(good, "url", f"{url[:80]!r} is not a URL such as https://example.org/health")
    hidden = parts.username is not None or parts.password is not None
    require(not hidden, "url", "holds credentials; give them as basic_user and basic_password")


def _require_regex(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        problem = f"{pattern[:80]!r} is not a regular expression: {error}"
        raise InvalidValueError("body_regex", problem) from None
