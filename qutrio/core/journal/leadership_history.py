"""The history of masters: which node was master when, and why that ended, as one node saw it.

Theory of operation.  At the end of every step a node knows the master and its term.  When they
differ from those of the step before, a term as master ended, or began, or both.  The reason for
the end is in the event (the master's resignation) or in the effects of this node; otherwise there
is a master in a higher term, or the master fell silent.  A node that is down sees nothing, so the
end of a term at that time is unknown.  Facts that can repeat forever are written a bounded number
of times.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from qutrio.core.api.effects import Effect, LogFact
from qutrio.core.api.events import Event, Received
from qutrio.core.api.facts import RemovedFromCluster, Resigned
from qutrio.core.api.messages import Heartbeat, Resign
from qutrio.core.journal.clock_shifts import shifted
from qutrio.model.journal import Entry, Fact, Named, RoleLeft, RoleTaken, Started

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from qutrio.core.api.facts import NodeFact
    from qutrio.core.leadership.leadership import Leadership
    from qutrio.model.ids import Instant, NodeId, Seconds, Term, UnixTime

TERMS_PER_HOUR_MAX = 240
"""The most terms as master that are written within an hour."""
HOUR_S: Seconds = 3600.0
REASON_CHARS_MAX = 200
GAVE_UP = "gave the role up"
"""The reason that is written when the master gave none."""
HIGHER_TERM = "a higher term"
SILENT = "fell silent"
RAN_OUT = "its lease ran out"
REMOVED = "was removed"
EXPELLED = "this node was removed from the cluster"
"""The reason when this node no longer hears from the others."""


@define
class LeadershipHistory:
    """Makes journal facts of changes of master, as one node sees them."""

    leadership: Leadership
    _over: bool = False
    _current: tuple[NodeId, Term] | None = None
    _written: bool = False
    _untold: int = 0
    _begun_at: deque[Instant] = field(factory=lambda: deque(maxlen=TERMS_PER_HOUR_MAX))

    def update(self, event: Event, effects: Sequence[Effect], now: Instant) -> list[Fact]:
        """Return the facts to write after a step with this event and these effects."""
        if self._over:
            return []
        self._over = any(isinstance(f, RemovedFromCluster) for f in _noted(effects))
        master = None if self._over else self.leadership.master(now)
        was = self._current
        self._current = None if master is None else (master, self.leadership.master_term(now))
        if self._current == was:
            return []
        facts: list[Fact] = []
        if was is not None and self._written:
            node, term = was
            reason = self._why(node, term, event, effects)[:REASON_CHARS_MAX]
            facts.append(RoleLeft(master=self._named(node), term=term, reason=reason))
        if self._current is not None:
            facts += self._begin(*self._current, now)
        return facts

    def _begin(self, node: NodeId, term: Term, now: Instant) -> list[Fact]:
        times = self._begun_at
        spent = len(times) == TERMS_PER_HOUR_MAX and now - times[0] < HOUR_S
        self._written = not spent
        if spent:
            self._untold += 1
            return []
        times.append(now)
        untold, self._untold = self._untold, 0
        return [RoleTaken(master=self._named(node), term=term, untold=untold)]

    def _why(self, node: NodeId, term: Term, event: Event, effects: Sequence[Effect]) -> str:
        match event:
            case Received(sender, Resign(reason=reason) as message) if sender == node:
                if message.term >= term:
                    return reason or GAVE_UP
            case Received(sender, Heartbeat(claim=None)) if sender == node:
                return GAVE_UP  # its `Resign` was lost
            case _:
                pass
        if self._current is not None:
            return HIGHER_TERM
        if self._over and node != self.leadership.me:
            return EXPELLED
        if node == self.leadership.me:
            return self._own(effects)
        return SILENT if node in self.leadership.register.committed.document.ids else REMOVED

    def _own(self, effects: Sequence[Effect]) -> str:
        return next((f.reason for f in _noted(effects) if isinstance(f, Resigned)), RAN_OUT)

    def _named(self, node: NodeId) -> Named:
        member = self.leadership.register.committed.document.member(node)
        return Named(node, member.name if member is not None else node)


def _noted(effects: Sequence[Effect]) -> Iterator[NodeFact]:
    return (effect.fact for effect in effects if isinstance(effect, LogFact))


class Outcome(Enum):
    """The state of a term as master, as far as the node knows."""

    ACTING = "acting"
    ENDED = "ended"
    UNSEEN = "unseen"
    """Whether it ended while this node was down is unknown."""


@frozen(kw_only=True)
class MasterTerm:
    """A node's time as master in one term.  A time is None if this node did not see it.

    `untold` terms before this one were not written.
    """

    master: Named
    term: Term
    since_unix: UnixTime | None
    until_unix: UnixTime | None
    outcome: Outcome
    reason: str = ""
    untold: int = 0


def master_terms(entries: Iterable[Entry]) -> tuple[MasterTerm, ...]:
    """Return the terms as master in a journal, oldest first, with times by the clock as it is now.

    A term that goes on after this node was down is listed once.
    """
    terms: list[MasterTerm] = []
    for entry in shifted(entries):
        match entry.fact:
            case Started():
                if terms and terms[-1].outcome is Outcome.ACTING:
                    terms[-1] = evolve(terms[-1], outcome=Outcome.UNSEEN)
            case RoleTaken() as taken:
                _on_taken(terms, taken, entry.at_unix)
            case RoleLeft() as left:
                _on_left(terms, left, entry.at_unix)
            case _:
                pass
    return tuple(terms)


def _on_taken(terms: list[MasterTerm], taken: RoleTaken, at: UnixTime) -> None:
    last = terms[-1] if terms else None
    same = last is not None and (last.master.id, last.term) == (taken.master.id, taken.term)
    if last is not None and same and last.outcome is not Outcome.ENDED:
        terms[-1] = evolve(last, outcome=Outcome.ACTING)
        return
    if last is not None and last.outcome is Outcome.ACTING:
        terms[-1] = evolve(last, outcome=Outcome.UNSEEN)  # the line of its end was lost
    term = MasterTerm(
        master=taken.master,
        term=taken.term,
        since_unix=at,
        until_unix=None,
        outcome=Outcome.ACTING,
        untold=taken.untold,
    )
    terms.append(term)


def _on_left(terms: list[MasterTerm], left: RoleLeft, at: UnixTime) -> None:
    ended = MasterTerm(
        master=left.master,
        term=left.term,
        since_unix=None,
        until_unix=at,
        outcome=Outcome.ENDED,
        reason=left.reason,
    )
    last = terms[-1] if terms else None
    if last is not None and (last.master.id, last.term) == (left.master.id, left.term):
        if last.outcome is Outcome.ENDED:
            return
        terms[-1] = evolve(ended, since_unix=last.since_unix, untold=last.untold)
    else:
        terms.append(ended)
