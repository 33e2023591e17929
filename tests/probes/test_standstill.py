"""A node that was frozen in the middle of a probe does not blame the target."""

import pytest
import trio
from trio.testing import MockClock

from qutrio.model.checks import Check, TcpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.attempt import STANDSTILL_S_MIN, Progress, attempt
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation, abstain
from qutrio.probes.runner import OVERTIME_S, run_check
from tests.probes.lines import Lines

CHECK = TcpCheck(id=CheckId("c1"), name="ssh", address="127.0.0.1:22", timeout_s=5.0)
A_BIT_S = 0.1


async def frozen_for(frozen_s: float, clock: MockClock, tools: Tools) -> Observation:
    """Return the vote of a node that freezes while it waits for the target's answer."""

    async def steps(progress: Progress) -> Observation:
        progress.enter("connecting")
        clock.jump(frozen_s)
        await trio.sleep_forever()
        raise AssertionError

    return await attempt(CHECK, tools, steps)


async def test_a_node_that_stood_still_beyond_the_time_limit_abstains(
    mock_clock: MockClock, tools: Tools
) -> None:
    seen = await frozen_for(CHECK.timeout_s + STANDSTILL_S_MIN + A_BIT_S, mock_clock, tools)
    assert seen == abstain("this node itself stood still for 1.1s (frozen, or overloaded)")


async def test_a_time_limit_that_is_noticed_in_time_is_a_failure(
    mock_clock: MockClock, tools: Tools
) -> None:
    seen = await frozen_for(CHECK.timeout_s + STANDSTILL_S_MIN - A_BIT_S, mock_clock, tools)
    assert seen.outcome is Outcome.FAIL
    assert seen.detail == "no answer within 5s while connecting"


@pytest.mark.parametrize("frozen_s", [60.0, CHECK.timeout_s + OVERTIME_S + A_BIT_S])
async def test_a_frozen_node_does_not_report_its_prober_as_broken(
    mock_clock: MockClock, tools: Tools, *, frozen_s: float
) -> None:
    async def probe(check: Check, tools: Tools) -> Observation:
        del check, tools
        mock_clock.jump(frozen_s)
        await trio.sleep_forever()
        raise AssertionError

    log = Lines()
    result = await run_check(CHECK, tools, probe, log)
    assert result.outcome is Outcome.ABSTAIN
    assert "stood still" in result.detail
    assert log.lines == []
