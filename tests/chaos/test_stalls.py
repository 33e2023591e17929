"""What counts as a stall of the machine."""

from pathlib import Path

import pytest

from tests.chaos.stalls import THE_TEST, Stall, Stalls
from tests.cluster.nodes import Node


@pytest.fixture
def stalls(tmp_path: Path) -> Stalls:
    """Return the stalls of three nodes that do not run."""
    nodes = [Node(name, tmp_path / name, bind="127.0.0.1", port=1) for name in "abc"]
    return Stalls(nodes)


def test_one_node_that_waits_does_not_make_a_majority_worthless(stalls: Stalls) -> None:
    stalls.found = [Stall(1, 2, "a", 0.9), Stall(2, 3, "a", 0.9)]
    assert stalls.lost_s(0, 10) == pytest.approx(1.8)
    assert not stalls.starved(0, 10)


def test_a_majority_that_waits_is_starved(stalls: Stalls) -> None:
    stalls.found = [Stall(1, 3, "a", 1.2), Stall(1, 3, "b", 1.1)]
    assert stalls.starved(0, 10)
    assert stalls.lost_s(0, 10) == pytest.approx(1.2)
    assert not stalls.starved(3, 10), "that was before"


def test_a_test_that_could_not_look_knows_nothing(stalls: Stalls) -> None:
    stalls.found = [Stall(1, 3, THE_TEST, 1.5)]
    assert stalls.starved(2, 2.5)
