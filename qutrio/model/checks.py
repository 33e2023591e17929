"""What is watched: HTTP and TCP checks, and the union of all kinds."""

import re
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from qutrio.errors import InvalidValueError
from qutrio.model.check_base import CheckBase, IpFamily
from qutrio.model.dns_check import DnsCheck
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.members import split_address
from qutrio.model.rules import at_most, between, is_text, require
from qutrio.model.tls_check import TlsCheck

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


@frozen(kw_only=True)
class HttpCheck(CheckBase):
    """An HTTP or HTTPS request whose answer must be as expected."""

    kind: ClassVar[str] = "http"

    url: str = field(validator=at_most(URL_CHARS_MAX))
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
    body_bytes_max: int = field(
        default=1024 * 1024, validator=between(1, RESPONSE_BODY_BYTES_MAX, " bytes")
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
        """The URL."""
        return self.url


@frozen(kw_only=True)
class TcpCheck(CheckBase):
    """A TCP connection that must be accepted."""

    kind: ClassVar[str] = "tcp"

    address: str
    ip_family: IpFamily = IpFamily.ANY

    def __attrs_post_init__(self) -> None:
        """Refuse an address that nobody could dial."""
        split_address(self.address)

    @property
    def target(self) -> str:
        """The address as host:port."""
        return self.address


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
