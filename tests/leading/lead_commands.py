"""A `qutrio lead` beside each daemon of a cluster, and the failures that a test can cause."""

import signal
import sys
import time
from pathlib import Path

from attrs import define, field

from qutrio.errors import ControlError
from tests.cluster.clusters import Cluster
from tests.cluster.nodes import Node
from tests.cluster.processes import Process
from tests.cluster.waiting import wait_for
from tests.leading.ledger import Ledger, Run

BEAT = Path(__file__).parent / "beat.py"
FRESH_S = 0.5
TURN_S_MAX = 30.0
FAILURES = (
    "kill the daemon",
    "kill qutrio lead",
    "stop the daemon",
    "move the role",
    "freeze qutrio lead",
    "freeze the daemon",
)


@define
class LeadCommands:
    """One `qutrio lead` for each node; every second command ignores SIGTERM."""

    cluster: Cluster
    home: Path
    ledger: Ledger = field(init=False)
    _leads: dict[str, Process] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.ledger = Ledger(self.home / "beats")

    def start(self) -> None:
        """Start `qutrio lead` on each node."""
        for node in self.cluster.nodes:
            self._start(node)

    def end(self) -> None:
        """Stop them, and wait until no command is left."""
        for process in self._leads.values():
            process.end()

    def outputs(self) -> str:
        """Return what the processes printed."""
        files = [(name, process.output) for name, process in self._leads.items()]
        return "\n".join(f"--- lead on {name}\n{file.read_text()}" for name, file in files)

    def leading(self) -> Run:
        """Wait until a command runs, and return its run."""
        return wait_for("a command runs", self._alive, TURN_S_MAX, self.outputs)

    def cause(self, failure: str) -> None:
        """Cause a failure at the leading node, wait until the command runs again, and repair it."""
        led = self.leading()
        node = next(n for n in self.cluster.nodes if n.name == led.node)
        lead = self._leads[node.name]
        match failure:
            case "kill the daemon":
                node.kill()
            case "kill qutrio lead":
                lead.kill()
                self._start(node)
            case "stop the daemon":
                node.stop()
            case "move the role":
                self._move(node)
            case "freeze qutrio lead":
                lead.signal(signal.SIGSTOP)
                self._after(led, "the command was stopped", self._gone)
                lead.signal(signal.SIGCONT)
            case "freeze the daemon":
                node.freeze()
                self._after(led, "the command was stopped", self._gone)
                node.thaw()
            case _:
                raise AssertionError(failure)
        self._after(led, f"another life after {failure!r}", self._follows)
        if not node.running:
            node.start()

    def _start(self, node: Node) -> None:
        command = [sys.executable, str(BEAT), str(self.ledger.file)]
        if self.cluster.nodes.index(node) % 2:
            command.append("--stubborn")
        words = ["lead", "--name", "beats", "--grace", "1s", "--", *command]
        output = self.home / f"lead-{node.name}"
        self._leads[node.name] = Process([sys.executable, "-m", "qutrio", *words], node.env, output)

    def _move(self, node: Node) -> None:
        try:
            node.ask("cluster.yield")
        except ControlError:
            return  # it reports what it saw in its time; the ledger shows more

    def _alive(self) -> Run | None:
        newest = self.ledger.newest()
        fresh = newest is not None and newest.last > time.monotonic() - FRESH_S
        return newest if fresh else None

    def _after(self, led: Run, what: str, holds: object) -> None:
        assert callable(holds)
        wait_for(what, lambda: holds(led), TURN_S_MAX, self.outputs)

    def _follows(self, led: Run) -> bool:
        newest = self._alive()
        return newest is not None and newest.first > led.first

    def _gone(self, led: Run) -> bool:
        newest = self._alive()
        return newest is None or newest.first > led.first
