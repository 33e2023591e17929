"""How long a life the tests of the simulator give a cluster."""

import pytest

DAYS = 3.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller ask for a year."""
    parser.addoption("--days", type=float, default=DAYS, help="of simulated time, with churn")


@pytest.fixture
def days(request: pytest.FixtureRequest) -> float:
    """How many days the long life lasts."""
    asked = request.config.getoption("--days", DAYS)
    assert isinstance(asked, float)
    return asked
