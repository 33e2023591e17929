"""How the tests run: side by side when all of them do, and without a skip where nothing lacks."""

from collections.abc import Generator

import pytest
from hypothesis import settings

from tests import needs
from tests.workers import PROCESSES

# How long one example takes says something about the machine, not about the program.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return in how many processes the tests run when nobody says: `-n auto` of pyproject.toml.

    A choice of files runs in this one process, where it starts at once and can be debugged.
    """
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    return PROCESSES if whole else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a skip, where everything that the tests need is said to be here."""
    del item, call
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not needs.may_skip(reason):
            report.outcome = "failed"
            report.longrepr = f"{reason.removeprefix('Skipped: ')}; {needs.NO_SKIPS} forbids it"
    return report
