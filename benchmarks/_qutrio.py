"""Three real `qutrio serve` processes with the default timers, for `failover_real.py`."""

import os
import signal
import time
from pathlib import Path

from tests.cluster.clusters import Cluster
from tests.cluster.nodes import Node, acts
from tests.cluster.waiting import wait_for

MEMBERS = 3
START_S_MAX = 30.0
QUIET_S = 5.0
"""A restarted node grants no vote for `dead_after`, so two of three would be no majority."""


class Qutrio:
    """One cluster with one election engine."""

    def __init__(self, engine: str, home: Path) -> None:
        self.name = f"qutrio, {engine}"
        self._engine = engine
        home.mkdir()
        self._cluster = Cluster(home, MEMBERS, {})
        self._dead: Node | None = None
        self._ready_at = 0.0

    def start(self) -> None:
        """Start one node with the engine, and let the others join it."""
        first, *others = self._cluster.nodes
        first.init()
        first.start()
        wait_for("the first node acts", lambda: acts(first.look()), START_S_MAX)
        if self._engine != first.ask("settings.show")["settings"]["engine"]:
            first.cli("settings", "set", f"engine={self._engine}")
        for node in others:
            made = first.ask("enroll.create", name=node.name, auto_approve=True)
            node.join(made["token"])
            node.start()
            self._cluster.settle()
        self._ready_at = time.monotonic() + QUIET_S

    def await_agreement(self) -> None:
        """Wait until all vote and agree, and no member is still waiting after a restart."""
        self._cluster.settle()
        time.sleep(max(0.0, self._ready_at - time.monotonic()))
        self._cluster.settle()

    def kill(self) -> float:
        """Send SIGKILL to the master."""
        self._dead = self._cluster.acting()
        began = time.monotonic()
        os.kill(self._dead.pid, signal.SIGKILL)
        return began

    def succeeded(self) -> bool:
        """Return whether one of the others acts, by their control sockets."""
        return any(acts(n.look()) for n in self._cluster.nodes if n is not self._dead)

    def revive(self) -> None:
        """Start the dead node."""
        assert self._dead is not None
        self._dead.wait()
        self._dead.start()
        self._ready_at = time.monotonic() + QUIET_S

    def end(self) -> None:
        """End all processes."""
        self._cluster.end()
