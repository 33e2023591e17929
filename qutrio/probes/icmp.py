"""The ICMP prober: up means that an address of the host answers an echo request.

The addresses of a name are tried in turn, as for a connection: the next one when the last one
is out of reach, or has been silent for `REPEAT_S`.
"""

from collections.abc import Iterator

from attrs import define, field

from qutrio.model.icmp_check import IcmpCheck
from qutrio.probes.attempt import NO_ROUTE_ERRNOS, Progress, explain, plain_words
from qutrio.probes.dialling import ADDRESSES_LISTED_MAX, alternate_families, look_up
from qutrio.probes.each_address import attempt_all
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Endpoint, Observation, abstain, fail
from qutrio.probes.ping import REPEAT_S, Ping, PingForbiddenError
from qutrio.probes.staggered import first_to_win

FORBIDDEN = (
    "this node may not send pings; as root, run "
    "'sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"' on it"
)


async def probe_icmp(check: IcmpCheck, tools: Tools) -> Observation:
    """Ask for an echo until one comes or the check's time is over."""

    async def steps(progress: Progress) -> Observation:
        addresses = await look_up(check.host, check.ip_family, progress)
        if isinstance(addresses, Observation):
            return addresses
        echoes = _Echoes(check.host, progress)
        try:
            return await echoes.ask(alternate_families(addresses.endpoints))
        except PingForbiddenError:
            return abstain(FORBIDDEN)
        finally:
            echoes.close()

    return await attempt_all(check, check.host, tools, steps)


@define(eq=False)
class _Echo:
    """The requests to one address."""

    endpoint: Endpoint
    echoes: "_Echoes"
    ping: Ping | None = None
    error: OSError | None = None

    async def run(self) -> bool:
        """Return whether a request was answered; can be cancelled and run again."""
        try:
            if self.ping is None:
                self.ping = Ping(self.endpoint)
                self.ping.begin()
                self.echoes.update_progress()
            await self.ping.wait_answered()
        except OSError as error:
            self.error = error
            self.echoes.update_progress()
            return False
        return True

    @property
    def no_route(self) -> bool:
        """Whether this machine has no route to the address."""
        return self.error is not None and self.error.errno in NO_ROUTE_ERRNOS and not self.was_sent

    @property
    def was_sent(self) -> bool:
        """Whether a request has left this machine."""
        return self.ping is not None and self.ping.sent > 0

    def __str__(self) -> str:
        """Return the address and the result."""
        words = "no answer" if self.error is None else plain_words(self.error)
        return f"{self.endpoint.address} ({words})"


@define(eq=False)
class _Echoes:
    """The requests to all addresses of a host."""

    host: str
    progress: Progress
    _tried: list[_Echo] = field(factory=list)

    async def ask(self, endpoints: tuple[Endpoint, ...]) -> Observation:
        """Return the vote: ok with the first answer."""
        self.progress.enter(f"pinging {self.host}", local=True)

        def echoes() -> Iterator[_Echo]:
            for endpoint in endpoints:
                self._tried.append(_Echo(endpoint, self))
                yield self._tried[-1]

        winner = await first_to_win(echoes(), REPEAT_S)
        if winner is None:
            return self._verdict()
        failed = [e for e in self._tried if e is not winner and not e.no_route]
        if failed:
            self.progress.notes.append(f"not reached: {_listed(failed)}")
        return self.progress.ok(f"echo from {winner.endpoint.address}")

    def update_progress(self) -> None:
        """Record in the progress what the attempt is doing, for the vote at a timeout."""
        self.progress.local = not any(echo.was_sent for echo in self._tried)
        self.progress.doing = f"pinging {self.host}: {_listed(self._tried)}"

    def close(self) -> None:
        """Close the sockets."""
        for echo in self._tried:
            if echo.ping is not None:
                echo.ping.close()

    def _verdict(self) -> Observation:
        failed = [echo for echo in self._tried if not echo.no_route]
        if not failed:
            self.progress.no_route = True
            return abstain(f"this node has no route to {self.host}: {_listed(self._tried)}")
        for echo in failed:
            if echo.error is not None and not echo.was_sent:
                self.progress.local = True
                return explain(echo.error, self.progress)
        return fail(f"{self.host} is not reached: {_listed(failed)}")


def _listed(echoes: list[_Echo]) -> str:
    listed = ", ".join(str(echo) for echo in echoes[:ADDRESSES_LISTED_MAX])
    more = len(echoes) - ADDRESSES_LISTED_MAX
    return f"{listed} and {more} more" if more > 0 else listed
