"""The interface of probers, and of the tools that they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import frozen

from qutrio.model.check_base import CheckBase

if TYPE_CHECKING:
    from ssl import SSLContext

    from qutrio.model.check_base import IpFamily
    from qutrio.model.ids import Seconds
    from qutrio.plumbing.clock import Clock
    from qutrio.probes.dns.message import Question, Reply
    from qutrio.probes.observations import NoAnswer, Observation, Resolution


class Resolver(Protocol):
    """Finds the addresses of a host."""

    async def resolve(self, host: str, family: IpFamily) -> Resolution:
        """Return the addresses, or why there are none."""
        ...

    async def ask(self, question: Question) -> Reply | NoAnswer:
        """Ask the name servers one question; the caller's timeout bounds the wait."""
        ...

    def with_servers(self, servers: tuple[str, ...]) -> Resolver:
        """Return a resolver that asks these name servers, or this one if there are none."""
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
        """Release the resources of the searches."""
        ...


@frozen
class TlsContexts:
    """The client contexts that all probes share: making one takes about 40 ms.

    `any_name` verifies the chain, but not the name in the certificate.
    `has_authorities` is False on a machine without CA certificates, which cannot verify any
    certificate, so that its node abstains.
    """

    verified: SSLContext
    unverified: SSLContext
    any_name: SSLContext
    has_authorities: bool = True


@frozen(kw_only=True)
class Tools:
    """The tools of every prober."""

    resolver: Resolver
    tls: TlsContexts
    clock: Clock
    patterns: PatternMatcher


CheckT_contra = TypeVar("CheckT_contra", bound=CheckBase, contravariant=True)


class Prober(Protocol[CheckT_contra]):
    """Probes one kind of check once, within the check's timeout.

    Everything that the target does becomes an observation.  An exception is a bug, which the
    caller turns into an abstention.
    """

    async def __call__(self, check: CheckT_contra, tools: Tools) -> Observation:
        """Probe `check` now."""
        ...
