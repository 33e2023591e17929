"""Fixtures of the peer tests."""

from pathlib import Path

import pytest

from tests.peers.world import Person, make_people


@pytest.fixture
def people(tmp_path: Path) -> list[Person]:
    """Three nodes; their ids are in the order of their names."""
    return make_people(tmp_path, "ada", "bob", "cy")
