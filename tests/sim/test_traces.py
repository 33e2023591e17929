"""Traces are digests of what nodes did, to compare two versions of the program."""

import pytest

from qutrio.core.api.effects import Send
from qutrio.core.node import Node
from tests.sim.traces import line

SECONDS = 3.0


def test_the_same_seed_gives_the_same_trace_and_another_seed_another_one() -> None:
    first = line(5, seconds=SECONDS)
    assert line(5, seconds=SECONDS) == first
    assert line(6, seconds=SECONDS).split()[1] != first.split()[1]


def test_one_message_more_gives_another_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    first, step = line(5, seconds=SECONDS), Node.step

    def repeats_itself(*args: object) -> list[object]:
        effects: list[object] = [*step(*args)]  # type: ignore[arg-type]
        return effects + [e for e in effects if isinstance(e, Send)][:1]

    monkeypatch.setattr(Node, "step", repeats_itself)
    assert line(5, seconds=SECONDS) != first


def test_a_recording_does_not_affect_the_next() -> None:
    step = Node.step
    line(1, seconds=SECONDS)
    assert Node.step is step
