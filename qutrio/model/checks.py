"""What is watched: HTTP and TCP checks, and the union of all kinds."""

import re
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from qutrio.errors import InvalidValueError
from qutrio.model.addresses import require_address, require_one_host
from qutrio.model.ascii_hosts import shown_host, stored_address
from qutrio.model.check_base import CheckBase, IpFamily, require_family
from qutrio.model.dns_check import DnsCheck
from qutrio.model.durations import format_duration
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.levels import EACH_ADDRESS, since
from qutrio.model.members import split_address
from qutrio.model.rules import at_most, between, is_text, require, shown
from qutrio.model.tls_check import TlsCheck
from qutrio.model.urls import (
    ascii_url,
    host_to_dial,
    masked_url,
    plain_words,
    quotable_url,
    require_dialable_url,
    shown_url,
    web_url_problem,
)

HEADERS_MAX = 64
BODY_CHARS_MAX = 64 * 1024
PATTERN_CHARS_MAX = 1024
REDIRECTS_MAX = 20
RESPONSE_BODY_BYTES_MAX = 16 * 1024 * 1024
STATUS_RANGES_MAX = 32
URL_CHARS_MAX = 2048
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD = re.compile(r"[A-Z]{1,16}")
_EXAMPLE = "https://example.org/health"
_PATTERN_PROBLEMS = frozenset(
    {
        "bad escape (end of pattern)",
        "missing ), unterminated subpattern",
        "multiple repeat",
        "nothing to repeat",
        "unbalanced parenthesis",
        "unterminated character set",
        "min repeat greater than max repeat",
        "look-behind requires fixed-width pattern",
    }
)
"""Those of the library's words that quote nothing of the pattern."""


@frozen
class StatusRange:
    """HTTP status codes from `low` to `high`, both included."""

    low: int = field(validator=between(100, 599))
    high: int = field(validator=between(100, 599))

    def __attrs_post_init__(self) -> None:
        """Refuse an empty range."""
        low, high = self.low, self.high
        problem = f"{low}-{high} is the wrong way round; write {high}-{low}"
        require(low <= high, "expect_status", problem)


def _to_ascii(url: str) -> str:
    if len(url) > URL_CHARS_MAX:
        return url  # is refused as too long, whatever it says
    try:
        return ascii_url(url)
    except UnicodeError:  # of the library for host names, whose words quote what it was given
        raise _no_url(url, "its host is no name that browsers accept") from None
    except ValueError as error:
        raise _no_url(url, plain_words(error)) from None


def _to_capitals(method: str) -> str:
    return method.upper() if method.isascii() else method


@frozen(kw_only=True)
class HttpCheck(CheckBase):
    """An HTTP or HTTPS request whose answer must be as expected.

    `url` is kept in ASCII, however it is given.  `each_address` probes every address of the
    host instead of the first that accepts.
    """

    kind: ClassVar[str] = "http"

    url: str = field(converter=_to_ascii, validator=at_most(URL_CHARS_MAX), repr=masked_url)
    method: str = field(default="GET", converter=_to_capitals)
    headers: tuple[tuple[str, str], ...] = field(
        default=(), repr=False, validator=at_most(HEADERS_MAX)
    )
    body: str | None = field(default=None, repr=False, validator=at_most(BODY_CHARS_MAX))
    expect_status: tuple[StatusRange, ...] = field(
        default=(StatusRange(200, 299),), validator=at_most(STATUS_RANGES_MAX)
    )
    body_contains: str | None = field(
        default=None, repr=False, validator=at_most(PATTERN_CHARS_MAX)
    )
    body_not_contains: str | None = field(
        default=None, repr=False, validator=at_most(PATTERN_CHARS_MAX)
    )
    body_regex: str | None = field(default=None, repr=False, validator=at_most(PATTERN_CHARS_MAX))
    redirects_max: int = field(default=5, validator=between(0, REDIRECTS_MAX))
    verify_tls: bool = True
    basic_user: str | None = field(default=None, repr=False, validator=at_most(256))
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
        problem = f"{shown(self.method)} is no method such as GET or POST"
        require(bool(_METHOD.fullmatch(self.method)), "method", problem)
        require(bool(self.expect_status), "expect_status", "needs at least one code or range")
        for number, (name, value) in enumerate(self.headers, 1):
            _require_sendable(number, name, value)
        both = self.bearer_token is not None and self.basic_user is not None
        require(not both, "bearer_token", "give basic or bearer credentials, not both")
        if self.body_regex is not None:
            _require_regex(self.body_regex)

    @property
    def target(self) -> str:
        """The URL, and how it reads when it holds more than ASCII."""
        return shown_url(self.url)

    def require_dialable(self, was: CheckBase | None) -> None:
        """Refuse a host that nobody can dial, or whose family may not be dialled."""
        before = was if isinstance(was, HttpCheck) else None
        if before is None or before.url != self.url:
            require_dialable_url(self.url)
        if before is None or (before.url, before.ip_family) != (self.url, self.ip_family):
            require_family(host_to_dial(urlsplit(self.url)), self.ip_family)


@frozen(kw_only=True)
class TcpCheck(CheckBase):
    """A TCP connection that must be accepted, by every address if `each_address` is set.

    The host of `address` is kept in ASCII, however it is given.
    """

    kind: ClassVar[str] = "tcp"

    address: str = field(converter=stored_address)
    ip_family: IpFamily = IpFamily.ANY
    each_address: bool = field(default=False, metadata=since(EACH_ADDRESS))

    def __attrs_post_init__(self) -> None:
        """Refuse an address that nobody could dial."""
        split_address(self.address)

    @property
    def target(self) -> str:
        """The address as host:port, and how it reads when it holds more than ASCII."""
        return shown_host(self.address)

    def require_dialable(self, was: CheckBase | None) -> None:
        """Refuse what is not host:port, and an IP address of a family that may not be dialled."""
        aim = self.address, self.ip_family
        if not isinstance(was, TcpCheck) or (was.address, was.ip_family) != aim:
            host, _ = require_address(self.address)
            require_one_host(host)
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


def _require_sendable(number: int, name: str, value: str) -> None:
    """Refuse a header without quoting what may be a value that was taken for a name."""
    problem = f"number {number} cannot be sent as a header: its name holds more than a name may"
    require(bool(_TOKEN.fullmatch(name)), "headers", problem)
    breaks = any(c in value for c in "\r\n\0")
    require(not breaks, "headers", f"{name[:40]!r} cannot be sent as a header: it is not one line")


def _require_http_url(url: str) -> None:
    if problem := web_url_problem(url):
        raise _no_url(url, problem)
    parts = urlsplit(url)
    hidden = parts.username is not None or parts.password is not None
    require(not hidden, "url", "holds credentials; give them as basic_user and basic_password")


def _no_url(url: str, problem: str) -> InvalidValueError:
    """Return why a URL is refused, without the parts of it that may be secrets."""
    problem = f"{quotable_url(url)} is not a URL such as {_EXAMPLE}: {problem}"
    return InvalidValueError("url", problem.strip())


def _require_regex(pattern: str) -> None:
    """Refuse what is no pattern.  It is not quoted: it may be a secret."""
    try:
        re.compile(pattern)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        what = error.msg if error.msg in _PATTERN_PROBLEMS else "something is wrong"
        problem = f"is not a regular expression: {what}{where}"
        raise InvalidValueError("body_regex", problem) from None
    except (OverflowError, RecursionError):
        raise InvalidValueError("body_regex", "is too large for a regular expression") from None
