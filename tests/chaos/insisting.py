"""Runs setup commands until they succeed, even if a slow machine makes a master resign."""

import time

from qutrio.cli.exits import ExitCode
from tests.cluster.nodes import Node

TRY_S_MAX = 60.0
PAUSE_S = 1.0


def insist(node: Node, *command: str) -> None:
    """Run a command until it succeeds; an error that the item exists means an earlier try did."""
    deadline = time.monotonic() + TRY_S_MAX
    while True:
        done = node.cli(*command, expect=None)
        if done.returncode == ExitCode.OK or "exists; choose another name" in done.stderr:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"on {node.name}: {' '.join(command)}: {done.stderr}")
        time.sleep(PAUSE_S)
