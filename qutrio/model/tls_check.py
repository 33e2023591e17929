"""The TLS check: a server whose certificate must be valid, and for how long it still is."""

from typing import ClassVar

from attrs import field, frozen
from attrs.converters import optional as if_given
from attrs.validators import optional

from qutrio.model.addresses import require_address, require_one_host
from qutrio.model.ascii_hosts import shown_host, stored_address, stored_host
from qutrio.model.check_base import CheckBase, IpFamily, require_family
from qutrio.model.hosts import is_host
from qutrio.model.levels import NEW_CHECK_KINDS
from qutrio.model.rules import between, require

CERTIFICATE_DAYS_MAX = 3650


@frozen(kw_only=True)
class TlsCheck(CheckBase):
    """A TLS handshake, and the certificate that it shows.

    With fewer than `warn_days` left the vote is still ok and says so; with fewer than
    `fail_days` left, or after the end, it is a failure.  `verify_chain` demands a chain to a
    known authority, `verify_name` a certificate for `server_name`, which is also the name
    that is sent (SNI); without one, the host of `address` is used.  Both are kept in ASCII.
    """

    kind: ClassVar[str] = "tls"
    needs_level: ClassVar[int] = NEW_CHECK_KINDS

    address: str = field(converter=stored_address)
    server_name: str | None = field(
        default=None, converter=if_given(stored_host), validator=optional(is_host)
    )
    warn_days: int = field(default=14, validator=between(0, CERTIFICATE_DAYS_MAX, " days"))
    fail_days: int = field(default=0, validator=between(0, CERTIFICATE_DAYS_MAX, " days"))
    verify_chain: bool = True
    verify_name: bool = True
    ip_family: IpFamily = IpFamily.ANY
    each_address: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse an address that nobody could dial, and bounds in the wrong order."""
        host, _ = require_address(self.address)
        require_family(host, self.ip_family)
        problem = f"must not be below fail_days ({self.fail_days})"
        require(self.warn_days >= self.fail_days, "warn_days", problem)

    def require_dialable(self, was: CheckBase | None) -> None:
        """Refuse an address that no single host has."""
        if not isinstance(was, TlsCheck) or was.address != self.address:
            host, _ = require_address(self.address)
            require_one_host(host)

    @property
    def target(self) -> str:
        """The address as host:port, and how it reads when it holds more than ASCII."""
        return shown_host(self.address)
