"""The active faults, the entries of the timeline that started them, and their effects."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import define, evolve, field

from qutrio.model.ids import ChannelId, CheckId, NodeId, Seconds
from qutrio.sim.disk import Trouble as DiskTrouble
from qutrio.sim.host import Clock, Host
from qutrio.sim.options import Faults
from qutrio.sim.scenario.actions import FaultKind, FaultValue, Subject, Trouble
from qutrio.sim.world import World

ALWAYS: Final[Seconds] = float("inf")
RELINK_S: Seconds = 1.0
"""How long two nodes take to notice that they can reach each other again."""
_DISKS: Final = MappingProxyType(
    {
        Trouble.FULL: DiskTrouble.FULL,
        Trouble.FAILS: DiskTrouble.WRITE,
        Trouble.READ_ONLY: DiskTrouble.READ_ONLY,
    }
)


@define
class ActiveFaults:
    """The faults of each subject, by entry; the latest takes effect.

    `ids` maps the name of every node, including those that will join, to its id; `checks` and
    `channels` do the same for theirs.
    """

    world: World
    ids: dict[str, NodeId]
    checks: dict[str, CheckId]
    channels: dict[str, ChannelId]
    _active: dict[Subject, dict[int, FaultValue]] = field(factory=dict)

    def start(self, entry: int, subjects: Iterable[Subject], value: FaultValue) -> None:
        """Start a fault of some subjects on behalf of an entry."""
        for subject in subjects:
            entries = self._active.setdefault(subject, {})
            entries.pop(entry, None)
            entries[entry] = value
            self._apply(subject)

    def end(self, entry: int) -> bool:
        """End the faults of an entry; return whether there were any."""
        mine = [subject for subject, entries in self._active.items() if entry in entries]
        for subject in mine:
            del self._active[subject][entry]
            self._apply(subject)
        return bool(mine)

    def clear(self, subjects: Iterable[Subject]) -> None:
        """End the faults of some subjects, for all entries."""
        for wanted in subjects:
            everywhere = wanted.kind is FaultKind.TARGET and not wanted.other
            at_nodes = [
                subject
                for subject in self._active
                if everywhere and subject.other and evolve(subject, other="") == wanted
            ]
            for subject in (wanted, *at_nodes):
                if self._active.pop(subject, None):
                    self._apply(subject)

    def has(self, entry: int) -> bool:
        """Return whether a fault of an entry is active."""
        return any(entry in entries for entries in self._active.values())

    def joined(self, node: str) -> None:
        """Apply the faults of a node to its machine, which has just started."""
        for subject in [s for s in self._active if node in {s.name, s.other}]:
            self._apply(subject)

    def _apply(self, subject: Subject) -> None:
        values = [*self._active.get(subject, {}).values()]
        _APPLY[subject.kind](self, subject, values[-1] if values else None)

    def host(self, node: str) -> Host | None:
        """Return the machine of a node, unless it has not joined."""
        return self.world.hosts.get(self.ids.get(node, NodeId("")))

    def _link(self, subject: Subject, value: FaultValue | None) -> None:
        if not self.ids.keys() >= {subject.name, subject.other}:
            return
        pair, cut = (self.ids[subject.name], self.ids[subject.other]), self.world.network.cut
        if value:
            cut[pair] = ALWAYS
        elif cut.pop(pair, None) is not None and self.world.hosts.keys() >= set(pair):
            self.world.links.dial(*pair, RELINK_S)

    def _target(self, subject: Subject, value: FaultValue | None) -> None:
        targets, ident, node = self.world.targets, self.checks[subject.name], subject.other
        if not node:
            (targets.down.add if value else targets.down.discard)(ident)
        elif node in self.ids:
            pair = (self.ids[node], ident)
            (targets.lonely.add if value else targets.lonely.discard)(pair)

    def _probing(self, subject: Subject, value: FaultValue | None) -> None:
        if subject.name in self.ids:
            self.world.targets.blind[self.ids[subject.name]] = ALWAYS if value else 0.0

    def _disk(self, subject: Subject, value: FaultValue | None) -> None:
        host = self.host(subject.name)
        if host is None:
            return
        host.disk_fails_until = host.disk_stalls_s = 0.0
        if value is Trouble.STALLS:
            host.disk_stalls_s = ALWAYS
            return
        if isinstance(value, Trouble):
            host.disk_trouble, host.disk_fails_until = _DISKS[value], ALWAYS
        if host.stalled:
            self.world.wake(host, host.life)

    def _clock(self, subject: Subject, value: FaultValue | None) -> None:
        host, true = self.host(subject.name), self.world.true
        if host is None:
            return
        rate = value if isinstance(value, float) else 1.0
        offset = host.clock.at(true) - rate * true
        host.clock = Clock(offset=offset, rate=rate, wall_off_s=host.clock.wall_off_s)
        host.next_tick = ALWAYS
        self.world.plan_tick(host)

    def _channel(self, subject: Subject, value: FaultValue | None) -> None:
        channels, ident = self.world.channels, self.channels[subject.name]
        channels.failing.discard(ident)
        channels.hanging.discard(ident)
        if value is not None:
            (channels.hanging if value is Trouble.HANGS else channels.failing).add(ident)

    def _network(self, subject: Subject, value: FaultValue | None) -> None:
        option = _NETWORK[subject.kind]
        amount = getattr(Faults(), option) if value is None else value
        changed: dict[str, Any] = {option: amount}
        self.world.network.faults = evolve(self.world.network.faults, **changed)


_NETWORK: Final = MappingProxyType(
    {
        FaultKind.LOSS: "loss",
        FaultKind.DUPLICATION: "duplication",
        FaultKind.DELAY: "delay_s_max",
    }
)
_Apply = Callable[[ActiveFaults, Subject, FaultValue | None], None]
_APPLY: Final[Mapping[FaultKind, _Apply]] = MappingProxyType(
    {
        FaultKind.LINK: ActiveFaults._link,  # noqa: SLF001 - a table of its own methods
        FaultKind.TARGET: ActiveFaults._target,  # noqa: SLF001
        FaultKind.PROBING: ActiveFaults._probing,  # noqa: SLF001
        FaultKind.DISK: ActiveFaults._disk,  # noqa: SLF001
        FaultKind.CLOCK: ActiveFaults._clock,  # noqa: SLF001
        FaultKind.CHANNEL: ActiveFaults._channel,  # noqa: SLF001
        **dict.fromkeys(_NETWORK, ActiveFaults._network),  # noqa: SLF001
    }
)
