"""The option of how long the test of growth runs."""

import pytest

DAYS = 3.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--days`."""
    parser.addoption("--days", type=float, default=DAYS, help="of simulated time, with churn")


@pytest.fixture
def days(request: pytest.FixtureRequest) -> float:
    """Return the number of simulated days."""
    asked = request.config.getoption("--days", DAYS)
    assert isinstance(asked, float)
    return asked
