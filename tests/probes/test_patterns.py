"""Regular expressions in a process of their own, and what happens when it dies."""

import io
import signal

import pytest
import trio

from qutrio.model.results import Outcome
from qutrio.probes.observations import Observation
from qutrio.probes.pattern_worker import FOUND, HEADER, MISSING, READY, answer_all
from qutrio.probes.patterns import PatternWorker


def question(pattern: str, text: str) -> bytes:
    needle, hay = pattern.encode(), text.encode()
    return HEADER.pack(len(needle), len(hay)) + needle + hay


def test_the_worker_answers_until_its_input_ends() -> None:
    asked = io.BytesIO(question("gr.ße", "viele grüße") + question("^x", "yx") + b"torn")
    answered = io.BytesIO()
    answer_all(asked, answered)
    assert answered.getvalue() == READY + FOUND + MISSING


async def test_one_process_serves_many_searches() -> None:
    worker = PatternWorker()
    assert [await worker.search("b+", text) for text in ("abbc", "ac")] == [True, False]
    assert worker._process is not None
    first = worker._process.pid
    await worker.search("b", "b")
    assert worker._process.pid == first
    await worker.aclose()


@pytest.mark.slow
async def test_a_search_that_takes_too_long_does_not_spoil_the_next() -> None:
    worker = PatternWorker()
    seen = await worker.search("(a+)+$", "a" * 60 + "!")
    assert isinstance(seen, Observation)
    assert seen.outcome is Outcome.ABSTAIN
    assert await worker.search("a!", "a!") is True
    await worker.aclose()


async def test_a_worker_that_was_killed_costs_one_abstention() -> None:
    worker = PatternWorker()
    await worker.search("a", "a")
    assert worker._process is not None
    worker._process.send_signal(signal.SIGKILL)
    await worker._process.wait()
    seen = await worker.search("a", "a")
    assert isinstance(seen, Observation)
    assert seen.detail.startswith("the pattern worker of this node failed")
    assert await worker.search("a", "a") is True
    await worker.aclose()


async def test_closing_twice_or_unused_is_harmless() -> None:
    worker = PatternWorker()
    await worker.aclose()
    await worker.search("a", "a")
    await worker.aclose()
    await worker.aclose()
    assert worker._process is None


async def test_a_search_cut_off_by_its_probes_timeout_leaves_nothing_behind() -> None:
    worker = PatternWorker()
    await worker.search("a", "a")
    with trio.move_on_after(0.05) as scope:
        await worker.search("(a+)+$", "a" * 60 + "!")
    assert scope.cancelled_caught
    assert worker._process is None
    assert await worker.search("a", "a") is True
    await worker.aclose()
