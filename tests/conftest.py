"""How the tests run: in parallel when all run, and without skips in CI."""

import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import needs
from tests.workers import PROCESSES, dealt

TESTS = Path(__file__).parent
LONG_ROOMS = frozenset({"cluster", "chaos", "power", "mutants"})
LONG_FILES = frozenset({"test_seeds.py", "test_growth.py", "test_quiescent_steps.py"})

# How long one example takes says something about the machine, not about the program.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Let the programs that tests start be interrupted, even if a shell runs the tests with `&`.

    Such a shell has them ignore Ctrl-C, and a program that is started so goes on ignoring it.
    """
    del config
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return in how many processes the tests run by default: `-n auto` of pyproject.toml.

    A choice of files runs in this one process, where it starts at once and can be debugged.
    """
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    return PROCESSES if whole else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Distribute slow tests evenly among the processes of this run."""
    told = getattr(config, "workerinput", {"workercount": 1})
    if (workers := int(told["workercount"])) > 1:
        long = [item for item in items if takes_long(item)]
        short = [item for item in items if not takes_long(item)]
        items[:] = dealt(long, short, workers)


def takes_long(item: pytest.Item) -> bool:
    """Return True if a test may take longer than a thousand others together."""
    room = item.path.relative_to(TESTS).parts[0]
    marked = any(item.get_closest_marker(name) for name in ("slow", "cluster", "chaos"))
    return marked or room in LONG_ROOMS or item.path.name in LONG_FILES


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skip a failure if everything that the tests need must be there."""
    del item, call
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not needs.may_skip(reason):
            report.outcome = "failed"
            report.longrepr = f"{reason.removeprefix('Skipped: ')}; {needs.NO_SKIPS} forbids it"
    return report
