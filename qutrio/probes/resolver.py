"""The resolver of all probes: shares look-ups, remembers them briefly, and says whose fault.

Whoever asks first looks up; who asks meanwhile waits for the same answer, and looks up in turn
if the first is cancelled, because its probe's time is over.  So no look-up outlives its probes.

A name that does not exist is the target's fault, and so is one whose own name servers fail
while others are answered.  A resolver that answers nothing is this node's.
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

ANSWERS_KEPT_MAX = 4096
FOUND_TTL_S: Seconds = 15.0
MISSING_TTL_S: Seconds = 3.0
SERVER_SETS_MAX = 64
"""Sets of name servers, of checks and of the cluster, about which something is remembered."""

Key: TypeAlias = tuple[str, IpFamily]

_NUMERIC = re.compile(r"(0[xX])?[0-9a-fA-F]+(\.(0[xX])?[0-9a-fA-F]+){0,3}")
_IMPOSSIBLE = re.compile(r"[\x00-\x20\x7f\\]|^\.|\.\.|^$")
"""What no name of a host has: blanks, empty labels, and a backslash, which would begin an
escape in a name of DNS."""


@frozen
class _Kept:
    answer: Resolution
    until: Instant


@define(eq=False)
class _UnderWay:
    """A look-up that somebody does for all; without an answer at its end it was cancelled."""

    done: trio.Event = field(factory=trio.Event)
    answer: Resolution | None = None


class HostResolver:
    """Looks up as this host's own programs do."""

    def __init__(
        self,
        clock: Clock,
        canary_zones: tuple[str, ...] = (),
        *,
        etc: Path = ETC,
        dns_port: int = DNS_PORT,
        look_up: LookUp | None = None,
    ) -> None:
        """Start with nothing known.

        `etc` has the host's settings.  `dns_port` is that of the name servers they name, and
        `look_up` stands in for getaddrinfo, for tests.
        """
        self._clock = clock
        self._canary_zones = canary_zones
        self._look_ups = LookUps(clock, ThreadLookUps(look_up), SettingsFiles(etc, dns_port))
        self._asking: dict[tuple[str, ...], HostResolver] = {}
        self._evidence = Evidence(clock, canary_zones)
        self._kept: dict[Key, _Kept] = {}
        self._under_way: dict[Key, _UnderWay] = {}

    async def resolve(self, host: str, family: IpFamily) -> Resolution:
        """Return the addresses to dial; the caller's timeout bounds the wait.

        Failures that may be this node's are shared with who waits, and not remembered.
        """
        key = (host, family)
        kept = self._kept.get(key)
        if kept is not None and self._clock.now() < kept.until:
            return kept.answer
        literal = literal_address(host, family)
        if literal is not None:
            return literal
        while True:
            under_way = self._under_way.get(key)
            if under_way is None:
                return await self._lead(key)
            await under_way.done.wait()
            if under_way.answer is not None:
                return under_way.answer

    def asking(self, servers: tuple[str, ...]) -> "HostResolver":
        """Return a resolver that asks these name servers in place of the host's, or this one.

        What it knows is its own, and is kept for the next probe that asks the same servers.
        """
        if not servers:
            return self
        other = self._asking.pop(servers, None)
        if other is None:
            if len(self._asking) >= SERVER_SETS_MAX:
                del self._asking[next(iter(self._asking))]
            other = HostResolver(self._clock, self._canary_zones)
            own = self._look_ups
            settings = OtherServers(own.settings, tuple(map(_server, servers)))
            other._look_ups = LookUps(self._clock, own.threads, settings)
        self._asking[servers] = other
        return other

    async def ask(self, question: Question) -> Reply | NoAnswer:
        """Ask the name servers one question about exactly this name; nothing is remembered."""
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
            name, policy = await self._look_ups.asked_for(failure.host)
            if await self._evidence.works(name, failure.since, policy):
                return fail(
                    f"the name servers of {failure.host[:80]} fail ({failure.why});"
                    " this node's resolver answers for other names"
                )
        return abstain(
            f"this node's resolver gives no answers, not only for {failure.host[:80]}"
            f" ({failure.why})"
        )

    async def _lead(self, key: Key) -> Resolution:
        under_way = self._under_way[key] = _UnderWay()
        try:
            found = await self._find(key)
            under_way.answer = found.resolution
            self._keep(key, found)
            if found.by_dns is not None:
                self._evidence.learn(found.by_dns)
            return found.resolution
        finally:
            del self._under_way[key]
            under_way.done.set()

    async def _find(self, key: Key) -> Found:
        host, family = key
        try:
            name = host if host.isascii() else host.encode("idna").decode("ascii")
            if _IMPOSSIBLE.search(name):
                return Found(no_host_name(host))
            return await self._look_ups.find(name, family)
        except (MalformedError, UnicodeError):
            return Found(no_host_name(host))

    def _keep(self, key: Key, found: Found) -> None:
        ttl_s = _ttl_s(found)
        self._kept.pop(key, None)
        if ttl_s <= 0:
            return
        if len(self._kept) >= ANSWERS_KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = _Kept(found.resolution, Instant(self._clock.now() + ttl_s))


def _server(text: str) -> Server:
    host, port = split_resolver(text)
    found = literal_address(host, IpFamily.ANY)
    assert isinstance(found, Addresses)  # `split_resolver` takes nothing else
    return Server(found.endpoints[0], port)


def _ttl_s(found: Found) -> Seconds:
    """Return how long an answer is kept; 0 for what may be this node's fault."""
    match found.resolution:
        case Addresses(unanswered=None):
            longest = FOUND_TTL_S
        case Addresses() | Observation(outcome=Outcome.FAIL):
            longest = MISSING_TTL_S
        case _:
            return 0.0
    return longest if found.ttl_s is None else min(longest, float(found.ttl_s))


def literal_address(host: str, family: IpFamily) -> Resolution | None:
    """Return what a literal address stands for, without any look-up; None for a name."""
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
    """Read what only inet_aton(3) takes for an IPv4 address, such as 127.1."""
    try:
        address = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None
    return literal_address(address, family)
