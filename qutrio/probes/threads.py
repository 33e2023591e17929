"""Looks up names with getaddrinfo in threads, for sources that only the C library can ask.

getaddrinfo() cannot be cancelled, so a look-up outlives a probe that was cancelled.  Hence:

* at most one thread works on a name at a time, and its answer is shared by all that ask for it;
* at most `LOOK_UPS_AT_ONCE_MAX` threads work, none of them trio's default ones, so a name
  server that hangs does not delay disk writes, and delays other names only when many hang;
* a queued look-up that no task waits for any more is not started.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import trio
from attrs import define, field

from qutrio.model.check_base import IpFamily
from qutrio.probes.observations import Addresses, Endpoint, Observation, abstain, fail

LOOK_UPS_AT_ONCE_MAX = 64

Found: TypeAlias = Addresses | Observation
LookUp: TypeAlias = Callable[[str, IpFamily], Found]
Key: TypeAlias = tuple[str, IpFamily]

FAMILIES = {
    IpFamily.ANY: socket.AF_UNSPEC,
    IpFamily.V4: socket.AF_INET,
    IpFamily.V6: socket.AF_INET6,
}
_MISSING = {
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
}


@define(eq=False)
class _Pending:
    """A look-up that is queued or in progress."""

    key: Key
    done: trio.Event = field(factory=trio.Event)
    waiting: int = 0
    answer: Found | None = None


class ThreadLookUps:
    """The machine's own resolver, in threads."""

    def __init__(self, look_up: LookUp | None = None) -> None:
        """Begin without look-ups; `look_up` blocks, and replaces getaddrinfo in tests."""
        self._look_up = look_up or look_up_addresses
        self._pending: dict[Key, _Pending] = {}
        self._queue: dict[Key, _Pending] = {}
        self._working = 0

    async def find(self, host: str, family: IpFamily) -> Found:
        """Return the addresses; an error of this machine is an abstention."""
        key = (host, family)
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

    def _finish(self, pending: _Pending, answer: Found) -> None:
        self._working -= 1
        del self._pending[pending.key]
        pending.answer = answer
        pending.done.set()
        self._start_more()


def look_up_addresses(host: str, family: IpFamily) -> Found:
    """Call getaddrinfo; blocks."""
    try:
        found = socket.getaddrinfo(host, None, FAMILIES[family], socket.SOCK_STREAM)
    except socket.gaierror as error:
        return _unresolved(host, family, error)
    except ValueError:  # UnicodeError is one: a label too long, a NUL
        return no_host_name(host)
    except OSError as error:
        return abstain(f"the resolver of this node failed: {error.strerror}")
    return Addresses(tuple(dict.fromkeys(endpoint_of(entry) for entry in found)))


def _unresolved(host: str, family: IpFamily, error: socket.gaierror) -> Observation:
    if error.errno in _MISSING:
        return missing(host, family)
    return abstain(f"the resolver of this node gave no answer for {host[:80]}: {error.strerror}")


def missing(host: str, family: IpFamily) -> Observation:
    """Return the vote against a name without addresses of a family."""
    what = {
        IpFamily.ANY: "has no address",
        IpFamily.V4: "has no IPv4 address",
        IpFamily.V6: "has no IPv6 address",
    }
    return fail(f"{host[:80]} does not exist or {what[family]}")


def no_host_name(host: str) -> Observation:
    """Return the vote against a text that cannot be a host name."""
    return fail(f"{host[:80]!r} is not a host name")


def endpoint_of(found: tuple[int, int, int, str, tuple[object, ...]]) -> Endpoint:
    """Return the address in one entry of getaddrinfo's result."""
    family, address = found[0], found[4]
    scope = address[3] if family == socket.AF_INET6 else 0
    assert isinstance(scope, int)  # getaddrinfo's documented shape
    return Endpoint(int(family), str(address[0]), scope)
