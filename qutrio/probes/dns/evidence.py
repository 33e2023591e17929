"""Evidence that this node's resolver works; without it a failed look-up is not the target's fault.

The evidence is an answer about a random name that no cache can hold, under a *canary zone*; that
the name does not exist is an answer too.  It must be asked for after the failed look-up began
and be at most `FRESH_S_MAX` old; all probes share it, and its time is not part of theirs.

A name under one of the configured zones is judged by the innermost of these only: names that
a resolver forwards to special servers prove nothing about other names.  For all other names an
answer from one of these zones is enough: the name's own top domain, which resolvers ask on the
way to the name; its own domain, for the case that only this name fails; and the domains of other
names that this node looked up recently.
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
"""After this silence of a server the next one is asked."""

CANARIES_MAX = 256
"""Sets of zones whose evidence is kept."""

LEARNED_MAX = 64
"""Domains of names that were looked up successfully."""

LEARNED_ASKED_MAX = 2
OWN_ZONES = 2
"""Zones of the name itself, which come before those of others."""

CANARY_BYTES = 10
_DOMAIN_LABELS = 2
ROOT = ""
"""The owner of the root's answer about a top domain that does not exist.  Resolvers cache what
the root says for long, so it proves little where other zones can be asked."""


@define
class _Canary:
    """The last question to one set of zones, and whether it was answered."""

    asked: Instant
    worked: bool | None = None
    done: trio.Event = field(factory=trio.Event)


class Evidence:
    """The evidence that this node has about its resolver."""

    def __init__(self, clock: Clock, zones: tuple[str, ...] = ()) -> None:
        """Start without any; `zones` are the canary zones that the operator named."""
        self._clock = clock
        self._zones = tuple(zone.lower().strip(".") for zone in zones)
        self._learned: OrderedDict[str, None] = OrderedDict()
        self._canaries: dict[tuple[str, ...], _Canary] = {}

    def learn(self, host: str) -> None:
        """Record that a name was looked up, so that its domain can serve as a canary zone."""
        domain = _domain(host)
        self._learned[domain] = None
        self._learned.move_to_end(domain)
        if len(self._learned) > LEARNED_MAX:
            self._learned.popitem(last=False)

    def zones_for(self, host: str) -> tuple[str, ...]:
        """Return the zones, one of which must answer; the name's own top domain is first."""
        covering = [zone for zone in self._zones if _is_under(host, zone)]
        if covering:
            return (max(covering, key=len),)
        domain = _domain(host)
        others = [zone for zone in reversed(self._learned) if zone != domain]
        return domain.partition(".")[2], domain, *others[:LEARNED_ASKED_MAX]

    async def works(self, host: str, since: Instant, policy: Policy) -> bool:
        """Return whether the resolver answers other names, by evidence asked for after `since`."""
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
    """Return a random name in `zone` that was never asked for before."""
    label = "qutrio-" + secrets.token_hex(CANARY_BYTES)
    return f"{label}.{zone}" if zone else label


def _domain(host: str) -> str:
    return ".".join(host.lower().strip(".").split(".")[-_DOMAIN_LABELS:])


def _is_under(host: str, zone: str) -> bool:
    return not zone or f".{host.lower().strip('.')}".endswith(f".{zone}")
