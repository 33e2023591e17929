"""Options of the tests of core."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that accepts changed transcripts."""
    parser.addoption(
        "--rewrite-transcripts",
        action="store_true",
        help="write tests/core/transcripts/*.txt anew; read the diff before you commit it",
    )


@pytest.fixture
def rewrite_transcripts(request: pytest.FixtureRequest) -> bool:
    """Return True if the transcripts are to be written anew."""
    return bool(request.config.getoption("--rewrite-transcripts", default=False))
