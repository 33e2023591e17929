"""Quiescent steps have the same effects as full evaluations."""

from typing import Any

import pytest

from qutrio.core import node
from qutrio.core.node import Node
from qutrio.core.quiescence import quiescent_until
from qutrio.model.ids import NEVER
from qutrio.sim.schedule import RunOutcome, play

SEEDS = range(1, 25)
SIZES = (1, 2, 3, 5)


def played(seed: int, size: int) -> tuple[RunOutcome, int]:
    """Play a seed; return what came of it, and how many of its steps were quiescent."""
    quiescent = 0
    with pytest.MonkeyPatch.context() as counted:
        step, evaluate = Node.step, Node._evaluate

        def one_step(self: Node, *args: Any) -> Any:
            nonlocal quiescent
            quiescent += 1
            return step(self, *args)

        def whole(self: Node, *args: Any) -> Any:
            nonlocal quiescent
            quiescent -= 1
            return evaluate(self, *args)

        counted.setattr(Node, "step", one_step)
        counted.setattr(Node, "_evaluate", whole)
        return play(seed, size, 30.0, 60.0), quiescent


@pytest.mark.parametrize("seed", SEEDS)
def test_a_quiescent_step_does_what_a_whole_one_would(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = SIZES[seed % len(SIZES)]
    outcome, quiescent = played(seed, size)
    assert quiescent > 0
    with monkeypatch.context() as always:
        always.setattr(node, quiescent_until.__name__, lambda *_: NEVER)
        assert played(seed, size) == (outcome, 0)
