"""One bounded attempt: times it, and turns errors into a vote, by whose fault they are.

A prober records in its `Progress` what it is doing, and whose fault a failure of that would be.
The vote says this when the time is over or the operating system refuses.  A node that notices
the end of the time much too late stood still itself (frozen, suspended, starved of processor
time); it does not know whether the target would have answered in time, and abstains.
"""

import errno
import os
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio
from attrs import define, field

from qutrio.errors import plain_reason
from qutrio.model.check_base import CheckBase
from qutrio.model.ids import Instant, Seconds
from qutrio.model.results import Outcome
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Endpoint, NoAnswer, Observation, abstain, fail

NO_ROUTE_ERRNOS = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EAFNOSUPPORT,
        errno.EACCES,
        errno.EPERM,
        errno.EINVAL,
    }
)
"""Errors of connect() itself where this machine cannot reach an address: there is no route, or
a local firewall rule forbids it."""

LOCAL_ERRNOS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EACCES,
        errno.EPERM,
        errno.EAFNOSUPPORT,
        errno.EINVAL,
    }
)
"""Errors that only this machine can cause: limits, its firewall, its lack of addresses."""

STANDSTILL_S_MIN: Seconds = 1.0
"""From this delay on, a timeout that is noticed late counts as a standstill of this node."""

_PLAIN_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by the target",
    errno.EPIPE: "connection closed by the target",
    errno.ETIMEDOUT: "no answer",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "network unreachable",
    errno.EMFILE: "too many open files on this node",
    errno.ENFILE: "too many open files on this node",
    errno.EACCES: "not permitted on this node (firewall?)",
    errno.EPERM: "not permitted on this node (firewall?)",
    errno.EADDRNOTAVAIL: "no local address or port left on this node",
}


@define
class Progress:
    """What an attempt is doing now.

    `local` is True while only this node can be the cause of a failure.  `started` is in
    seconds of the probe's clock.  `looking_up` is the name that is being looked up, and when
    that began.  `pinned` is the only address of a host that is to be dialled.  `no_route` is True
    when this machine has no route to the target.  `notes` are added to the detail of a probe
    that succeeds.
    """

    tools: Tools
    started: Instant
    doing: str = "starting"
    local: bool = True
    looking_up: tuple[str, Instant] | None = None
    pinned: tuple[str, Endpoint] | None = None
    no_route: bool = False
    notes: list[str] = field(factory=list)

    def enter(self, doing: str, *, local: bool = False) -> None:
        """Record the next step; `doing` completes the sentence 'no answer while ...'."""
        self.doing = doing
        self.local = local
        self.looking_up = None

    def enter_look_up(self, host: str) -> None:
        """Record that the next step looks up a name."""
        self.enter(f"looking up {host}", local=True)
        self.looking_up = (host, self.tools.clock.now())

    def remaining_s(self, timeout_s: Seconds) -> Seconds:
        """Return the rest of a time limit that began with the attempt."""
        return max(0.0, timeout_s - (self.tools.clock.now() - self.started))

    def elapsed_ms(self) -> float:
        """Return the milliseconds since the attempt began."""
        return round((self.tools.clock.now() - self.started) * 1000.0, 3)

    def ok(self, detail: str) -> Observation:
        """Return the vote for the target, with the time it took."""
        noted = "; ".join([detail, *self.notes])
        return Observation(Outcome.OK, self.elapsed_ms(), noted)

    def fail(self, detail: str) -> Observation:
        """Return the vote against a target that answered, with the time it took."""
        return fail(detail, self.elapsed_ms())


class LookUpError(Exception):
    """The look-up of an attempt has failed, and it is not known yet whose fault that is."""

    def __init__(self, failure: NoAnswer) -> None:
        """Keep the failed look-up."""
        super().__init__(failure.host, failure.why)
        self.failure = failure


ProbeSteps: TypeAlias = Callable[[Progress], Awaitable[Observation]]


async def attempt(
    check: CheckBase, tools: Tools, steps: ProbeSteps, progress: Progress | None = None
) -> Observation:
    """Run `steps` within the check's timeout; an `OSError` or a timeout becomes a vote.

    When a look-up failed, the resolver finds whose fault that is, which may take longer than
    the timeout.  `progress` is that of an attempt that has begun already.
    """
    progress = progress or Progress(tools, tools.clock.now())
    failure: NoAnswer | None = None
    with trio.move_on_after(progress.remaining_s(check.timeout_s)) as limit:
        try:
            return await steps(progress)
        except OSError as error:
            return explain(error, progress)
        except LookUpError as error:
            failure = error.failure
    if failure is None:
        if (stood_still := standstill(limit)) is not None:
            return stood_still
        failure = _late_look_up(check, progress)
    if failure is not None:
        return await tools.resolver.judge(failure)
    late = f"no answer within {check.timeout_s:g}s while {progress.doing}"
    return abstain(late) if progress.local else fail(late)


def _late_look_up(check: CheckBase, progress: Progress) -> NoAnswer | None:
    if progress.looking_up is None:
        return None
    host, since = progress.looking_up
    return NoAnswer(host, f"no answer within {check.timeout_s:g}s", since)


def standstill(
    limit: trio.CancelScope, late_s_min: Seconds = STANDSTILL_S_MIN
) -> Observation | None:
    """Return the vote of a node that noticed the end of this limit much too late, or None."""
    late_s = trio.current_time() - limit.deadline
    if late_s < late_s_min:
        return None
    return abstain(f"this node itself stood still for {late_s:.1f}s (frozen, or overloaded)")


def explain(error: OSError, progress: Progress) -> Observation:
    """Return the vote for an error of the operating system or of TLS."""
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error, progress)
    progress.no_route = progress.local and error.errno in NO_ROUTE_ERRNOS
    detail = f"{plain_words(error)} while {progress.doing}"
    return abstain(detail) if progress.local or error.errno in LOCAL_ERRNOS else fail(detail)


def plain_words(error: OSError) -> str:
    """Return what an operating system's error means."""
    code = error.errno or 0
    return _PLAIN_WORDS.get(code) or (os.strerror(code).lower() if code else plain_reason(error))


def _explain_tls(error: ssl.SSLError, progress: Progress) -> Observation:
    if isinstance(error, ssl.SSLCertVerificationError):
        if not progress.tools.tls.has_authorities:
            return abstain("this node has no CA certificates; install ca-certificates")
        return progress.fail(f"certificate not accepted: {error.verify_message.rstrip('.')}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return fail(f"connection closed by the target while {progress.doing}")
    reason = (error.reason or "unknown error").replace("_", " ").lower()
    return fail(f"TLS error while {progress.doing}: {reason}")
