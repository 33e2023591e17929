"""Limits unauthenticated connections; a share of the slots is reserved for members."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from attrs import define, field

from qutrio.model.members import Member, split_address

HANDSHAKES_MAX = 64
HANDSHAKES_RESERVED = 32
FAMILIAR_HOSTS_MAX = 512


@define
class Slots:
    """A bounded number of slots that are taken and given back."""

    limit: int
    taken: int = field(default=0, init=False)

    def free(self, reserve: int = 0) -> bool:
        """Return whether a slot is free, not counting `reserve` slots that are kept for others."""
        return self.taken < self.limit - reserve

    @contextmanager
    def hold(self) -> Iterator[Callable[[], None]]:
        """Take one slot for the length of a block; the caller has checked that one is free.

        The block gets a function that gives the slot back early.
        """
        self.taken += 1
        held = [None]

        def release() -> None:
            if held:
                held.clear()
                self.taken -= 1

        try:
            yield release
        finally:
            release()


@define
class ConnectionLimits:
    """Admits connections that have not authenticated yet.

    Before the handshake only the address is known, so the reserved slots go to addresses of
    members: those that they advertise, and those that they last connected from.
    """

    limit: int = HANDSHAKES_MAX
    reserved: int = HANDSHAKES_RESERVED
    slots: Slots = field(init=False)
    _seen: dict[str, None] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the slots."""
        self.slots = Slots(self.limit)

    def admits(self, host: str, members: tuple[Member, ...]) -> bool:
        """Return whether a connection from `host` may begin its handshake now."""
        if self.slots.free(self.reserved):
            return True
        return self.slots.free() and (host in self._seen or host in advertised_hosts(members))

    def remember(self, host: str) -> None:
        """Record that a member connected from `host`; the oldest of too many are forgotten."""
        self._seen.pop(host, None)
        self._seen[host] = None
        while len(self._seen) > FAMILIAR_HOSTS_MAX:
            del self._seen[next(iter(self._seen))]


def advertised_hosts(members: tuple[Member, ...]) -> frozenset[str]:
    """Return the literal IP addresses among the members' addresses."""
    hosts = (split_address(m.address)[0] for m in members)
    return frozenset(literal for h in hosts if (literal := plain_host(h)) is not None)


def plain_host(host: str) -> str | None:
    """Return an IP address in its one canonical spelling, or None for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
