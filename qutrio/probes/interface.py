"""What a prober is given, and what it returns."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from attrs import frozen

from qutrio.model.check_base import CheckBase, IpFamily
from qutrio.model.results import Outcome

if TYPE_CHECKING:
    from ssl import SSLContext

    from qutrio.model.ids import Instant, Seconds
    from qutrio.plumbing.clock import Clock
    from qutrio.probes.dns.message import Question, Reply


@frozen
class Observation:
    """What one probe saw.

    `latency_ms` counts from the start of the probe, name look-up included, to the end of the
    answer; it is None where there was no answer.  `detail` is for people.
    """

    outcome: Outcome
    latency_ms: float | None
    detail: str


@frozen
class Endpoint:
    """One literal address to dial.  `family` is AF_INET or AF_INET6."""

    family: int
    address: str
    scope: int = 0

    @property
    def is_v6(self) -> bool:
        """Whether this is an IPv6 address."""
        return self.family == socket.AF_INET6

    @property
    def bracketed(self) -> str:
        """The address as it is written before a port."""
        return f"[{self.address}]" if self.is_v6 else self.address

    def at(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return the socket address of a port there."""
        if self.family == socket.AF_INET:
            return self.address, port
        return self.address, port, 0, self.scope


@frozen
class Addresses:
    """The addresses of a name, in the order in which they are tried; at least one.

    `unanswered` is the family that may have more: its look-up failed or is late.
    """

    endpoints: tuple[Endpoint, ...]
    unanswered: IpFamily | None = None


@frozen
class NoAnswer:
    """A look-up that failed, by the target's fault if this node's resolver works.

    `host` is the full name that was asked for; `why` completes '... could not be looked up: '.
    `since` is when the look-up began.  `asked` tells whether any question left this node.
    """

    host: str
    why: str
    since: Instant
    asked: bool = True


Resolution: TypeAlias = Addresses | NoAnswer | Observation
"""Where to dial, or why nowhere; an observation is the vote that ends the probe instead."""


class Resolver(Protocol):
    """Turns a host into the addresses that are dialled."""

    async def resolve(self, host: str, family: IpFamily) -> Resolution:
        """Return the addresses, or what keeps the probe from dialling."""
        ...

    async def ask(self, question: Question) -> Reply | NoAnswer:
        """Ask the name servers one question; the caller's timeout bounds the wait."""
        ...

    def asking(self, servers: tuple[str, ...]) -> Resolver:
        """Return a resolver that asks these name servers; without any, this one."""
        ...

    async def judge(self, failure: NoAnswer) -> Observation:
        """Return whose fault a failed look-up is; takes up to `JUDGE_S_MAX`."""
        ...


JUDGE_S_MAX: Seconds = 2.0


class PatternMatcher(Protocol):
    """Searches untrusted text with an operator's regular expression, in bounded time."""

    async def search(self, pattern: str, text: str) -> bool | Observation:
        """Return whether the pattern occurs, or the observation that ends the probe."""
        ...

    async def aclose(self) -> None:
        """Let go of what the searches needed."""
        ...


@frozen
class TlsContexts:
    """The client contexts that all probes share: making one costs about 40 ms.

    `any_name` verifies the chain, but not for whom the certificate is.
    `has_authorities` is False on a machine without CA certificates: there no certificate can
    be judged, so its node abstains.
    """

    verified: SSLContext
    unverified: SSLContext
    any_name: SSLContext
    has_authorities: bool = True


@frozen(kw_only=True)
class Tools:
    """What every prober works with."""

    resolver: Resolver
    tls: TlsContexts
    clock: Clock
    patterns: PatternMatcher


CheckT_contra = TypeVar("CheckT_contra", bound=CheckBase, contravariant=True)


class Prober(Protocol[CheckT_contra]):
    """Probes one kind of check once, within the check's timeout.

    Whatever the target does becomes an observation.  An exception is a bug, and is counted as
    an abstention by the caller.
    """

    async def __call__(self, check: CheckT_contra, tools: Tools) -> Observation:
        """Probe `check` now."""
        ...


def abstain(detail: str) -> Observation:
    """Return the vote of a node that cannot judge, and why."""
    return Observation(Outcome.ABSTAIN, None, detail)


def fail(detail: str, latency_ms: float | None = None) -> Observation:
    """Return the vote against the target."""
    return Observation(Outcome.FAIL, latency_ms, detail)
