"""What is watched: one class per kind of check."""

import re
from enum import Enum
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from qutrio.errors import InvalidValueError
from qutrio.model.ids import CheckId, Extra, Revision, Seconds
from qutrio.model.members import split_address
from qutrio.model.rules import at_most, between, is_name, is_text, require

INTERVAL_S_MIN, INTERVAL_S_MAX = 1.0, 86_400.0
TIMEOUT_S_MIN, TIMEOUT_S_MAX = 0.1, 300.0
RETRIES_MAX = 10
HEADERS_MAX = 64
BODY_CHARS_MAX = 64 * 1024
PATTERN_CHARS_MAX = 1024
REDIRECTS_MAX = 20
RESPONSE_BODY_BYTES_MAX = 16 * 1024 * 1024
STATUS_RANGES_MAX = 32
URL_CHARS_MAX = 2048
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD = re.compile(r"[A-Z]{1,16}")


class IpFamily(Enum):
    """Which addresses of a name may be dialled."""

    ANY = "any"
    V4 = "4"
    V6 = "6"


@frozen
class StatusRange:
    """HTTP status codes from `low` to `high`, both included."""

    low: int = field(validator=between(100, 599))
    high: int = field(validator=between(100, 599))

    def __attrs_post_init__(self) -> None:
        """Refuse an empty range."""
        require(self.low <= self.high, "expect_status", f"{self.low}-{self.high} is empty")


@frozen(kw_only=True)
class CheckBase:
    """What every kind of check has.

    `changed` is the document's revision that last changed this check: a result carries it, so
    a probe that was in flight during an edit is not counted.  `alerts` names channels that
    are attached beside the default ones.
    """

    kind: ClassVar[str]

    id: CheckId
    name: str = field(validator=is_name)
    interval_s: Seconds = field(
        default=30.0, validator=between(INTERVAL_S_MIN, INTERVAL_S_MAX, "s")
    )
    timeout_s: Seconds = field(default=10.0, validator=between(TIMEOUT_S_MIN, TIMEOUT_S_MAX, "s"))
    retries: int = field(default=0, validator=between(0, RETRIES_MAX))
    enabled: bool = True
    alerts: tuple[str, ...] = field(default=(), validator=at_most(32))
    changed: Revision = Revision(0)
    extra: Extra = ()

    @property
    def target(self) -> str:
        """What is probed, as a person would write it."""
        raise NotImplementedError


@frozen(kw_only=True)
class HttpCheck(CheckBase):
    """An HTTP or HTTPS request whose answer must be as expected.

    `each_address` probes every address of the host instead of the first that accepts.
    """

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
    each_address: bool = False
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
    """A TCP connection that must be accepted, by every address if `each_address` is set."""

    kind: ClassVar[str] = "tcp"

    address: str
    ip_family: IpFamily = IpFamily.ANY
    each_address: bool = False

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


Check: TypeAlias = HttpCheck | TcpCheck | UnknownCheck


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
