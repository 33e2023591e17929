"""The real probes of a world, with their times and results."""

from collections import OrderedDict, deque

from attrs import define, field, frozen

from qutrio.core.checks.votes import Serial
from qutrio.model.checks import Check
from qutrio.model.ids import CheckId, NodeId, Revision, Seconds
from qutrio.model.results import Outcome, Result
from qutrio.sim.host import Host

PROBES_KEPT = 64
NUMBERED_KEPT = 1024


@frozen
class Probe:
    """A real probe; `at` is when it ended, in true time."""

    at: Seconds
    check: CheckId
    changed: Revision
    outcome: Outcome


@define
class Probes:
    """The last probes of each node, by check and by serial number."""

    _of: dict[tuple[NodeId, CheckId], deque[Probe]] = field(factory=dict)
    _ended: dict[NodeId, deque[Probe]] = field(factory=dict)
    _numbered: dict[NodeId, OrderedDict[Serial, Probe]] = field(factory=dict)

    def ended(self, node: NodeId, result: Result, true: Seconds) -> None:
        """Record the end of a probe, before its node gets the result."""
        probe = Probe(true, result.check, result.changed, result.outcome)
        self._of.setdefault((node, result.check), deque(maxlen=PROBES_KEPT)).append(probe)
        self._ended.setdefault(node, deque()).append(probe)

    def forget(self, node: NodeId) -> None:
        """Record that a machine crashed or starts, and so misses the results of earlier probes."""
        self._ended.pop(node, None)

    def on_numbered(self, host: Host) -> None:
        """Record that a node has processed the next of its results, and numbered it."""
        assert host.node is not None
        waiting, watch = self._ended.get(host.name), host.node.exchange
        if waiting:
            numbered = self._numbered.setdefault(host.name, OrderedDict())
            numbered[watch.life, watch.probes] = waiting.popleft()
            if len(numbered) > NUMBERED_KEPT:
                numbered.popitem(last=False)

    def of(self, node: NodeId, check: Check) -> list[Probe]:
        """Return a node's probes of the current version of a check, oldest first."""
        return [p for p in self._of.get((node, check.id), ()) if p.changed == check.changed]

    def newest(self, node: NodeId, check: Check) -> Probe | None:
        """Return a node's last probe of the current version of a check."""
        probes = self._of.get((node, check.id), ())
        return next((p for p in reversed(probes) if p.changed == check.changed), None)

    def behind(self, node: NodeId, serial: Serial | None) -> Probe | None:
        """Return the probe that a node reported with this number, or None."""
        numbered = self._numbered.get(node)
        return numbered.get(serial) if numbered is not None and serial is not None else None
