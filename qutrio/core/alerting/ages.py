"""How long each open incident has lasted, by this node's boot clock rather than a wall clock.

Theory of operation.  Every node records on its own boot clock when it learned that a majority
holds an incident.  So the master in whose term it ends knows how long it lasted, also if another
master opened it.  A node that started later did not measure the beginning: the members that it
connects to send it the *age* of each incident that they measured, never a time.  Until then it
estimates the age by the wall clock, as 0 at least.  The same applies to checks without a verdict;
their entries in the ledger say how old they were when they were written.

A single member cannot make an outage look longer.  The master to which this node granted its vote
is believed.  Besides that, the longest age counts that a second member confirms.  A node that has
no other information uses the first age that it receives.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import TypeAlias

from attrs import define, field

from qutrio.model.differences import differing
from qutrio.model.ids import IncidentId, Instant, NodeId, Seconds, UnixTime
from qutrio.model.incidents import Incident, Ledger
from qutrio.model.unseen import Unjudged, Unseen

_Aged: TypeAlias = Incident | Unjudged | Unseen

AGES_PER_MESSAGE_MAX = 500
"""The most incidents in one message; a peer estimates the ages of the others."""
AGES_KNOWN_MAX = 2 * AGES_PER_MESSAGE_MAX
"""Beyond this number the reported ages of unknown incidents are dropped."""
AGE_S_MAX: Seconds = 10 * 366 * 86_400.0


@define
class IncidentAges:
    """When each open incident began, on this node's boot clock."""

    began: Mapping[IncidentId, Instant] = MappingProxyType({})
    """Replaced when it changes, so that views may refer to it."""
    ended: Mapping[IncidentId, Seconds] = MappingProxyType({})
    """How long the incidents lasted that the newest ledger closed."""
    _instants: dict[IncidentId, Instant] = field(factory=dict)
    _estimated: set[IncidentId] = field(factory=set)
    _measured: dict[IncidentId, Instant] = field(factory=dict)
    """The beginnings that this node measured, or that the master it granted reported."""
    _reported: dict[IncidentId, dict[NodeId, Instant]] = field(factory=dict)
    """The beginnings that each peer reported, also of incidents that this node does not know."""
    _ledger: Ledger | None = None

    def update(self, ledger: Ledger, now: Instant, wall: UnixTime) -> None:
        """Record which incidents a majority opened and closed, at `now`."""
        if ledger is self._ledger:
            return
        first, was, self._ledger = self._ledger is None, self._ledger or Ledger(), ledger
        before, after = _aged(was, ledger)
        kept = {one.id for one in after}
        gone = [one.id for one in before if one.id not in kept]
        known = {one.id for one in before}
        new = [one for one in after if one.id not in known]
        if not new and not gone:
            return
        began = self._instants.copy()
        self.ended = MappingProxyType({i: now - began.pop(i) for i in gone})
        for one in new:
            if first:
                self._estimated.add(one.id)
                began[one.id] = Instant(now - _bounded(wall - one.since_unix))
            else:
                noted_s = 0.0 if isinstance(one, Incident) else one.noted_s
                self._measured.setdefault(one.id, Instant(now - _bounded(noted_s)))
                began[one.id] = self._agreed(one.id)
        for ident in gone:
            self._measured.pop(ident, None)
            self._reported.pop(ident, None)
            self._estimated.discard(ident)
        self._replace(began)

    def lasted(self, incident: IncidentId, now: Instant) -> Seconds | None:
        """Return for how long an incident has been open; None if this node does not know it."""
        at = self.began.get(incident)
        return None if at is None else max(0.0, now - at)

    def measured(self, now: Instant) -> tuple[tuple[IncidentId, Seconds], ...]:
        """Return the ages that this node did not estimate, as many as one message may hold."""
        measured = [(i, now - at) for i, at in self.began.items() if i not in self._estimated]
        return tuple(measured[:AGES_PER_MESSAGE_MAX])

    def record_reports(
        self,
        sender: NodeId,
        ages: tuple[tuple[IncidentId, Seconds], ...],
        now: Instant,
        *,
        trusted: bool = False,
    ) -> None:
        """Record a peer's ages; `trusted` says that this node granted its vote to that peer."""
        began = self._instants.copy()
        if len(self._reported) + len(self._measured) > AGES_KNOWN_MAX:
            self._forget_all_but(began.keys())
        for incident, age_s in ages[:AGES_PER_MESSAGE_MAX]:
            at = Instant(now - _bounded(age_s))
            if trusted:
                self._measured[incident] = min(at, self._measured.get(incident, at))
            else:
                self._reported.setdefault(incident, {})[sender] = at
            if incident in began:
                self._estimated.discard(incident)
                began[incident] = self._agreed(incident)
        self._replace(began)

    def _replace(self, began: dict[IncidentId, Instant]) -> None:
        self._instants, self.began = began, MappingProxyType(began)

    def _agreed(self, incident: IncidentId) -> Instant:
        """Return the earliest beginning that two members confirm, or the only known one."""
        measured = self._measured.get(incident)
        known = sorted(self._reported.get(incident, {}).values())
        if measured is None:
            return known[min(1, len(known) - 1)]
        return min((measured, *known[1:2]))

    def _forget_all_but(self, here: AbstractSet[IncidentId]) -> None:
        """Forget what was reported of unknown incidents; most of them ended long ago."""
        self._reported = {i: said for i, said in self._reported.items() if i in here}
        self._measured = {i: at for i, at in self._measured.items() if i in here}


def _aged(was: Ledger, now: Ledger) -> tuple[list[_Aged], list[_Aged]]:
    """Return what has an age and may have come or gone between two ledgers."""
    before, after = list[_Aged](), list[_Aged]()
    sections: tuple[tuple[tuple[_Aged, ...], tuple[_Aged, ...]], ...] = (
        (was.incidents, now.incidents),
        (was.unjudged, now.unjudged),
        (was.unseen, now.unseen),
    )
    for old, new in sections:
        left, right = differing(old, new)
        before += left
        after += right
    return before, after


def _bounded(age_s: Seconds) -> Seconds:
    return min(max(age_s, 0.0), AGE_S_MAX)
