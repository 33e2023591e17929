"""Injects the faults of a schedule, and restarts nodes that end."""

import time
from collections import Counter
from collections.abc import Callable

from attrs import define, field, frozen

from tests.chaos.faults import CUT_KINDS, DISK_KINDS, MASTER, Fault, Kind
from tests.chaos.stage import Stage
from tests.cluster.clocks import clock_library
from tests.cluster.namespaces import DROP, HUB, RESET, LinkFault, between, lost
from tests.cluster.nodes import Node

RESTART_S = 1.0
"""How long the keeper waits before it restarts a node that ended by itself, like systemd."""

START_S_MAX = 10.0
"""By then, a start that began while the disk refused writes has failed."""

Undo = Callable[[], None]


@frozen
class Trouble:
    """A fault that occurred: its victims, and from when to when it lasted."""

    fault: Fault
    victims: tuple[str, ...]
    begin: float
    end: float


@define
class Keeper:
    """Restarts nodes that ended for any reason, unless they are held down."""

    nodes: list[Node]
    wrong: list[str] = field(factory=list)
    restarts: int = 0
    _sick: Counter[str] = field(factory=Counter)
    _well_at: dict[str, float] = field(factory=dict)
    _held: Counter[str] = field(factory=Counter)
    _ended_at: dict[str, float] = field(factory=dict)

    def kill(self, node: Node) -> Undo:
        """Kill a node, and keep it down until the returned function is called."""
        self._held[node.name] += 1
        if node.running:
            node.kill()
        return lambda: self._held.subtract([node.name])

    def excuse(self, name: str) -> Undo:
        """Allow a node to end by itself, because it may find at its start that it cannot write."""
        self._sick[name] += 1

        def well_again() -> None:
            self._sick[name] -= 1
            self._well_at[name] = time.monotonic()

        return well_again

    def restart_ended(self) -> None:
        """Start every node that should run but does not."""
        now = time.monotonic()
        for node in self.nodes:
            if node.running or self._held[node.name] > 0:
                self._ended_at.pop(node.name, None)
                continue
            killed = node.exit_code == -9
            if node.name not in self._ended_at and not killed and not self._excused(node, now):
                self.wrong.append(f"node {node.name} ended by itself with {node.exit_code}")
            ended_at = self._ended_at.setdefault(node.name, now)
            if killed or now - ended_at >= RESTART_S:
                self.restarts += 1
                node.launch()

    def _excused(self, node: Node, now: float) -> bool:
        well_at = self._well_at.get(node.name, float("-inf"))
        return self._sick[node.name] > 0 or now - well_at < START_S_MAX


@define
class FaultInjector:
    """Begins and ends faults; `acting` returns the name of the current master, if any."""

    stage: Stage
    keeper: Keeper
    acting: Callable[[], str | None]
    troubles: list[Trouble] = field(factory=list)
    skipped: int = 0
    _undo: dict[Fault, tuple[tuple[str, ...], float, Undo]] = field(factory=dict)

    def begin(self, fault: Fault) -> None:
        """Begin a fault; skip one that needs a master or a library that is missing.

        Also skip a second fault of one disk, because the master may already be a victim.
        """
        victims = self._victims(fault)
        if not victims or (fault.kind in DISK_KINDS and self._has_bad_disk(victims[0])):
            self.skipped += 1
            return
        begun = time.monotonic()
        self._undo[fault] = victims, begun, self._do(fault, victims)

    def end(self, fault: Fault) -> None:
        """End a fault that has begun."""
        if fault not in self._undo:
            return
        victims, begun, undo = self._undo.pop(fault)
        undo()
        self.troubles.append(Trouble(fault, victims, begun, time.monotonic()))

    def end_all(self) -> None:
        """End all faults that still last."""
        for fault in list(self._undo):
            self.end(fault)

    def _victims(self, fault: Fault) -> tuple[str, ...]:
        if fault.kind is Kind.CLOCK and clock_library() is None:
            return ()
        if MASTER not in fault.victims:
            return fault.victims
        master = self.acting()
        return () if master is None else (master,)

    def _has_bad_disk(self, name: str) -> bool:
        return any(f.kind in DISK_KINDS and name in v for f, (v, _, _) in self._undo.items())

    def _do(self, fault: Fault, victims: tuple[str, ...]) -> Undo:
        nodes = [self.stage.node(name) for name in victims]
        match fault.kind:
            case Kind.KILL:
                return _all([self.keeper.kill(node) for node in nodes])
            case Kind.FREEZE:
                return _all([_freeze(node) for node in nodes])
            case Kind.SLOW:
                return self._slow(victims[0])
            case Kind.FULL_DISK | Kind.READ_ONLY:
                return self._disk(fault, victims[0])
            case Kind.CLOCK:
                return self._clock(fault.amount)
            case _:
                assert fault.kind in CUT_KINDS | {Kind.LOSS, Kind.RESET}
                return self._links(fault, frozenset(victims))

    def _links(self, fault: Fault, victims: frozenset[str]) -> Undo:
        others = frozenset(self.stage.network.hosts) - victims
        faults = {
            Kind.SPLIT: between(victims, others),
            Kind.PARTIAL: between(victims, victims),
            Kind.HALF: (
                LinkFault(victims, others) if fault.amount > 0 else LinkFault(others, victims),
            ),
            Kind.LOSS: (LinkFault(others, victims, lost(fault.amount)),),
            Kind.RESET: (LinkFault(others, victims, RESET),),
            Kind.ISOLATED: between(victims, others | {HUB}, DROP),
            Kind.BLIND: between(victims, {HUB}, DROP),
        }[fault.kind]
        self.stage.network.begin(*faults)
        return lambda: self.stage.network.end_of(*faults)

    def _slow(self, victim: str) -> Undo:
        host = self.stage.network.hosts[victim]
        host.slow_down()
        return host.speed_up

    def _disk(self, fault: Fault, victim: str) -> Undo:
        assert fault.kind in DISK_KINDS
        disk, full = self.stage.disks[victim], fault.kind is Kind.FULL_DISK
        well_again = self.keeper.excuse(victim)
        (disk.fill if full else disk.forbid_writes)()
        return _all([disk.make_room if full else disk.allow_writes, well_again])

    def _clock(self, shift_s: int) -> Undo:
        self.stage.clock_file.write_text(f"{shift_s:+d}\n")

        def right_again() -> None:
            self.stage.clock_file.write_text("+0\n")

        return right_again


def _freeze(node: Node) -> Undo:
    if not node.running:
        return lambda: None
    pid = node.pid
    node.freeze()

    def thaw() -> None:
        if node.running and node.pid == pid:
            node.thaw()

    return thaw


def _all(undos: list[Undo]) -> Undo:
    def undo_all() -> None:
        for undo in undos:
            undo()

    return undo_all
