"""The steps of the demo: each is done, waited for, and reported in a line."""

import shutil
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import trio
from attrs import define, field, frozen

from qutrio.cli.demo import looks
from qutrio.cli.demo.looks import until
from qutrio.cli.demo.mailbox import Mail, Mailbox, open_mailbox
from qutrio.cli.demo.nodes import DemoError, DemoNode, open_nodes
from qutrio.cli.demo.target import Target, open_target

START_S_MAX = 20.0
STEP_S_MAX = 25.0
MAIL_S_MAX = 30.0
QUIET_S = 3.0
"""How long to wait for a mail that must not come."""
CHECK_INTERVAL = "2s"
CHECK = "website"
INTERRUPTED = 130

OPENING = """\
Three nodes, a website and a mailbox, all real and all on this machine.
It takes less than a minute; Ctrl-C ends it at any time.
"""
CLOSING = """\

The machine is as it was before.  To watch something of your own, start a node that stays:

    {program} serve

and see docs/tutorial.md for three hosts.
"""


def run(*, keep: bool) -> int:
    """Run the demo and return the exit code.

    With `keep` the cluster runs on after the last step, until Ctrl-C.
    """
    directory = Path(tempfile.mkdtemp(prefix="qutrio-demo-"))
    print(OPENING, flush=True)
    ending = trio.run(_stage, directory, keep)
    if ending.failure is not None:
        print(f"qutrio: the demo stopped: {ending.failure}", file=sys.stderr)
        print(f"The nodes' logs are in {directory}", file=sys.stderr)
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    if ending.interrupted:
        return INTERRUPTED
    print(CLOSING.format(program=_program()), end="", flush=True)
    return 0


def _program() -> str:
    """Return the command that started this program, for commands that users can paste."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "qutrio" else "python3 -m qutrio"


@frozen
class _Ending:
    """How the demo ended: as it should, interrupted, or with a step that did not happen."""

    failure: str | None = None
    interrupted: bool = False


async def _stage(directory: Path, keep: bool) -> _Ending:
    """Run the demo until it ends or a signal comes."""
    interrupted = False

    async def watch_signals(
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        nonlocal interrupted
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                interrupted = True
                nursery.cancel_scope.cancel()

    failure = None
    async with trio.open_nursery() as nursery:
        await nursery.start(watch_signals)
        failure = await _play(directory, keep)
        nursery.cancel_scope.cancel()
    return _Ending(failure, interrupted and failure is None)


async def _play(directory: Path, keep: bool) -> str | None:
    """Start everything that the demo needs and run it; return what went wrong, if anything did."""
    async with AsyncExitStack() as stage:
        target = await stage.enter_async_context(open_target())
        mailbox = await stage.enter_async_context(open_mailbox())
        nodes = await stage.enter_async_context(open_nodes(directory))
        story = Story(nodes, target, mailbox)
        try:
            await story.run()
        except DemoError as error:
            return str(error)
        if keep:
            await story.stay()
    return None


@define
class Story:
    """The nodes, the website and the mailbox, and what has happened so far."""

    nodes: tuple[DemoNode, ...]
    target: Target
    mailbox: Mailbox
    _began: float = field(factory=trio.current_time, init=False)

    async def run(self) -> None:
        """Run all steps.  Raises `DemoError` at the first that does not happen."""
        await self._gather()
        await self._watch()
        await self._break()
        master, survivors = await self._kill_master()
        await self._mend(master, survivors)
        self._sum_up()

    async def stay(self) -> None:
        """Leave everything running until a signal comes, and print how to look at it."""
        node = next(node for node in self.nodes if node.process is not None)
        self.report("The cluster stays until Ctrl-C.  Look at it from another terminal:")
        print(f"\n    QUTRIO_SOCKET={node.socket} {_program()} status\n", flush=True)
        await trio.sleep_forever()

    def report(self, line: str) -> None:
        """Print one line with the seconds since the beginning."""
        print(f"{trio.current_time() - self._began:5.1f}s  {line}", flush=True)

    async def _gather(self) -> None:
        """Start the first node, let the others join by token, wait until all can vote."""
        first = self.nodes[0]
        await first.serve()
        alone = await until("the first node's lease", START_S_MAX, lambda: looks.master([first]))
        self.report(f"{first.name} starts on {first.address}: a cluster of one, master of itself.")
        for count, node in enumerate(self.nodes[1:], start=2):
            invitation = await first.ask("enroll.create", name=node.name, auto_approve=True)
            await node.join(invitation["token"])
            await node.serve()
            running = self.nodes[:count]
            await until(f"the vote of {node.name}", STEP_S_MAX, partial(looks.all_vote, running))
            self.report(f"{node.name} starts on {node.address} and joins with a single-use token.")
        master = await until("the election", STEP_S_MAX, lambda: looks.agreed_master(self.nodes))
        assert master.term >= alone.term
        self.report(
            f"All three name {master.name} as master, in term {master.term}; two are a quorum."
        )

    async def _watch(self) -> None:
        """Add a mail channel and a check on a node that is not the master."""
        node = self.nodes[-1]
        await node.ask("alert.add", channel=self._channel())
        await node.ask("check.add", check=self._check())
        self.report(f"A check is added on {node.name}: {self.target.url} every {CHECK_INTERVAL}.")
        await until(f"{CHECK} up", STEP_S_MAX, lambda: looks.verdict_is(self.nodes, "up"))
        self.report(f"{CHECK} is UP: all three see it.  Up is no news, so nobody gets a mail.")

    async def _break(self) -> None:
        """Take the website down and wait for the one mail."""
        self.target.take_down()
        broken = trio.current_time()
        self.report("The website goes down.")
        mail = await self._mail("DOWN")
        waited = trio.current_time() - broken
        self.report(f"One mail arrives, {waited:.1f} s later, with what each node saw:")
        _quote(mail)
        await until("the record of that mail", STEP_S_MAX, lambda: looks.all_delivered(self.nodes))

    async def _kill_master(self) -> tuple[DemoNode, tuple[DemoNode, ...]]:
        """Kill the master during the outage; return its successor and the nodes that are left."""
        was = await until("the master", STEP_S_MAX, lambda: looks.agreed_master(self.nodes))
        victim = next(node for node in self.nodes if node.name == was.name)
        await victim.kill()
        killed = trio.current_time()
        self.report(f"{was.name}, the master of term {was.term}, is killed (SIGKILL).")
        survivors = tuple(node for node in self.nodes if node is not victim)
        now = await until("the takeover", STEP_S_MAX, lambda: looks.master(survivors))
        waited = trio.current_time() - killed
        if now.term <= was.term:
            raise DemoError(f"{now.name} is master in term {now.term}, not after term {was.term}")
        self.report(f"{now.name} is master in term {now.term}, {waited:.1f} s later.")
        await until("its verdict", STEP_S_MAX, lambda: looks.verdict_is(survivors, "down"))
        await trio.sleep(QUIET_S)
        self._expect_mails(down=1, recovered=0)
        self.report(f"{now.name} counts the votes: still down, as already told.  No second mail.")
        return next(node for node in survivors if node.name == now.name), survivors

    async def _mend(self, master: DemoNode, survivors: tuple[DemoNode, ...]) -> None:
        """Bring the website back and wait for exactly one mail."""
        await self.target.bring_up()
        mended = trio.current_time()
        self.report("The website is back.")
        mail = await self._mail("RECOVERED")
        waited = trio.current_time() - mended
        self.report(f"One mail arrives from {master.name}, {waited:.1f} s later:")
        _quote(mail)
        await until("the last record", STEP_S_MAX, lambda: looks.all_delivered(survivors))
        await trio.sleep(QUIET_S)

    def _sum_up(self) -> None:
        self._expect_mails(down=1, recovered=1)
        self.report("In total: one outage, one dead master, two mails: one DOWN, one RECOVERED.")

    def _expect_mails(self, *, down: int, recovered: int) -> None:
        """Raise `DemoError` unless exactly these mails have come."""
        seen = [mail.subject for mail in self.mailbox.mails]
        counts = len(self.mailbox.about("DOWN")), len(self.mailbox.about("RECOVERED"))
        if counts != (down, recovered) or len(seen) != down + recovered:
            raise DemoError(
                f"the mailbox should hold {down} DOWN and {recovered} RECOVERED: {seen}"
            )

    async def _mail(self, word: str) -> Mail:
        with trio.move_on_after(MAIL_S_MAX):
            return await self.mailbox.first(word)
        raise DemoError(f"no {word} mail arrived within {MAIL_S_MAX:g} s")

    def _channel(self) -> dict[str, object]:
        return {
            "kind": "smtp",
            "name": "mailbox",
            "host": "127.0.0.1",
            "port": self.mailbox.port,
            "security": "none",
            "sender": "qutrio@example.org",
            "recipients": ["oncall@example.org"],
        }

    def _check(self) -> dict[str, object]:
        return {
            "kind": "http",
            "name": CHECK,
            "url": self.target.url,
            "interval": CHECK_INTERVAL,
            "timeout": CHECK_INTERVAL,
        }


def _quote(mail: Mail) -> None:
    """Print a mail as a mail program would quote it."""
    print(f"        | Subject: {mail.subject}")
    for line in mail.body.strip().splitlines():
        print(f"        | {line}".rstrip())
    print(flush=True)
