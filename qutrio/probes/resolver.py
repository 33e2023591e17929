"""Name look-ups in threads of their own, shared and remembered briefly.

getaddrinfo() cannot be cancelled, so a look-up outlives the probe that gave up on it.  Hence:

* at most one thread works on a name at a time, and whoever asks meanwhile shares its answer;
* at most `LOOK_UPS_AT_ONCE_MAX` threads work, none of them trio's default ones, so a name
  server that hangs does not hold up disk writes, and holds up other names only in great number;
* a look-up that nobody waits for any more is not begun.

A name that does not exist is the target's fault.  A resolver that does not answer is ours.
"""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import trio
from attrs import define, field, frozen

from qutrio.model.check_base import IpFamily
from qutrio.model.ids import Instant, Seconds
from qutrio.model.results import Outcome
from qutrio.plumbing.clock import Clock
from qutrio.probes.interface import Endpoint, Observation, Resolution, abstain, fail

LOOK_UPS_AT_ONCE_MAX = 64
ANSWERS_KEPT_MAX = 4096
FOUND_TTL_S: Seconds = 15.0
MISSING_TTL_S: Seconds = 3.0

LookUp: TypeAlias = Callable[[str, IpFamily], Resolution]
Key: TypeAlias = tuple[str, IpFamily]

_FAMILIES = {
    IpFamily.ANY: socket.AF_UNSPEC,
    IpFamily.V4: socket.AF_INET,
    IpFamily.V6: socket.AF_INET6,
}
_MISSING = {
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
}


@frozen
class _Kept:
    answer: Resolution
    until: Instant


@define(eq=False)
class _Pending:
    """A look-up that is wanted, or under way."""

    key: Key
    done: trio.Event = field(factory=trio.Event)
    waiting: int = 0
    answer: Resolution | None = None


class ThreadResolver:
    """The machine's own resolver, in threads."""

    def __init__(self, clock: Clock, look_up: LookUp | None = None) -> None:
        """Start empty; `look_up` blocks, and stands in for getaddrinfo in tests."""
        self._clock = clock
        self._look_up = look_up or look_up_address
        self._kept: dict[Key, _Kept] = {}
        self._pending: dict[Key, _Pending] = {}
        self._queue: dict[Key, _Pending] = {}
        self._working = 0

    async def resolve(self, host: str, family: IpFamily) -> Resolution:
        """Return the address to dial; the caller's timeout bounds the wait.

        A local fault is an abstention and is not remembered, only shared.
        """
        key = (host, family)
        kept = self._kept.get(key)
        if kept is not None and self._clock.now() < kept.until:
            return kept.answer
        literal = _literal(host, family)
        if literal is not None:
            return literal
        return await self._shared(key)

    async def _shared(self, key: Key) -> Resolution:
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = self._queue[key] = _Pending(key)
            self._start_more()
        pending.waiting += 1
        try:
            await pending.done.wait()
        finally:
            pending.waiting -= 1
            if not pending.waiting and self._queue.get(key) is pending:
                del self._queue[key], self._pending[key]
        assert pending.answer is not None  # `_finish` sets it before `done`
        return pending.answer

    def _start_more(self) -> None:
        while self._queue and self._working < LOOK_UPS_AT_ONCE_MAX:
            pending = self._queue.pop(next(iter(self._queue)))
            self._working += 1
            self._start(pending, trio.lowlevel.current_trio_token())

    def _start(self, pending: _Pending, token: trio.lowlevel.TrioToken) -> None:
        def work() -> None:
            try:
                answer = self._look_up(*pending.key)
            except Exception as error:  # noqa: BLE001 - a bug must not leave probes waiting
                answer = abstain(f"the name look-up broke: {type(error).__name__}")
            with suppress(trio.RunFinishedError):  # the daemon ended first
                token.run_sync_soon(self._finish, pending, answer)

        trio.lowlevel.start_thread_soon(work, lambda _: None, "qutrio look-up")

    def _finish(self, pending: _Pending, answer: Resolution) -> None:
        self._working -= 1
        del self._pending[pending.key]
        pending.answer = answer
        pending.done.set()
        self._keep(pending.key, answer)
        self._start_more()

    def _keep(self, key: Key, answer: Resolution) -> None:
        if isinstance(answer, Observation) and answer.outcome is Outcome.ABSTAIN:
            return
        ttl = FOUND_TTL_S if isinstance(answer, Endpoint) else MISSING_TTL_S
        self._kept.pop(key, None)
        if len(self._kept) >= ANSWERS_KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = _Kept(answer, Instant(self._clock.now() + ttl))


def look_up_address(host: str, family: IpFamily) -> Resolution:
    """Ask the machine's resolver, blocking; the first address it prefers is the answer."""
    try:
        found = socket.getaddrinfo(host, None, _FAMILIES[family], socket.SOCK_STREAM)
    except socket.gaierror as error:
        return _unresolved(host, family, error)
    except ValueError:  # UnicodeError is one: a label too long, a NUL
        return fail(f"{host[:80]!r} is not a host name")
    except OSError as error:
        return abstain(f"the resolver of this node failed: {error.strerror}")
    return _endpoint(found[0])


def _unresolved(host: str, family: IpFamily, error: socket.gaierror) -> Observation:
    if error.errno in _MISSING:
        what = {
            IpFamily.ANY: "has no address",
            IpFamily.V4: "has no IPv4 address",
            IpFamily.V6: "has no IPv6 address",
        }
        return fail(f"{host[:80]} does not exist or {what[family]}")
    return abstain(f"the resolver of this node gave no answer for {host[:80]}: {error.strerror}")


def _literal(host: str, family: IpFamily) -> Resolution | None:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if family is not IpFamily.ANY and family.value != str(version):
        return fail(f"{host} is not an IPv{family.value} address, as the check demands")
    if "%" not in host:
        return Endpoint(int(_FAMILIES[IpFamily(str(version))]), host)
    flags = socket.AI_NUMERICHOST
    try:
        return _endpoint(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)[0])
    except OSError:  # a zone such as %eth9 that this machine does not have
        return abstain(f"{host} names a network interface that this node does not have")


def _endpoint(found: tuple[int, int, int, str, tuple[object, ...]]) -> Endpoint:
    family, address = found[0], found[4]
    scope = address[3] if family == socket.AF_INET6 else 0
    host = str(address[0])
    assert isinstance(scope, int)  # getaddrinfo's documented shape
    return Endpoint(int(family), host, scope)
