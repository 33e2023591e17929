"""The resolver of all probes: shares and caches look-ups, and finds whose fault a failure is.

The first probe that asks for a name looks it up; others wait for the same answer, and one of
them looks up in turn if the first is cancelled at its timeout.  So no look-up outlives its probes.

A name that does not exist is the target's fault, and so is one whose own name servers fail
while other names are answered.  A resolver that answers nothing is this node's fault.
"""

import ipaddress
import re
import socket
from pathlib import Path
from typing import TypeAlias

import trio
from attrs import define, evolve, field, frozen

from qutrio.model.check_base import IpFamily
from qutrio.model.hosts import split_resolver
from qutrio.model.ids import Instant, Seconds
from qutrio.model.results import Outcome
from qutrio.plumbing.clock import Clock
from qutrio.probes.dns.evidence import Evidence
from qutrio.probes.dns.exchange import DNS_PORT, Server
from qutrio.probes.dns.host_settings import ETC, OtherServers, SettingsFiles
from qutrio.probes.dns.look_up import LookUps
from qutrio.probes.dns.message import Question, Reply
from qutrio.probes.dns.names import MalformedError
from qutrio.probes.dns.query import ask
from qutrio.probes.dns.search import Found, policy_of
from qutrio.probes.interface import JUDGE_S_MAX
from qutrio.probes.observations import (
    Addresses,
    Endpoint,
    NoAnswer,
    Observation,
    Resolution,
    abstain,
    fail,
)
from qutrio.probes.threads import FAMILIES, LookUp, ThreadLookUps, endpoint_of, no_host_name

ANSWERS_CACHED_MAX = 4096
FOUND_TTL_S: Seconds = 15.0
MISSING_TTL_S: Seconds = 3.0
SERVER_SETS_MAX = 64
"""Sets of name servers, of checks and of the cluster, whose resolvers are cached."""

Key: TypeAlias = tuple[str, IpFamily]

_NUMERIC = re.compile(r"(0[xX])?[0-9a-fA-F]+(\.(0[xX])?[0-9a-fA-F]+){0,3}")
_IMPOSSIBLE = re.compile(r"[\x00-\x20\x7f\\]|^\.|\.\.|^$")
"""Texts that no host name contains: blanks, empty labels, and a backslash, which would begin an
escape in a DNS name."""


@frozen
class _Cached:
    answer: Resolution
    until: Instant


@define(eq=False)
class _InProgress:
    """A look-up that one task makes for all; if it is done without an answer, it was cancelled."""

    done: trio.Event = field(factory=trio.Event)
    answer: Resolution | None = None


class HostResolver:
    """Looks up names as this machine's own programs do."""

    def __init__(
        self,
        clock: Clock,
        canary_zones: tuple[str, ...] = (),
        *,
        etc: Path = ETC,
        dns_port: int = DNS_PORT,
        look_up: LookUp | None = None,
    ) -> None:
        """Begin with an empty cache.

        `etc` has the host's settings.  `dns_port` is the port of the name servers they name, and
        `look_up` replaces getaddrinfo, for tests.
        """
        self._clock = clock
        self._canary_zones = canary_zones
        self._look_ups = LookUps(clock, ThreadLookUps(look_up), SettingsFiles(etc, dns_port))
        self._by_servers: dict[tuple[str, ...], HostResolver] = {}
        self._evidence = Evidence(clock, canary_zones)
        self._cache: dict[Key, _Cached] = {}
        self._in_progress: dict[Key, _InProgress] = {}

    async def resolve(self, host: str, family: IpFamily) -> Resolution:
        """Return the addresses to dial; the caller's timeout bounds the wait.

        Failures that may be this node's fault are shared with waiting tasks, but not cached.
        """
        key = (host, family)
        cached = self._cache.get(key)
        if cached is not None and self._clock.now() < cached.until:
            return cached.answer
        literal = literal_address(host, family)
        if literal is not None:
            return literal
        while True:
            in_progress = self._in_progress.get(key)
            if in_progress is None:
                return await self._look_up_for_all(key)
            await in_progress.done.wait()
            if in_progress.answer is not None:
                return in_progress.answer

    def with_servers(self, servers: tuple[str, ...]) -> "HostResolver":
        """Return a resolver that asks these name servers instead of the host's, or this one.

        It has a cache of its own, which the next probe that asks the same servers uses.
        """
        if not servers:
            return self
        other = self._by_servers.pop(servers, None)
        if other is None:
            if len(self._by_servers) >= SERVER_SETS_MAX:
                del self._by_servers[next(iter(self._by_servers))]
            other = HostResolver(self._clock, self._canary_zones)
            own = self._look_ups
            settings = OtherServers(own.settings, tuple(map(_server, servers)))
            other._look_ups = LookUps(self._clock, own.threads, settings)
        self._by_servers[servers] = other
        return other

    async def ask(self, question: Question) -> Reply | NoAnswer:
        """Ask the name servers one question about exactly this name; the answer is not cached."""
        since = self._clock.now()
        policy = policy_of((await self._look_ups.settings.current()).resolv)
        reply = await ask(question, policy)
        if isinstance(reply, Reply):
            self._evidence.learn(question.name)
            return reply
        return NoAnswer(question.name, str(reply), since, asked=reply.asked)

    async def judge(self, failure: NoAnswer) -> Observation:
        """Return whose fault a failed look-up is, by evidence gathered after it began."""
        with trio.move_on_after(JUDGE_S_MAX):
            name, policy = await self._look_ups.name_and_policy(failure.host)
            if await self._evidence.works(name, failure.since, policy):
                return fail(
                    f"the name servers of {failure.host[:80]} fail ({failure.why});"
                    " this node's resolver answers for other names"
                )
        return abstain(
            f"this node's resolver gives no answers, not only for {failure.host[:80]}"
            f" ({failure.why})"
        )

    async def _look_up_for_all(self, key: Key) -> Resolution:
        in_progress = self._in_progress[key] = _InProgress()
        try:
            found = await self._find(key)
            in_progress.answer = found.resolution
            self._store(key, found)
            if found.by_dns is not None:
                self._evidence.learn(found.by_dns)
            return found.resolution
        finally:
            del self._in_progress[key]
            in_progress.done.set()

    async def _find(self, key: Key) -> Found:
        host, family = key
        try:
            name = host if host.isascii() else host.encode("idna").decode("ascii")
            if _IMPOSSIBLE.search(name):
                return Found(no_host_name(host))
            return await self._look_ups.find(name, family)
        except (MalformedError, UnicodeError):
            return Found(no_host_name(host))

    def _store(self, key: Key, found: Found) -> None:
        ttl_s = _ttl_s(found)
        self._cache.pop(key, None)
        if ttl_s <= 0:
            return
        if len(self._cache) >= ANSWERS_CACHED_MAX:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = _Cached(found.resolution, Instant(self._clock.now() + ttl_s))


def _server(text: str) -> Server:
    host, port = split_resolver(text)
    found = literal_address(host, IpFamily.ANY)
    assert isinstance(found, Addresses)  # `split_resolver` takes nothing else
    return Server(found.endpoints[0], port)


def _ttl_s(found: Found) -> Seconds:
    """Return how long an answer is cached; 0 for one that may be this node's fault."""
    match found.resolution:
        case Addresses(unanswered=None):
            longest = FOUND_TTL_S
        case Addresses() | Observation(outcome=Outcome.FAIL):
            longest = MISSING_TTL_S
        case _:
            return 0.0
    return longest if found.ttl_s is None else min(longest, float(found.ttl_s))


def literal_address(host: str, family: IpFamily) -> Resolution | None:
    """Return the address that a literal means, without a look-up; None for a name."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return _old_form(host, family) if _NUMERIC.fullmatch(host) else None
    if family is not IpFamily.ANY and family.value != str(version):
        return fail(f"{host} is not an IPv{family.value} address, as the check demands")
    if "%" not in host:
        return Addresses((Endpoint(int(FAMILIES[IpFamily(str(version))]), host),))
    flags = socket.AI_NUMERICHOST
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)[0]
    except OSError:  # a zone such as %eth9 that this machine does not have
        return abstain(f"{host} names a network interface that this node does not have")
    endpoint, zone = endpoint_of(found), host.partition("%")[2]
    return Addresses((evolve(endpoint, address=f"{endpoint.address}%{zone}"),))


def _old_form(host: str, family: IpFamily) -> Resolution | None:
    """Read a form that only inet_aton(3) accepts as an IPv4 address, such as 127.1."""
    try:
        address = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None
    return literal_address(address, family)
