"""The demo as a newcomer runs it: real processes, the whole story, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from qutrio.cli.demo import looks
from tests.patience import HANG_S

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "qutrio", "demo"]
STORY_S_MAX = HANG_S
INTERRUPTED = 130

pytestmark = pytest.mark.slow


def environment(temporary: Path) -> dict[str, str]:
    """Return an environment whose temporary files, the nodes' directories among them, are ours."""
    return {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}


def processes_of(temporary: Path) -> list[int]:
    """Return the processes that were started with `temporary` in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if os.fsencode(temporary) in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


async def demo(temporary: Path) -> subprocess.CompletedProcess[bytes]:
    with trio.fail_after(STORY_S_MAX):
        return await trio.run_process(
            COMMAND,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=environment(temporary),
        )


async def test_the_whole_story_is_told_and_nothing_is_left(folder: Path) -> None:
    ended = await demo(folder)
    told = ended.stdout.decode()
    assert ended.returncode == 0, told + ended.stderr.decode()
    steps = [
        r"alpha starts on 127\.0\.0\.1:\d+: a cluster of one",
        r"bravo starts on 127\.0\.0\.2:\d+ and joins with a single-use token",
        r"charlie starts on 127\.0\.0\.3:\d+ and joins with a single-use token",
        r"All three name (\w+) as master",
        r"website is UP",
        r"The website goes down",
        r"Subject: \[DOWN\] website",
        r"FAIL .* connection refused",
        r"is killed \(SIGKILL\)",
        r"(\w+) is master in term \d+",
        r"No second mail",
        r"The website is back",
        r"Subject: \[RECOVERED\] website",
        r"one DOWN, one RECOVERED",
        r"qutrio serve",
    ]
    assert re.search(".*".join(steps), told, re.DOTALL), told
    assert told.count("Subject: ") == 2
    assert processes_of(folder) == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
async def test_a_signal_ends_the_demo_and_every_node(folder: Path, number: signal.Signals) -> None:
    process = await trio.lowlevel.open_process(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(folder)
    )
    assert process.stdout is not None
    told = b""
    with trio.fail_after(STORY_S_MAX):
        while b"alpha starts" not in told:
            chunk = await process.stdout.receive_some()
            assert chunk, told
            told += chunk
        assert len(processes_of(folder)) >= 2
        process.send_signal(number)
        async for chunk in process.stdout:
            told += chunk
        assert await process.wait() == INTERRUPTED, told

    async def nothing_runs() -> bool | None:
        return not processes_of(folder) or None

    # A helper process ends a moment after its node.
    await looks.until("the end of every process", STORY_S_MAX, nothing_runs)
    assert list(folder.iterdir()) == []


async def test_a_step_that_fails_is_named_and_the_logs_are_kept(folder: Path) -> None:
    """A node cannot start where the path of its control socket gets too long for the kernel."""
    deep = folder / ("x" * 120)
    deep.mkdir()
    ended = await demo(deep)
    said = ended.stderr.decode()
    assert ended.returncode == 1
    assert "qutrio: the demo stopped: alpha ended by itself" in said
    assert "Traceback" not in said
    kept = Path(re.findall(r"logs are in (.*)", said)[0])
    assert (kept / "alpha" / "log").is_file()
    assert processes_of(deep) == []
