"""The marker of the tests that start five real nodes and hurt them."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let the short run be chosen, or left out, by a marker."""
    config.addinivalue_line("markers", "chaos: hurts five real nodes; takes more than a minute")
