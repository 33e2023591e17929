"""The option `--instants`, how often the power is cut, and a directory for the tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.power.drives import why_not_here

INSTANTS = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says how often the power is cut."""
    text = f"instants at which the power goes [{INSTANTS}]"
    parser.addoption("--instants", type=int, default=INSTANTS, help=text)


@pytest.fixture(scope="session")
def instants(request: pytest.FixtureRequest) -> int:
    """Return how often the power is cut in all; the default unless this folder is named."""
    return int(request.config.getoption("--instants", INSTANTS))


@pytest.fixture(scope="session")
def mountable() -> None:
    """Skip if no file system can be made, mounted and frozen."""
    with tempfile.TemporaryDirectory() as home:
        reason = why_not_here(Path(home))
    needs.require(reason)


@pytest.fixture
def home(mountable: None) -> Iterator[Path]:
    """Return an empty directory with a short path, because socket paths must be short."""
    path = Path(tempfile.mkdtemp(prefix="qutrio-"))
    yield path
    shutil.rmtree(path)
