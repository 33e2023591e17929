"""Probes every address of a host where the check says so; one failure fails the probe."""

from typing import TypeAlias

import trio
from attrs import evolve

from qutrio.model.checks import HttpCheck, TcpCheck
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.results import Outcome
from qutrio.model.tls_check import TlsCheck
from qutrio.probes.attempt import ProbeSteps, Progress, attempt
from qutrio.probes.dialling import ADDRESSES_LISTED_MAX, alternate_families, look_up
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Addresses, Endpoint, Observation, abstain, fail

AT_ONCE_MAX = 8
"""Addresses of one host that are probed at the same time."""

Dialled: TypeAlias = HttpCheck | TcpCheck | TlsCheck | IcmpCheck
_Seen: TypeAlias = list[tuple[Endpoint, Observation, Progress]]


async def attempt_all(check: Dialled, host: str, tools: Tools, steps: ProbeSteps) -> Observation:
    """Run `steps` once, or once for each address of `host` where the check says so."""
    if not check.each_address:
        return await attempt(check, tools, steps)

    progress = Progress(tools, tools.clock.now())
    found: list[Endpoint] = []

    async def look_up_all(progress: Progress) -> Observation:
        addresses = await _all_addresses(host, check, progress)
        if isinstance(addresses, Observation):
            return addresses
        found.extend(addresses)
        return progress.ok("looked up")

    looked_up = await attempt(check, tools, look_up_all, progress)
    if not found:
        return looked_up
    return _joined(await _probe_each(check, tools, steps, progress, host, found))


async def _all_addresses(
    host: str, check: Dialled, progress: Progress
) -> tuple[Endpoint, ...] | Observation:
    """Return every address; raises `LookUpError` while the look-up of one family fails."""
    found = await look_up(host, check.ip_family, progress)
    if isinstance(found, Observation):
        return found
    endpoints = found.endpoints
    if found.unanswered is not None:
        more = await look_up(host, found.unanswered, progress)
        if isinstance(more, Addresses):
            endpoints += more.endpoints
        elif more.outcome is Outcome.ABSTAIN:
            return more
    return alternate_families(endpoints)


async def _probe_each(  # noqa: PLR0917 - what every attempt needs
    check: Dialled,
    tools: Tools,
    steps: ProbeSteps,
    progress: Progress,
    host: str,
    endpoints: list[Endpoint],
) -> _Seen:
    seen: _Seen = []
    slots = trio.CapacityLimiter(AT_ONCE_MAX)

    async def probe_one(endpoint: Endpoint) -> None:
        async with slots:
            own = evolve(progress, pinned=(host, endpoint), notes=[])
            seen.append((endpoint, await attempt(check, tools, steps, own), own))

    async with trio.open_nursery() as nursery:
        for endpoint in endpoints:
            nursery.start_soon(probe_one, endpoint)
    return seen


def _joined(seen: _Seen) -> Observation:
    """Return one vote; an address without a route from this node does not count."""
    reached = [entry for entry in seen if not entry[2].no_route]
    for outcome, vote in ((Outcome.FAIL, fail), (Outcome.ABSTAIN, abstain)):
        bad = [entry for entry in reached or seen if entry[1].outcome is outcome]
        if bad:
            listed = "; ".join(f"{e.address}: {o.detail}" for e, o, _ in bad[:ADDRESSES_LISTED_MAX])
            return vote(f"{len(bad)} of {len(seen)} addresses: {listed}")
    latency_ms = max(observation.latency_ms or 0.0 for _, observation, _ in reached)
    _, first, _ = reached[0]
    return Observation(Outcome.OK, latency_ms, f"all {len(reached)} addresses: {first.detail}")
