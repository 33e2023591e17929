"""The marker of the tests that start five real nodes and inject faults."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Add a marker with which the short run is selected or left out."""
    config.addinivalue_line(
        "markers", "chaos: injects faults into five real nodes; takes more than a minute"
    )
