"""Calm: a node that looks at everything in every step does just the same."""

import pytest

from qutrio.core import node
from qutrio.core.calm import settle
from qutrio.sim.schedule import play

SEEDS = range(1, 25)
SIZES = (1, 2, 3, 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_calm_step_does_what_a_whole_one_would(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = SIZES[seed % len(SIZES)]
    calm = play(seed, size, 30.0, 60.0)
    with monkeypatch.context() as always:
        always.setattr(node, settle.__name__, lambda *_: None)
        whole = play(seed, size, 30.0, 60.0)
    assert calm == whole
