"""Calm: a node that looks at everything in every step does just the same."""

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
    """Play a seed; return what came of it, and how many steps did not look at everything."""
    calm = 0
    with pytest.MonkeyPatch.context() as counted:
        step, evaluate = Node.step, Node._evaluate

        def one_step(self: Node, *args: Any) -> Any:
            nonlocal calm
            calm += 1
            return step(self, *args)

        def whole(self: Node, *args: Any) -> Any:
            nonlocal calm
            calm -= 1
            return evaluate(self, *args)

        counted.setattr(Node, "step", one_step)
        counted.setattr(Node, "_evaluate", whole)
        return play(seed, size, 30.0, 60.0), calm


@pytest.mark.parametrize("seed", SEEDS)
def test_a_calm_step_does_what_a_whole_one_would(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = SIZES[seed % len(SIZES)]
    outcome, calm = played(seed, size)
    assert calm > 0
    with monkeypatch.context() as always:
        always.setattr(node, quiescent_until.__name__, lambda *_: NEVER)
        assert played(seed, size) == (outcome, 0)
