"""How often the power goes: `--instants 100`; and a place for it, where the machine has one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.power.drives import why_not_here

INSTANTS = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the person who starts the tests say how often the power goes."""
    text = f"instants at which the power goes [{INSTANTS}]"
    parser.addoption("--instants", type=int, default=INSTANTS, help=text)


@pytest.fixture(scope="session")
def instants(request: pytest.FixtureRequest) -> int:
    """Return how often the power goes in all; unless this folder is named, the usual number."""
    return int(request.config.getoption("--instants", INSTANTS))


@pytest.fixture(scope="session")
def mountable() -> None:
    """Skip where no file system can be made, mounted and frozen."""
    with tempfile.TemporaryDirectory() as home:
        reason = why_not_here(Path(home))
    needs.require(reason)


@pytest.fixture
def home(mountable: None) -> Iterator[Path]:
    """Return an empty directory with a short path, because socket paths must be short."""
    path = Path(tempfile.mkdtemp(prefix="qutrio-"))
    yield path
    shutil.rmtree(path)
