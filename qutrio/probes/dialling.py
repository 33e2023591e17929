"""Dials a host as browsers do: tries its addresses as RFC 8305 says.

IPv6 and IPv4 addresses alternate.  The next address is tried when one refuses, or is silent for
`ATTEMPT_DELAY_S`; the first whose TCP handshake succeeds is probed.  An address to which this
machine has no route counts neither for nor against the target.
"""

import errno
import ipaddress
from collections.abc import Iterator
from itertools import zip_longest

from attrs import define, field

from qutrio.model.check_base import IpFamily
from qutrio.model.ids import Seconds
from qutrio.probes.attempt import (
    LOCAL_ERRNOS,
    NO_ROUTE_ERRNOS,
    LookUpError,
    Progress,
    explain,
    plain_words,
)
from qutrio.probes.connection import Connection
from qutrio.probes.observations import Addresses, Endpoint, NoAnswer, Observation, abstain, fail
from qutrio.probes.staggered import first_to_win

ATTEMPT_DELAY_S: Seconds = 0.25
ADDRESSES_LISTED_MAX = 4
"""The most addresses listed in one line."""


async def connect(
    host: str, port: int, family: IpFamily, progress: Progress
) -> Connection | Observation:
    """Look up a host and connect to it, or return the vote that ends the probe.

    Raises `LookUpError` when the look-up failed, and `OSError` when a single address could not
    be dialled.
    """
    addresses = await look_up(host, family, progress)
    if isinstance(addresses, Observation):
        return addresses
    if addresses.unanswered is None and len(addresses.endpoints) == 1:
        return await _dial_one(addresses.endpoints[0], port, progress)
    return await _Dialling(host, port, progress).dial(addresses)


async def look_up(host: str, family: IpFamily, progress: Progress) -> Addresses | Observation:
    """Return the addresses of a host, or the vote that ends the probe; raises `LookUpError`."""
    if progress.pinned is not None and progress.pinned[0] == host:
        return Addresses((progress.pinned[1],))
    progress.enter_look_up(host)
    found = await progress.tools.resolver.resolve(host, family)
    if isinstance(found, NoAnswer):
        raise LookUpError(found)
    return _without_unspecified(host, found) if isinstance(found, Addresses) else found


def _without_unspecified(host: str, found: Addresses) -> Addresses | Observation:
    """Remove 0.0.0.0 and ::, which name servers return for names that they block.

    A connection to these would reach this machine itself.
    """
    if not any(_is_unspecified(endpoint.address) for endpoint in found.endpoints):
        return found
    rest = tuple(e for e in found.endpoints if not _is_unspecified(e.address))
    if rest:
        return Addresses(rest, found.unanswered)
    return fail(f"{host[:80]} means {found.endpoints[0].address}, which is not a host's address")


def _is_unspecified(address: str) -> bool:
    if address[0] not in "0:":
        return False
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_unspecified


async def _dial_one(endpoint: Endpoint, port: int, progress: Progress) -> Connection:
    progress.enter(f"connecting to {endpoint.bracketed}:{port}", local=True)
    connection = Connection(endpoint)
    try:
        connection.begin(port)
        progress.local = False
        await connection.wait_connected()
    except BaseException:
        connection.close()
        raise
    return connection


def alternate_families(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Return addresses with the families alternating, IPv6 first."""
    six = [endpoint for endpoint in endpoints if endpoint.is_v6]
    four = [endpoint for endpoint in endpoints if not endpoint.is_v6]
    pairs = zip_longest(six, four)
    return tuple(endpoint for pair in pairs for endpoint in pair if endpoint is not None)


@define(eq=False)
class _Try:
    """One address."""

    endpoint: Endpoint
    port: int
    dialling: "_Dialling"
    connection: Connection | None = None
    error: OSError | None = None
    left: bool = False

    async def run(self) -> bool:
        """Return whether the handshake succeeded; can be cancelled and run again."""
        try:
            if self.connection is None:
                self.connection = Connection(self.endpoint)
                self.connection.begin(self.port)
                self.left = True
                self.dialling.update_progress()
            await self.connection.wait_connected()
        except OSError as error:
            self.error = error
            self.close()
            self.dialling.update_progress()
            return False
        return True

    def close(self) -> None:
        """Close the socket, if there is one."""
        if self.connection is not None:
            self.connection.close()

    @property
    def no_route(self) -> bool:
        """Whether this machine has no route to the address, or lacks IPv6 for it."""
        if self.left or self.error is None:
            return False
        no_v6 = self.endpoint.is_v6 and self.error.errno == errno.EADDRNOTAVAIL
        return no_v6 or self.error.errno in NO_ROUTE_ERRNOS

    def __str__(self) -> str:
        """Return the address and the result."""
        words = "no answer" if self.error is None else plain_words(self.error)
        return f"{self.endpoint.address} ({words})"


@define(eq=False)
class _Dialling:
    """All addresses of a host, in one attempt."""

    host: str
    port: int
    progress: Progress
    _tries: list[_Try] = field(factory=list)

    async def dial(self, addresses: Addresses) -> Connection | Observation:
        """Return the first connection that is made, or the vote when there is none."""
        self.progress.enter(f"connecting to {self.host} port {self.port}", local=True)
        winner: _Try | None = None
        try:
            winner = await self._race(addresses.endpoints)
            if winner is None and addresses.unanswered is not None:
                winner = await self._race(await self._late_addresses(addresses.unanswered))
        finally:
            for one in self._tries:
                if one is not winner:
                    one.close()
        if winner is None or winner.connection is None:
            return self._verdict()
        self._note_failures_before(winner)
        return winner.connection

    def update_progress(self) -> None:
        """Record in the progress what the attempt is doing, for the vote at a timeout."""
        self.progress.local = not any(one.left for one in self._tries)
        listed = _listed(self._tries)
        self.progress.doing = f"connecting to {self.host} port {self.port}: {listed}"

    async def _race(self, endpoints: tuple[Endpoint, ...]) -> _Try | None:
        def tries() -> Iterator[_Try]:
            for endpoint in alternate_families(endpoints):
                self._tries.append(_Try(endpoint, self.port, self))
                yield self._tries[-1]

        return await first_to_win(tries(), ATTEMPT_DELAY_S)

    async def _late_addresses(self, family: IpFamily) -> tuple[Endpoint, ...]:
        """Return the addresses of the family whose look-up was late when dialling began."""
        found = await self.progress.tools.resolver.resolve(self.host, family)
        usable = _without_unspecified(self.host, found) if isinstance(found, Addresses) else found
        return usable.endpoints if isinstance(usable, Addresses) else ()

    def _verdict(self) -> Observation:
        for one in self._tries:
            error = one.error
            if error is not None and error.errno in LOCAL_ERRNOS and not one.no_route:
                return explain(error, self.progress)
        failed = [one for one in self._tries if not one.no_route]
        if failed:
            return fail(f"{self.host} port {self.port} is not reached: {_listed(failed)}")
        self.progress.no_route = True
        return abstain(f"this node has no route to {self.host}: {_listed(self._tries)}")

    def _note_failures_before(self, winner: _Try) -> None:
        before = self._tries[: self._tries.index(winner)]
        failed = [one for one in before if not one.no_route]
        if failed:
            self.progress.notes.append(f"not reached: {_listed(failed)}")


def _listed(tries: list[_Try]) -> str:
    listed = ", ".join(str(one) for one in tries[:ADDRESSES_LISTED_MAX])
    more = len(tries) - ADDRESSES_LISTED_MAX
    return f"{listed} and {more} more" if more > 0 else listed
