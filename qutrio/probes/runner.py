"""Runs one probe until there is a vote: attempts, retries, and protection from prober bugs."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio
from attrs import evolve

from qutrio.model.checks import Check
from qutrio.model.ids import Seconds
from qutrio.model.results import Outcome, Result
from qutrio.plumbing.log import Log, trace_of
from qutrio.probes.attempt import standstill
from qutrio.probes.interface import JUDGE_S_MAX, Tools
from qutrio.probes.observations import Observation, abstain

RETRY_PAUSE_S: Seconds = 0.5
OVERTIME_S: Seconds = JUDGE_S_MAX + 1.0
"""The time beyond its check's timeout after which a prober counts as stuck.  A failed look-up
is judged in this time."""

ON_TIME_S_MAX: Seconds = 0.05
"""A stuck prober is cancelled on time; if it is cancelled later than this, the node was frozen."""

Probe: TypeAlias = Callable[[Check, Tools], Awaitable[Observation]]


async def run_check(check: Check, tools: Tools, probe: Probe, log: Log) -> Result:
    """Probe `check`, retry after a FAIL as often as it allows, and return this node's vote."""
    observation = await _try_once(check, tools, probe, log)
    tries = 1
    while observation.outcome is Outcome.FAIL and tries <= check.retries:
        await trio.sleep(RETRY_PAUSE_S)
        observation = await _try_once(check, tools, probe, log)
        tries += 1
    if tries > 1:
        observation = evolve(observation, detail=f"{observation.detail} (try {tries})")
    return Result(
        check=check.id,
        changed=check.changed,
        outcome=observation.outcome,
        latency_ms=observation.latency_ms,
        detail=observation.detail,
    )


async def _try_once(check: Check, tools: Tools, probe: Probe, log: Log) -> Observation:
    try:
        with trio.move_on_after(check.timeout_s + OVERTIME_S) as limit:
            return await probe(check, tools)
    except Exception as error:  # noqa: BLE001 - a prober's bug costs its vote, not the daemon
        log("a prober failed; please report this bug", check=check.name, traceback=trace_of(error))
        return abstain(f"internal error on this node: {type(error).__name__}")
    if (stood_still := standstill(limit, ON_TIME_S_MAX)) is not None:
        return stood_still
    log("a prober did not end in time; please report this bug", check=check.name)
    return abstain("internal error on this node: the probe did not end in time")
