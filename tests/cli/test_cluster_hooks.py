"""`qutrio cluster hooks` shows what is run when the role comes or goes, and how that ended."""

import json

from qutrio.model.hooks import HookEvent, HookReport, HookRun, Hooks
from qutrio.model.ids import Term, UnixTime
from tests.cli.in_process import CommandRunner

RUNS = (
    HookRun(
        event=HookEvent.GAIN,
        term=Term(4),
        at_unix=UnixTime(1_700_000_000.0),
        took_s=0.25,
        ok=True,
        how="exit 0",
        output="fine\n",
    ),
    HookRun(
        event=HookEvent.LOSS,
        term=Term(4),
        at_unix=UnixTime(1_700_000_060.0),
        took_s=30.0,
        ok=False,
        how="killed after 30s",
        output="",
    ),
)
REPORT = HookReport(hooks=Hooks(gain=("/bin/echo", "a b")), running=HookEvent.GAIN, runs=RUNS)


async def test_hooks_and_their_last_runs_are_shown_the_newest_first(qutrio: CommandRunner) -> None:
    qutrio.scripted.hooks = REPORT
    shown = await qutrio("cluster", "hooks")
    assert shown.code == 0
    gain, loss, timeout, running, _, newest, oldest = shown.out.splitlines()
    assert gain.split(maxsplit=1) == ["gain", "/bin/echo 'a b'"]
    assert (loss.split(), timeout.split()) == (["loss", "-"], ["timeout", "30s"])
    assert running == "the gain hook is running"
    assert newest.split() == [
        "loss",
        "4",
        "2023-11-14",
        "22:14:20",
        "UTC",
        "30.0s",
        "killed",
        "after",
        "30s",
    ]
    assert oldest.startswith("gain")


async def test_hooks_are_shown_to_scripts(qutrio: CommandRunner) -> None:
    qutrio.scripted.hooks = REPORT
    shown = json.loads((await qutrio("cluster", "hooks", "--json")).out)
    assert shown["gain"] == ["/bin/echo", "a b"]
    assert (shown["loss"], shown["timeout_s"], shown["running"]) == ([], 30.0, "gain")
    assert [(run["event"], run["ok"], run["output"]) for run in shown["runs"]] == [
        ("gain", True, "fine\n"),
        ("loss", False, ""),
    ]


async def test_node_without_hooks_says_so(qutrio: CommandRunner) -> None:
    shown = await qutrio("cluster", "hooks")
    assert shown.out.startswith("this node has no hooks")
