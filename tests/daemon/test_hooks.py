"""Hooks run in the order of the changes, one at a time, and for a limited time."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import define, evolve

from qutrio.daemon import hooks as subject
from qutrio.daemon.hooks import CHANGES_MAX, HookRunner
from qutrio.model.hooks import NO_HOOKS, HookEvent, HookRun, Hooks
from qutrio.model.ids import Instant, Term
from qutrio.model.stable import Position
from qutrio.plumbing.clock import TrioClock
from tests.control.scripted_node import ScriptedNode, new_scripted_node
from tests.patience import HANG_S

WAIT_S = HANG_S
SAY = "/bin/sh", "-c", 'echo "$QUTRIO_EVENT $QUTRIO_TERM $QUTRIO_NODE" >> "$FILE"'


@define
class Stage:
    """A runner of hooks; the test decides when its node is master."""

    driver_args: ScriptedNode
    runner: HookRunner
    log: list[tuple[str, dict[str, object]]]
    ended: trio.Event
    mind: trio.CancelScope

    def act(self, term: int | None) -> None:
        """Make the node master in a term, or not at all."""
        view = self.driver_args.view.value
        position = view.position if term is None else Position(Term(term), 1)
        until = None if term is None else Instant(1e9)
        self.driver_args.view.publish(evolve(view, position=position, acting_until=until))

    async def runs(self, count: int) -> tuple[HookRun, ...]:
        """Wait until so many hooks have ended."""
        with trio.fail_after(WAIT_S):
            while len(self.runner.report().runs) < count:
                await trio.testing.wait_all_tasks_blocked(0.01)
        return self.runner.report().runs

    async def close(self) -> None:
        """Stop as a daemon does."""
        self.runner.close()
        with trio.fail_after(WAIT_S):
            await self.ended.wait()


@asynccontextmanager
async def stage(hooks: Hooks, **environ: str) -> AsyncIterator[Stage]:
    """Yield a stage, and stop it."""
    log: list[tuple[str, dict[str, object]]] = []

    def note(what: str, /, **details: object) -> None:
        log.append((what, details))

    driver_args = new_scripted_node()
    environ = {"PATH": os.environ["PATH"], **environ}
    runner = HookRunner(hooks, driver_args.view, driver_args.inbox, TrioClock(), note, environ)
    scene = Stage(driver_args, runner, log, trio.Event(), trio.CancelScope())

    async def think() -> None:
        with scene.mind:
            await driver_args.think()

    async def run() -> None:
        await runner.run()
        scene.ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(think)
        nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        yield scene
        nursery.cancel_scope.cancel()


async def test_gain_and_loss_run_in_order_with_their_terms(tmp_path: Path) -> None:
    said = trio.Path(tmp_path / "said")
    async with stage(Hooks(gain=SAY, loss=SAY), FILE=str(said)) as scene:
        scene.act(4)
        await scene.runs(1)
        scene.act(5)  # a higher term of the same master is no change
        await trio.testing.wait_all_tasks_blocked()
        scene.act(None)
        await scene.runs(2)
        scene.act(9)
        runs = await scene.runs(3)
    assert (await said.read_text()).splitlines() == ["gain 4 a", "loss 4 a", "gain 9 a"]
    assert [(r.event, r.term, r.ok, r.how) for r in runs] == [
        (HookEvent.GAIN, 4, True, "exit 0"),
        (HookEvent.LOSS, 4, True, "exit 0"),
        (HookEvent.GAIN, 9, True, "exit 0"),
    ]


async def test_a_loss_during_the_hook_of_the_gain_waits_for_its_end(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = ("/bin/sh", "-c", 'echo "begin"; read go < "$GATE"; echo "end $QUTRIO_EVENT"')
    async with stage(Hooks(gain=slow, loss=slow), GATE=str(gate)) as scene:
        scene.act(4)
        await trio.testing.wait_all_tasks_blocked()
        scene.act(None)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert scene.runner.report().running is HookEvent.GAIN
        for number in (1, 2):
            await trio.to_thread.run_sync(gate.write_text, "go\n")
            runs = await scene.runs(number)
    assert [r.output for r in runs] == ["begin\nend gain\n", "begin\nend loss\n"]


@pytest.mark.slow
async def test_a_hook_beyond_its_limit_is_killed_with_what_it_started(tmp_path: Path) -> None:
    started = trio.Path(tmp_path / "pid")
    script = 'sleep 600 & echo $! > "$FILE"; wait'
    async with stage(
        Hooks(gain=("/bin/sh", "-c", script), timeout_s=1), FILE=str(started)
    ) as scene:
        scene.act(4)
        (run,) = await scene.runs(1)
    assert (run.ok, run.how) == (False, "killed after 1s")
    with trio.fail_after(WAIT_S):
        while await trio.Path("/proc", (await started.read_text()).strip(), "cwd").exists():
            await trio.testing.wait_all_tasks_blocked(0.01)


async def test_a_failure_is_a_line_in_the_log_and_the_next_hook_runs() -> None:
    hooks = Hooks(gain=("/no/such/program",), loss=("/bin/sh", "-c", "echo bad; exit 3"))
    async with stage(hooks) as scene:
        scene.act(4)
        scene.act(4)
        await scene.runs(1)
        scene.act(None)
        first, second = await scene.runs(2)
    assert first.how == "cannot run /no/such/program: No such file or directory"
    assert (second.ok, second.how, second.output) == (False, "exit 3", "bad\n")
    assert [what for what, _ in scene.log] == ["hook failed", "hook failed"]
    assert scene.log[1][1]["output"] == "bad\n"


async def test_a_hook_that_a_signal_ends_is_reported_so() -> None:
    async with stage(Hooks(gain=("/bin/sh", "-c", "kill -9 $$"))) as scene:
        scene.act(4)
        (run,) = await scene.runs(1)
    assert (run.ok, run.how) == (False, "killed by SIGKILL")


async def test_only_the_end_of_a_long_output_is_kept() -> None:
    script = "import sys; sys.stdout.write('x' * 500_000 + 'end')"
    async with stage(Hooks(gain=(sys.executable, "-c", script))) as scene:
        scene.act(4)
        (run,) = await scene.runs(1)
    assert run.ok
    assert run.output.endswith("xend")
    assert len(run.output) == subject.OUTPUT_BYTES_MAX


async def test_the_loss_hook_runs_when_the_daemon_stops_and_tasks_are_cancelled() -> None:
    script = 'echo "$QUTRIO_EVENT $QUTRIO_REASON"'
    async with stage(Hooks(loss=("/bin/sh", "-c", script))) as scene:
        scene.act(4)
        await trio.testing.wait_all_tasks_blocked()
        scene.act(None)
        scene.mind.cancel()
        await trio.testing.wait_all_tasks_blocked()
        scene.driver_args.inbox.close()
        await scene.close()
    (run,) = scene.runner.report().runs
    assert run.output == "loss stopping\n"


async def test_a_hook_that_does_not_end_is_killed_when_the_daemon_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "STOPPING_S", 0.1)
    async with stage(Hooks(gain=("/bin/sleep", "600"))) as scene:
        scene.act(4)
        while scene.runner.report().running is None:
            await trio.testing.wait_all_tasks_blocked(0.01)
        await scene.close()
    (run,) = scene.runner.report().runs
    assert (run.ok, run.how) == (False, "stopped with the daemon")


async def test_without_hooks_the_view_is_not_followed() -> None:
    async with stage(NO_HOOKS) as scene:
        await scene.close()
    assert scene.runner.report().runs == ()


async def test_changes_faster_than_the_hooks_are_dropped_in_pairs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = '[ "$QUTRIO_TERM" != 1 ] || read go < "$GATE"'
    async with stage(Hooks(gain=("/bin/sh", "-c", script)), GATE=str(gate)) as scene:
        for term in range(1, CHANGES_MAX):
            scene.act(term)
            await trio.testing.wait_all_tasks_blocked()
            scene.act(None)
            await trio.testing.wait_all_tasks_blocked()
        await trio.to_thread.run_sync(gate.write_text, "go\n")
        runs = await scene.runs(CHANGES_MAX // 2)
        await scene.close()
        runs = scene.runner.report().runs
    assert any("too slow" in what for what, _ in scene.log)
    assert {r.event for r in runs} == {HookEvent.GAIN}
    assert runs[-1].term == CHANGES_MAX - 1


async def test_variables_of_systemd_are_not_passed_to_hooks() -> None:
    async with stage(Hooks(gain=("/usr/bin/env",)), NOTIFY_SOCKET="@x", KEPT="yes") as scene:
        scene.act(4)
        (run,) = await scene.runs(1)
    assert "NOTIFY_SOCKET" not in run.output
    assert "KEPT=yes" in run.output
