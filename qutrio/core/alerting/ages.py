"""How long each open incident has lasted, by this node's boot clock and never by a wall clock.

Theory of operation.  Every node notes on its own boot clock when it learned that a majority
holds an incident.  So whoever is master when it ends says how long it lasted, also when another
opened it.  A node that started in the middle cannot have measured the beginning: the members
that it links with tell it the *age* of each incident that they measured, never a moment.  Until
then it estimates by the wall clock, which is never taken for less than nothing.  The same goes
for checks without a verdict; what is written of them says how old it was by then.

One member's word does not make an outage longer.  The holder that this node endorsed is believed;
beside that, of all that is known, the longest age counts that another one reaches as well.
Only a node that knows nothing better takes the first word that it gets.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.model.ids import IncidentId, Instant, NodeId, Seconds, UnixTime
from qutrio.model.incidents import Incident, Ledger

if TYPE_CHECKING:
    from qutrio.model.unseen import Unjudged, Unseen

AGES_TOLD_MAX = 500
"""Incidents whose age one message tells; a peer estimates the others."""
AGES_KNOWN_MAX = 2 * AGES_TOLD_MAX
"""From here on what was said of incidents that are not here is forgotten."""
AGE_S_MAX: Seconds = 10 * 366 * 86_400.0


@define
class IncidentAges:
    """When each open incident began, on this node's boot clock."""

    began: Mapping[IncidentId, Instant] = MappingProxyType({})
    """Replaced when it changes, so that views may hold it."""
    ended: Mapping[IncidentId, Seconds] = MappingProxyType({})
    """How long those lasted that the newest ledger holds no more."""
    _estimated: set[IncidentId] = field(factory=set)
    _measured: dict[IncidentId, Instant] = field(factory=dict)
    """What this node measured itself, or the holder that it endorsed told it."""
    _reported: dict[IncidentId, dict[NodeId, Instant]] = field(factory=dict)
    """What each peer said, also of incidents that are not here yet."""
    _ledger: Ledger | None = None

    def update(self, ledger: Ledger, now: Instant, wall: UnixTime) -> None:
        """Note which incidents a majority opened and closed, at `now`."""
        if ledger is self._ledger:
            return
        waking, self._ledger = self._ledger is None, ledger
        aged: list[Incident | Unjudged | Unseen] = [*ledger.incidents]
        aged += [*ledger.unjudged, *ledger.unseen]
        ids = {one.id for one in aged}
        if ids == self.began.keys():
            return
        self.ended = MappingProxyType({i: now - at for i, at in self.began.items() if i not in ids})
        began = {i: at for i, at in self.began.items() if i in ids}
        for one in aged:
            if one.id in began:
                continue
            if waking:
                self._estimated.add(one.id)
                began[one.id] = Instant(now - _bounded(wall - one.since_unix))
            else:
                noted_s = 0.0 if isinstance(one, Incident) else one.noted_s
                self._measured.setdefault(one.id, Instant(now - _bounded(noted_s)))
                began[one.id] = self._agreed(one.id)
        for gone in self.began.keys() - ids:
            self._measured.pop(gone, None)
            self._reported.pop(gone, None)
        self._estimated &= ids
        self.began = MappingProxyType(began)

    def lasted(self, incident: IncidentId, now: Instant) -> Seconds | None:
        """Return for how long an incident has been open; None for one that is not here."""
        at = self.began.get(incident)
        return None if at is None else max(0.0, now - at)

    def measured(self, now: Instant) -> tuple[tuple[IncidentId, Seconds], ...]:
        """Return the ages that this node measured itself, of a bounded number of incidents."""
        measured = [(i, now - at) for i, at in self.began.items() if i not in self._estimated]
        return tuple(measured[:AGES_TOLD_MAX])

    def record_reports(
        self,
        sender: NodeId,
        ages: tuple[tuple[IncidentId, Seconds], ...],
        now: Instant,
        *,
        trusted: bool = False,
    ) -> None:
        """Take in what a peer measured; `trusted` is the holder that this node endorsed."""
        began = dict(self.began)
        if len(self._reported) + len(self._measured) > AGES_KNOWN_MAX:
            self._forget_all_but(began.keys())
        for incident, age_s in ages[:AGES_TOLD_MAX]:
            at = Instant(now - _bounded(age_s))
            if trusted:
                self._measured[incident] = min(at, self._measured.get(incident, at))
            else:
                self._reported.setdefault(incident, {})[sender] = at
            if incident in began:
                self._estimated.discard(incident)
                began[incident] = self._agreed(incident)
        self.began = MappingProxyType(began)

    def _agreed(self, incident: IncidentId) -> Instant:
        """Return the earliest beginning that two bear out, or the only one that is known."""
        measured = self._measured.get(incident)
        known = sorted(self._reported.get(incident, {}).values())
        if measured is None:
            return known[min(1, len(known) - 1)]
        return min((measured, *known[1:2]))

    def _forget_all_but(self, here: AbstractSet[IncidentId]) -> None:
        """Forget what was said of incidents that are not here; most of them are long gone."""
        self._reported = {i: said for i, said in self._reported.items() if i in here}
        self._measured = {i: at for i, at in self._measured.items() if i in here}


def _bounded(age_s: Seconds) -> Seconds:
    return min(max(age_s, 0.0), AGE_S_MAX)
