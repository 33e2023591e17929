"""The ICMP check: a host that must answer an echo request (ping)."""

from typing import ClassVar

from attrs import field, frozen

from qutrio.model.addresses import require_one_host
from qutrio.model.ascii_hosts import shown_host, stored_host
from qutrio.model.check_base import CheckBase, IpFamily, require_family
from qutrio.model.hosts import is_host
from qutrio.model.levels import NEW_CHECK_KINDS


@frozen(kw_only=True)
class IcmpCheck(CheckBase):
    """An echo request that must be answered, over IPv4 or IPv6; `host` is kept in ASCII."""

    kind: ClassVar[str] = "icmp"
    needs_level: ClassVar[int] = NEW_CHECK_KINDS

    host: str = field(converter=stored_host, validator=is_host)
    ip_family: IpFamily = IpFamily.ANY
    each_address: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse an address of a family that may not be dialled."""
        require_family(self.host, self.ip_family)

    def require_dialable(self, was: CheckBase | None) -> None:
        """Refuse an address that no single host has."""
        if not isinstance(was, IcmpCheck) or was.host != self.host:
            require_one_host(self.host, "host")

    @property
    def target(self) -> str:
        """The host, and how it reads when it holds more than ASCII."""
        return shown_host(self.host)
