"""The result of a probe, and the result of a look-up."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from qutrio.model.results import Outcome

if TYPE_CHECKING:
    from qutrio.model.check_base import IpFamily
    from qutrio.model.ids import Instant


@frozen
class Observation:
    """The result of one probe.

    `latency_ms` is the time from the start of the probe, look-up included, to the end of the
    answer; it is None when there was no answer.  `detail` is for people.
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
    """A failed look-up; it is the target's fault if this node's resolver works.

    `host` is the full name that was asked for; `why` completes '... could not be looked up: '.
    `since` is when the look-up began.  `asked` is True if a question was sent.
    """

    host: str
    why: str
    since: Instant
    asked: bool = True


Resolution: TypeAlias = Addresses | NoAnswer | Observation
"""The addresses, or a failure; an observation is the vote that ends the probe."""


def abstain(detail: str) -> Observation:
    """Return the vote of a node that cannot judge, and why."""
    return Observation(Outcome.ABSTAIN, None, detail)


def fail(detail: str, latency_ms: float | None = None) -> Observation:
    """Return the vote against the target."""
    return Observation(Outcome.FAIL, latency_ms, detail)
