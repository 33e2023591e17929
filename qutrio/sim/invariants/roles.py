"""The master: invariants 1, 2 and 10.

A node begins to act only in a step of its own, so it is enough to check the node that the last
event affected, and to compare it with those that acted before.  How long the master has heard a
lower id without a gap is measured here independently, from the received messages.
"""

from collections.abc import Mapping
from operator import is_

from attrs import define, field

from qutrio.core.api.effects import Effect, Send
from qutrio.core.api.events import Event, Received, Stop
from qutrio.core.api.messages import Farewell, Removed, Resign
from qutrio.core.election.engines import DESCRIPTORS
from qutrio.core.quorum.majorities import holds_quorum
from qutrio.model.ids import Instant, NodeId, Seconds, Term
from qutrio.model.stable import Promise, Record, Stable
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken

ROUNDING_S: Seconds = 1e-6
DEAD_AFTER_S_MIN: Seconds = 0.5
"""The shortest that can be set, so that shorter gaps do not matter."""
CLOCK_RATE_MIN = 0.95
UNDISTURBED_DEADS = 3
"""After this many times `dead_after` without trouble, a transfer must succeed at once."""


@define
class Streak:
    """How long one node has heard another without a gap, by its own clock."""

    since: Instant
    last: Instant


@define
class Roles:
    """All nodes that acted, and their terms."""

    acted: set[NodeId] = field(factory=set)
    troubled_until: Seconds = float("-inf")
    """The last time at which something was wrong."""
    lied_at: Seconds = float("-inf")
    """When a member last lied; that may delay an election, and so disturb a transfer."""
    moved_at: Seconds = float("-inf")
    """When a node last began to act that had not acted last."""
    begun_at: Seconds = float("-inf")
    """When a node last began to act."""
    _last: NodeId | None = None
    _acting: set[NodeId] = field(factory=set)
    _claiming: set[NodeId] = field(factory=set)
    _holders: dict[Term, NodeId] = field(factory=dict)
    _reported: dict[NodeId, Term] = field(factory=dict)
    _checked: dict[NodeId, tuple[Promise, Record, Stable]] = field(factory=dict)
    """The state with which the reported term of each host was last checked."""
    _streaks: dict[NodeId, dict[NodeId, Streak]] = field(factory=dict)
    _handed: tuple[NodeId, NodeId, Seconds] | None = None
    placed_at: Seconds = float("-inf")
    """When an operator last moved the role."""
    _placed: dict[NodeId, tuple[Seconds, Seconds]] = field(factory=dict)
    """Nodes to which an operator moved the role: when they learned it, how long they keep it."""
    _relied: dict[NodeId, Seconds] = field(factory=dict)
    """Until when programs at a node rely on its lease, in true time."""

    def forget(self, name: NodeId) -> None:
        """Record that a machine lost its memory, and so restarts all measurements."""
        self._streaks.pop(name, None)
        self._placed.pop(name, None)

    def streak(self, host: Host, other: NodeId, now: Instant) -> Seconds:
        """Return how long a host has heard another node without a gap."""
        heard = self._streaks.get(host.name, {}).get(other)
        if heard is None or now - heard.last >= _dead_after(host):
            return 0.0
        return now - heard.since

    def rely_until(self, host: Host, until: Instant) -> None:
        """Record that programs at a node may rely on its lease until then."""
        self._relied[host.name] = host.clock.true(until)

    def rely_no_more(self, name: NodeId) -> None:
        """Record that the programs at a node no longer rely on it."""
        self._relied.pop(name, None)

    def stepped(self, host: Host, event: Event, effects: list[Effect], true: Seconds) -> None:
        """Measure how long others are heard, and judge a transfer."""
        if isinstance(event, Received):
            self._on_message(host, event, true)
        if host.name in self._claiming and not isinstance(event, Stop):
            for effect in effects:
                if isinstance(effect, Send) and isinstance(effect.message, Resign):
                    self._judge_handover(host, effect.message, true)
                    break

    def check(
        self, hosts: Mapping[NodeId, Host], host: Host, true: Seconds, *, written: bool
    ) -> None:
        """Check the host that the last event affected.

        `written` says that it runs, and that its decisions are on its disk.
        """
        if written:
            self._check_term(host, true)
        if host.node is None or host.node.leadership.lease.claim is None:
            self._claiming.discard(host.name)
            self._acting.discard(host.name)
            return  # a node without a claim does not act
        self._claiming.add(host.name)
        if not host.acting(true):
            self._acting.discard(host.name)
            return
        others = [n for n in self._acting if n != host.name and hosts[n].acting(true)]
        if others:
            raise broken(1, true, f"{sorted([host.name, *others])} act at once")
        for name, until in self._relied.items():
            if name != host.name and until > true + ROUNDING_S:
                what = f"{host.name} acts, and programs at {name} rely on its lease"
                raise broken(1, true, f"{what} for {until - true:.3f} s more")
        begins = host.name not in self._acting
        self._acting.add(host.name)
        self.acted.add(host.name)
        if written:
            self._check_grants(hosts, host, true)
        if self._last != host.name:
            self._last, self.moved_at = host.name, true
        if begins:
            self.begun_at = true
            self._judge_successor(host, true)

    def _check_term(self, host: Host, true: Seconds) -> None:
        assert host.node is not None
        leadership = host.node.leadership
        looked = (leadership.lease.promise, leadership.register.accepted, host.disk)
        before = self._checked.get(host.name)
        if before is not None and all(map(is_, before, looked)):
            return
        self._checked[host.name] = looked
        term = leadership.known_term
        least = max(host.disk.promise.term, self._reported.get(host.name, Term(0)))
        if term < least:
            raise broken(2, true, f"the term of {host.name} fell from {least} to {term}")
        self._reported[host.name] = term

    def _check_grants(self, hosts: Mapping[NodeId, Host], host: Host, true: Seconds) -> None:
        assert host.node is not None
        register = host.node.register
        term = register.established
        assert term is not None, "only an established node acts"
        holder = self._holders.get(term)
        if holder == host.name:
            return
        if holder is not None:
            raise broken(2, true, f"{holder} and {host.name} both acted in term {term}")
        self._holders[term] = host.name
        promised = {
            name
            for name, other in hosts.items()
            if other.disk.promise.term > term
            or (other.disk.promise.term == term and other.disk.promise.holder == host.name)
        }
        for voters in (register.joint_config.committed, register.joint_config.accepted):
            if not holds_quorum(promised, voters):
                what = f"{host.name} acts in term {term}, granted on the disks of"
                raise broken(2, true, f"{what} {sorted(promised)} only")

    # --- the lower id that returns ----------------------------------------------------------

    def _on_message(self, host: Host, event: Received, true: Seconds) -> None:
        assert host.node is not None
        now = host.clock.at(true)
        document = host.node.register.committed.document
        too_old = host.node.leadership.announcements.too_old(event.sender, document)
        if too_old or isinstance(event.message, Removed):
            return
        if isinstance(event.message, Resign):
            self._record_placed(host, event.sender, event.message, true)
        heard = self._streaks.setdefault(host.name, {})
        streak = heard.get(event.sender)
        gap = now - streak.last if streak is not None else 0.0
        if streak is None or (gap >= DEAD_AFTER_S_MIN and gap >= _dead_after(host)):
            heard[event.sender] = Streak(now, now)
        else:
            streak.last = now
        if isinstance(event.message, Farewell):
            del heard[event.sender]

    def _judge_handover(self, host: Host, resign: Resign, true: Seconds) -> None:
        assert host.node is not None
        successor = resign.successor
        if successor is None:
            return
        settings = host.node.leadership.settings
        cooldown = settings.master_cooldown_s
        if resign.by_hand:
            self.placed_at = true
        elif DESCRIPTORS[settings.engine].ranks_by_id:
            self._judge_cooldown(host, successor, cooldown, true)
        self._judge_successor(host, true)
        self._handed = (host.name, successor, true)

    def _record_placed(self, host: Host, sender: NodeId, resign: Resign, true: Seconds) -> None:
        """Record that a host learned from the master that an operator moved the role to it."""
        assert host.node is not None
        leadership = host.node.leadership
        promise, observed = leadership.lease.promise, leadership.observed_master
        known = sender == promise.holder or observed.acted(sender, resign.term)
        late = resign.term < promise.term
        if resign.by_hand and resign.successor == host.name and known and not late:
            self._placed[host.name] = (true, leadership.settings.master_cooldown_s)

    def _judge_cooldown(
        self, host: Host, successor: NodeId, cooldown: Seconds, true: Seconds
    ) -> None:
        waited = self.streak(host, successor, host.clock.at(true))
        if successor >= host.name or waited < cooldown - ROUNDING_S:
            what = f"{host.name} hands over to {successor}, heard for {waited:.3f} s"
            raise broken(10, true, f"{what} of {cooldown:g} s")
        placed_at, kept_s = self._placed.get(host.name, (float("-inf"), 0.0))
        if true < placed_at + min(kept_s, cooldown) * CLOCK_RATE_MIN:
            what = f"{host.name} was given the role by hand {true - placed_at:.1f} s ago"
            raise broken(10, true, f"{what}, and gives it to {successor}")

    def _judge_successor(self, host: Host, true: Seconds) -> None:
        handed, self._handed = self._handed, None
        if handed is None or host.name == handed[1]:
            return
        before = handed[2] - UNDISTURBED_DEADS * _dead_after(host)
        if max(self.troubled_until, self.lied_at) < before:
            what = f"{handed[0]} handed over to {handed[1]}, and {host.name} acts"
            raise broken(10, true, what)


def _dead_after(host: Host) -> Seconds:
    assert host.node is not None
    return host.node.leadership.settings.dead_after_s
