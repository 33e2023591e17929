"""One probe: retries, bugs, and the time limit of a prober that does not end."""

import pytest
import trio
import trio.testing
from attrs import evolve

from qutrio.model.checks import Check, TcpCheck
from qutrio.model.ids import CheckId, Revision
from qutrio.model.results import Outcome
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation, abstain, fail
from qutrio.probes.runner import RETRY_PAUSE_S, run_check
from tests.probes.lines import Lines

CHECK = TcpCheck(
    id=CheckId("c1"), name="ssh", address="127.0.0.1:22", changed=Revision(7), retries=2
)
FINE = Observation(Outcome.OK, 1.5, "connected")


class Script:
    """A prober that returns scripted results, one after another."""

    def __init__(self, *seen: Observation) -> None:
        self.rest = list(seen)

    async def __call__(self, check: Check, tools: Tools) -> Observation:
        del check, tools
        await trio.lowlevel.checkpoint()
        return self.rest.pop(0)


async def test_a_result_carries_the_revision_of_the_check_that_was_probed(tools: Tools) -> None:
    result = await run_check(CHECK, tools, Script(FINE), Lines())
    assert (result.check, result.changed) == ("c1", 7)
    assert (result.outcome, result.latency_ms, result.detail) == (Outcome.OK, 1.5, "connected")


@pytest.mark.parametrize(
    ("seen", "outcome", "detail", "pauses"),
    [
        ((fail("no"), FINE), Outcome.OK, "connected (try 2)", 1),
        ((fail("no"), fail("no"), FINE), Outcome.OK, "connected (try 3)", 2),
        ((fail("no"), fail("no"), fail("still no")), Outcome.FAIL, "still no (try 3)", 2),
        ((fail("no"), abstain("cannot")), Outcome.ABSTAIN, "cannot (try 2)", 1),
        ((abstain("cannot"),), Outcome.ABSTAIN, "cannot", 0),
    ],
)
async def test_only_failures_are_tried_again(
    autojump_clock: trio.testing.MockClock,
    tools: Tools,
    *,
    seen: tuple[Observation, ...],
    outcome: Outcome,
    detail: str,
    pauses: int,
) -> None:
    began = trio.current_time()
    script = Script(*seen)
    result = await run_check(CHECK, tools, script, Lines())
    assert (result.outcome, result.detail, script.rest) == (outcome, detail, [])
    assert trio.current_time() - began == pytest.approx(pauses * RETRY_PAUSE_S)


async def test_a_bug_in_a_prober_is_an_abstention_and_a_log_line(tools: Tools) -> None:
    async def broken(check: Check, tools: Tools) -> Observation:
        raise KeyError(check, tools)

    log = Lines()
    result = await run_check(CHECK, tools, broken, log)
    assert result.outcome is Outcome.ABSTAIN
    assert result.detail == "internal error on this node: KeyError"
    ((what, details),) = log.lines
    assert "report this bug" in what
    assert "KeyError" in str(details["traceback"])


async def test_a_prober_that_does_not_end_is_cut_off(
    autojump_clock: trio.testing.MockClock, tools: Tools
) -> None:
    async def stuck(check: Check, tools: Tools) -> Observation:
        del check, tools
        await trio.sleep_forever()
        raise AssertionError

    log = Lines()
    result = await run_check(evolve(CHECK, timeout_s=5.0), tools, stuck, log)
    assert result.outcome is Outcome.ABSTAIN
    assert trio.current_time() < 10.0
    assert len(log.lines) == 1
