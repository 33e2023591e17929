"""Evidence that this node's resolver works, without which a failed look-up accuses nobody.

The evidence is an answer about a random name that no cache can hold, under a *canary zone*; that
the name does not exist is an answer too.  It must be asked for after the failed look-up began
and be at most `FRESH_S_MAX` old; all probes share it, and its time is not taken from theirs.

A name under one of the configured zones is judged by the innermost of these alone: names that
a resolver forwards to servers of their own say nothing about the others.  For all other names
any of these zones is good: the name's own top domain, which has to be asked on the way to the
name; its own domain, for the case that only the one name fails; and the domains of other names
that this node looked up lately.
"""

import secrets
from collections import OrderedDict

import trio
from attrs import define, evolve, field

from qutrio.model.ids import Instant, Seconds
from qutrio.plumbing.clock import Clock
from qutrio.probes.dns.message import Question, Reply, Type
from qutrio.probes.dns.query import Policy, ask

FRESH_S_MAX: Seconds = 2.0
GATHER_S_MAX: Seconds = 1.5
PAUSE_S: Seconds = 0.25
"""The least time between two questions for the same evidence."""

IMPATIENCE_S: Seconds = 0.4
"""A server that is silent for so long does not keep the next one from being asked."""

CANARIES_MAX = 256
"""Sets of zones about which something is remembered."""

LEARNED_MAX = 64
"""Domains of names that were looked up well."""

LEARNED_ASKED_MAX = 2
OWN_ZONES = 2
"""Zones of the name itself, which come before those of others."""

CANARY_BYTES = 10
_DOMAIN_LABELS = 2
ROOT = ""
"""The owner of what the root says about a top domain that does not exist.  Resolvers keep what
they learned of the root for long, so it proves little where other zones can be asked."""


@define
class _Canary:
    """What is known of one set of zones: when it was asked last, and whether it answered."""

    asked: Instant
    worked: bool | None = None
    done: trio.Event = field(factory=trio.Event)


class Evidence:
    """What this node knows about its resolver."""

    def __init__(self, clock: Clock, zones: tuple[str, ...] = ()) -> None:
        """Start without any; `zones` are the canary zones that the operator named."""
        self._clock = clock
        self._zones = tuple(zone.lower().strip(".") for zone in zones)
        self._learned: OrderedDict[str, None] = OrderedDict()
        self._canaries: dict[tuple[str, ...], _Canary] = {}

    def learn(self, host: str) -> None:
        """Note that a name was looked up well, so that its domain serves as a canary zone."""
        domain = _domain(host)
        self._learned[domain] = None
        self._learned.move_to_end(domain)
        if len(self._learned) > LEARNED_MAX:
            self._learned.popitem(last=False)

    def zones_for(self, host: str) -> tuple[str, ...]:
        """Return the zones of which one must answer, the name's own top domain first."""
        covering = [zone for zone in self._zones if _is_under(host, zone)]
        if covering:
            return (max(covering, key=len),)
        domain = _domain(host)
        others = [zone for zone in reversed(self._learned) if zone != domain]
        return domain.partition(".")[2], domain, *others[:LEARNED_ASKED_MAX]

    async def works(self, host: str, since: Instant, policy: Policy) -> bool:
        """Return whether the resolver answers others, by evidence asked for after `since`."""
        zones = self.zones_for(host)
        while True:
            canary = self._canaries.get(zones)
            if canary is not None and canary.asked >= since:
                await canary.done.wait()
                if canary.worked is not None and self._age(canary) <= FRESH_S_MAX:
                    return canary.worked
            if canary is not None and (pause := PAUSE_S - self._age(canary)) > 0.0:
                await trio.sleep(pause)
            if self._canaries.get(zones) is canary:
                await self._renew(zones, policy)

    def _age(self, canary: _Canary) -> float:
        return self._clock.now() - canary.asked

    async def _renew(self, zones: tuple[str, ...], policy: Policy) -> None:
        self._canaries.pop(zones, None)
        if len(self._canaries) >= CANARIES_MAX:
            del self._canaries[next(iter(self._canaries))]
        canary = self._canaries[zones] = _Canary(self._clock.now())
        try:
            canary.worked = await _any_answers(zones, policy)
        finally:
            canary.done.set()


async def _any_answers(zones: tuple[str, ...], policy: Policy) -> bool:
    quick = evolve(policy, timeout_s=GATHER_S_MAX, impatience_s=IMPATIENCE_S, attempts=2)
    answered: list[Reply] = []

    async def ask_for_one(zone: str) -> None:
        reply = await ask(Question(canary_name(zone), Type.A), quick)
        if isinstance(reply, Reply) and (len(zones) <= OWN_ZONES or reply.zone != ROOT):
            answered.append(reply)
            nursery.cancel_scope.cancel()

    with trio.move_on_after(GATHER_S_MAX):
        async with trio.open_nursery() as nursery:
            for zone in zones:
                nursery.start_soon(ask_for_one, zone)
    return bool(answered)


def canary_name(zone: str) -> str:
    """Return a name in `zone` that nobody has asked for before."""
    label = "qutrio-" + secrets.token_hex(CANARY_BYTES)
    return f"{label}.{zone}" if zone else label


def _domain(host: str) -> str:
    return ".".join(host.lower().strip(".").split(".")[-_DOMAIN_LABELS:])


def _is_under(host: str, zone: str) -> bool:
    return not zone or f".{host.lower().strip('.')}".endswith(f".{zone}")
