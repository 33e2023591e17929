"""Clients that keep changing the document through all nodes, and record every answer."""

import subprocess
import time
from collections.abc import Sequence
from itertools import count
from random import Random

from qutrio.cli.exits import ExitCode
from qutrio.control.protocol import Code, ControlFailure
from qutrio.errors import ControlError
from tests.chaos.writes import NOTHING, Answer, Change, Item, Possible, Write, follow
from tests.cluster.background import Background, Work
from tests.cluster.nodes import Node

CLIENTS = 5
PAUSE_S = (0.3, 1.2)
COMMANDS = 0.04
"""The share of the requests that use the command line, as people do."""

ITEMS_PER_CLIENT = 4
ENABLED_MAX_PER_CLIENT = 1


class Clients(Background):
    """The clients' threads; `writes` has all answers."""

    def __init__(self, nodes: Sequence[Node], url: str, seed: int) -> None:
        """Write through `nodes`; every item is a check of the healthy target at `url`."""
        self._clients = [
            Client(f"i{number}", nodes, url, Random(f"client {number} {seed}"))
            for number in range(CLIENTS)
        ]
        super().__init__(Work(client.pause_s, client.write_once) for client in self._clients)

    @property
    def writes(self) -> list[Write]:
        """The requests and answers so far, in order for each item."""
        return [write for client in self._clients for write in list(client.writes)]


class Client:
    """One thread's client, with items of its own."""

    def __init__(self, prefix: str, nodes: Sequence[Node], url: str, rng: Random) -> None:
        self.writes: list[Write] = []
        self._prefix = prefix
        self._nodes = nodes
        self._url = url
        self._rng = rng
        self._versions = count(1)
        self._possible: dict[str, Possible] = {}

    def pause_s(self) -> float:
        return self._rng.uniform(*PAUSE_S)

    def write_once(self) -> None:
        """Choose a possible change, request it, and record the answer."""
        name, change = self._choose()
        version = next(self._versions)
        node = self._rng.choice(self._nodes)
        by_command = self._rng.random() < COMMANDS
        begun = time.monotonic()
        ask = self._command if by_command else self._call
        answer, said = ask(node, name, change, version)
        ended = time.monotonic()
        write = Write(name, change, version, node.name, begun, ended, answer, said)
        self.writes.append(write)
        self._possible[name] = follow(self._possible.get(name, NOTHING), write)

    def _choose(self) -> tuple[str, Change]:
        living = {n: p for n, p in self._possible.items() if any(p)}
        if len(living) < ITEMS_PER_CLIENT:
            fresh = f"{self._prefix}-{len(self._possible)}"
            retried = [n for n, p in self._possible.items() if p == NOTHING]
            return (self._rng.choice(retried) if retried else fresh), Change.ADD
        name = self._rng.choice(sorted(living))
        changes = [Change.EDIT] * 4 + [Change.DISABLE, Change.REMOVE]
        enabled = [p for p in living.values() if any(i and i.enabled for i in p)]
        if len(enabled) < ENABLED_MAX_PER_CLIENT or living[name] in enabled:
            changes.append(Change.ENABLE)
        return name, self._rng.choice(changes)

    def _call(self, node: Node, name: str, change: Change, version: int) -> tuple[Answer, str]:
        op = f"check.{change.value}"
        fields: dict[str, object] = {"name": name}
        if change is Change.ADD:
            check = {"kind": "http", "name": name, "url": self._address(version), "enabled": False}
            fields = {"check": check | {"interval": "5s", "timeout": "5s"}}
        if change is Change.EDIT:
            fields["set"] = {"url": self._address(version)}
        try:
            node.ask(op, **fields)
        except ControlFailure as failure:
            doubt = failure.code is Code.UNKNOWN
            return (Answer.UNKNOWN if doubt else Answer.REFUSED), str(failure)
        except ControlError as error:
            return Answer.UNKNOWN, str(error)
        return Answer.ACKNOWLEDGED, ""

    def _command(self, node: Node, name: str, change: Change, version: int) -> tuple[Answer, str]:
        words = ["check", change.value]
        if change is Change.ADD:
            times = ["--interval", "5s", "--timeout", "5s"]
            words += ["http", name, self._address(version), "--disabled", *times]
        else:
            words.append(name)
        if change is Change.EDIT:
            words += ["--url", self._address(version)]
        try:
            done = node.cli(*words, expect=None)
        except subprocess.TimeoutExpired as error:
            return Answer.UNKNOWN, str(error)
        match done.returncode:
            case ExitCode.OK:
                return Answer.ACKNOWLEDGED, ""
            case ExitCode.UNKNOWN:
                return Answer.UNKNOWN, done.stderr.strip()
            case ExitCode.ERROR | ExitCode.BAD_INPUT | ExitCode.NO_DAEMON | ExitCode.NO_MASTER:
                return Answer.REFUSED, done.stderr.strip()
            case code:
                raise AssertionError(f"exit code {code}: {done.stderr}")

    def _address(self, version: int) -> str:
        return f"{self._url.rstrip('/')}/{VERSION}-{version}"


VERSION = "version"
"""A part of the path of an item's URL, because a query would be masked."""


def items_of(checks: Sequence[dict[str, object]]) -> dict[str, list[Item]]:
    """Return the items among the checks of a document, by name."""
    items: dict[str, list[Item]] = {}
    for check in checks:
        _, marked, version = str(check.get("url", "")).partition(f"/{VERSION}-")
        if marked:
            item = Item(int(version), bool(check.get("enabled", True)))
            items.setdefault(str(check["name"]), []).append(item)
    return items
