"""One node's whole mind: a deterministic function of the events it has seen.

Rule 1: everything that decides lives below this module.  Rule 2: nothing here knows trio,
files, sockets, clocks or randomness; time arrives as `now`, dice as `rng`.

A step routes one event, lets every machine advance, and returns effects in this order:
first `Persist`, if anything durable changed; then what depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from attrs import define

from qutrio.core.alerting import Courier
from qutrio.core.calm import STEP_S_MIN, calm_until
from qutrio.core.chronicle import Chronicle
from qutrio.core.desk import Desk, hopeless, outlook, settle_write
from qutrio.core.disk import Disk
from qutrio.core.effects import Consequences, Effect, Note, Send, Show
from qutrio.core.events import (
    Announced,
    Attempted,
    Event,
    Expelled,
    Inspected,
    Linked,
    Observed,
    PersistFailed,
    ProbeRequested,
    Proposed,
    Received,
    Stop,
    Tenancy,
    Tick,
    YieldRequested,
)
from qutrio.core.expulsion import Expulsion, last_words
from qutrio.core.facts import DiskRefused, NodeFact, NodeStarted, RemovedFromCluster
from qutrio.core.handover import Handover
from qutrio.core.hearing import Hearing
from qutrio.core.limits import Limits
from qutrio.core.messages import Farewell, Message, Propose, Removed, Ruled
from qutrio.core.pager import Pager
from qutrio.core.shortening import follow_timers
from qutrio.core.status import describe, glimpse
from qutrio.core.unseen import Lookout
from qutrio.core.waking import wake_register, wake_seat
from qutrio.core.watch import Watch, new_life
from qutrio.model.ids import NEVER, Instant, NodeId, Revision, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.stable import Stable

if TYPE_CHECKING:
    from random import Random

    from qutrio.core.replication import Replication
    from qutrio.core.seat import Seat
    from qutrio.core.verdicts import Evaluation
    from qutrio.core.view import Status, View


@define(init=False)
class Node:
    """The composition of seat, register, watch, courier and desk for one member."""

    identity: NodeId
    deadline: Instant
    calm_until: Instant
    """Before this moment a step without news need not look at everything (`core.calm`)."""
    seat: Seat
    register: Replication
    watch: Watch
    pager: Pager
    chronicle: Chronicle
    hearing: Hearing
    desk: Desk
    handover: Handover
    removed: bool
    _stopped: bool
    _expulsion: Expulsion
    _disk: Disk
    _last: NodeFact

    def __init__(
        self,
        identity: NodeId,
        stable: Stable,
        *,
        now: Instant,
        rng: Random,
        limits: Limits = Limits(),
        level: int = LEVEL,
    ) -> None:
        """Wake up with what was durable.  `now` is the moment of the start.

        `level` is the feature level that this program may use and announces.
        """
        self.identity = identity
        self.register = wake_register(
            identity,
            stable,
            level,
            queued_max=limits.proposals_queued,
            per_write_max=limits.proposals_per_write,
        )
        self.seat = wake_seat(identity, stable, self.register, now, rng)
        self.watch = Watch(identity, new_life(rng), limits.results_per_report)
        self.pager = Pager(
            identity, self.seat, self.register, self.watch, Courier(rng), limits.errands
        )
        self.pager.lookout = Lookout(limits.unseen_after_s, limits.unseen_intervals)
        self.chronicle = Chronicle(
            identity, self.seat, self.register, self.watch.verdicts, self.pager.ages
        )
        self.desk = Desk(limits.wishes)
        self.handover = Handover(self.seat)
        self.hearing = Hearing(
            seat=self.seat,
            register=self.register,
            watch=self.watch,
            desk=self.desk,
            pager=self.pager,
            handover=self.handover,
        )
        self.deadline = now
        self.calm_until = NEVER
        self.removed = False
        self._stopped = False
        self._expulsion = Expulsion(identity)
        self._disk = Disk(stable)
        self._last = NodeStarted()

    def step(self, event: Event, now: Instant, wall: UnixTime) -> list[Effect]:
        """Absorb one event and return what the world must do, in order.

        Args:
            event: what happened.
            now: this moment on the node's boot-time clock, in seconds; never falls.
            wall: this moment since 1970 UTC, for people and for tokens to expire.
        """
        if self._stopped:
            return []  # whatever it said now would make it look alive
        if now >= self.calm_until:
            self.watch.verdicts.follow(self.register.committed.document, wall)
        effects = self.seat.clocks.look(now, wall)
        came = self._route(event, now, wall)
        quiet = came.renews and not effects and not self._to_look_into(now, wall)
        effects += came.effects
        if now >= self.calm_until or not quiet:
            before, heard_term = len(effects), self.seat.mandate.heard_term
            effects = self._look_round(event, effects, now, wall)
            self.calm_until = NEVER
            # what was done may have consequences in the next step
            quiet &= len(effects) == before and self.seat.mandate.heard_term == heard_term
            quiet &= not self.handover.wanted
        elif now >= self.seat.cadence.next_beat:
            effects += self._beat(now, wall)
        elif now <= self.deadline - STEP_S_MIN and not isinstance(event, Tick):
            return effects
        saving = self._saving(eager=isinstance(event, Tick | Stop))
        self.deadline = self._next_deadline(now)
        if self.calm_until <= self.deadline and quiet and not self.removed:
            self.calm_until = calm_until(self.pager, self.desk, self.deadline, now)
        self._last = next((e.fact for e in effects if isinstance(e, Note)), self._last)
        return saving + effects

    def view(self, now: Instant) -> View:
        """Return a value that is safe to hand to any other task."""
        minority, vacating = self.pager.minority, self.handover.vacating
        return glimpse(self.seat, now, removed=self.removed, vacating=vacating, minority=minority)

    # --- events -----------------------------------------------------------------------------

    def _route(  # noqa: C901, PLR0911, PLR0912 - one branch for each kind of event
        self, event: Event, now: Instant, wall: UnixTime
    ) -> Consequences:
        match event:
            case Received(sender, message):
                return self._received(sender, message, now, wall)
            case Tick():
                return Consequences([], renews=True)
            case Linked(peer):
                return Consequences(self._linked(peer, now, wall))
            case Announced(peer, level):
                self.seat.announcements.hear(peer, level)
                return Consequences([])
            case Observed(result):
                if not self.removed:
                    self.pager.alarmed(self.watch.observed(result, now))
                return Consequences([], renews=True)
            case Proposed():
                return Consequences(self.desk.open(event, self.register.committed.document, now))
            case ProbeRequested(checks, of):
                peers = self.seat.roll.live_peers(now)
                return Consequences(self.watch.demand_of_all(checks, peers, of))
            case Attempted():
                return Consequences(self.pager.on_attempted(event, now))
            case Inspected(request):
                return Consequences([Show(request, self._describe(now))])
            case PersistFailed(reason, durable):
                return Consequences(self._persist_failed(reason, durable, now))
            case Expelled(teller, revision):
                return Consequences(self._told_removed(teller, revision, now))
            case YieldRequested(to):
                return Consequences(self.handover.ask(to, now))
            case Tenancy(tenants):
                self.seat.tenants = tenants
                return Consequences([])
            case Stop():
                self._stopped = True
                farewells: list[Effect] = [Send(p, Farewell()) for p in self.seat.roll.peers()]
                return Consequences(self.handover.leave(now) + farewells)
            case _:
                assert_never(event)

    def _received(
        self, sender: NodeId, message: Message, now: Instant, wall: UnixTime
    ) -> Consequences:
        committed, heard_term = self.register.committed, self.seat.mandate.heard_term
        if self.removed:
            return Consequences(last_words(committed, sender, message))
        stranger = sender == self.identity or sender not in committed.document.ids
        if stranger or not self.hearing.reaches(sender, message, now):
            return Consequences([], renews=self.seat.mandate.heard_term == heard_term)
        if isinstance(message, Removed):
            return Consequences(self._told_removed(sender, message.revision, now))
        return self.hearing.hear(sender, message, now, wall)

    def _told_removed(self, sender: NodeId, revision: Revision, now: Instant) -> list[Effect]:
        document, holder = self.register.committed.document, self.seat.mandate.promise.holder
        believed = self._expulsion.believed(sender, revision, document, holder)
        return self._expelled("the other members say so", now) if believed else []

    def _linked(self, peer: NodeId, now: Instant, wall: UnixTime) -> list[Effect]:
        document = self.register.committed.document
        if self.removed:
            return last_words(self.register.committed, peer, None)
        if document.member(peer) is None:
            return [Send(peer, Removed(revision=document.revision))]
        beat: list[Effect] = [Send(peer, self.seat.beat(now, wall))]
        return beat + self.watch.tell_newcomer(peer, now) + self.pager.tell_ages(peer, now)

    def _persist_failed(self, reason: str, durable: Stable, now: Instant) -> list[Effect]:
        effects = self.seat.resign(None, "cannot write its disk", now)
        self.seat.fit = False
        self.seat.mandate.promise = durable.promise
        self.seat.steering.restore(durable.ballot)
        self.register.roll_back(durable.accepted, durable.committed)
        self.chronicle.go_back(durable.committed.ledger)
        self._disk.refused(reason, durable, now)
        effects.append(Note(DiskRefused(reason)))
        return effects

    def _expelled(self, reason: str, now: Instant) -> list[Effect]:
        if self.removed:
            return []
        self.removed = True
        effects = self.seat.resign(None, "is no longer a member", now)
        return [*effects, Note(RemovedFromCluster(reason))]

    # --- what follows from any event --------------------------------------------------------

    def _to_look_into(self, now: Instant, wall: UnixTime) -> bool:
        """Count new votes in the calm; tell whether there is something to say or to look at."""
        if now >= self.calm_until:
            return False
        verdicts, soon = self.watch.verdicts, max(self.deadline, self.calm_until)
        if not verdicts.uncounted:
            return self.watch.urgent
        was_due = verdicts.deadline()
        found = self._count(now, wall)
        pressing = self.watch.urgent or self.pager.pressing or bool(found.facts)
        return pressing or min(was_due, verdicts.deadline()) <= soon

    def _look_round(
        self, event: Event, effects: list[Effect], now: Instant, wall: UnixTime
    ) -> list[Effect]:
        """Let every machine go on; return `effects` and what follows."""
        if not self.removed:
            effects += self._advance(now, wall)
        effects = self._to_self(effects + self._follow_membership(now), now)
        effects += self._to_self(self._answers(now), now)
        self.pager.ages.follow(self.register.committed.ledger, now, wall)
        return effects + self.chronicle.tell(event, effects, now, wall)

    def _beat(self, now: Instant, wall: UnixTime) -> list[Effect]:
        beats = self.seat.beat_all(now, wall)
        return beats + self.watch.tell(self.seat.roll.live_peers(now), now, all_of_it=True)

    def _advance(self, now: Instant, wall: UnixTime) -> list[Effect]:
        effects: list[Effect] = []
        if not self._stopped and self.seat.beat_due(now):
            if self._disk.deserves_a_trial(now):
                self.seat.fit = True  # `Persist` comes before the heartbeats that say so
            effects += self._beat(now, wall)
        if not self._stopped:
            effects += self.seat.advance(now, wall) + self.seat.steering.tell()
        self._count(now, wall)
        effects += self.watch.tell(self.seat.roll.live_peers(now), now, all_of_it=False)
        effects += self.pager.look_again(now, wall)
        effects = self._to_self(effects + self._answers(now), now)
        effects = self._to_self(effects + self._write(now, wall), now)
        if not self.pager.courier.busy(now) and self.register.flight is None:
            effects += self._to_self(self.handover.advance(now), now)
        return effects + self.pager.pass_on(now)

    def _count(self, now: Instant, wall: UnixTime) -> Evaluation:
        """Evaluate the votes, and pass on what came of it."""
        verdicts, ledger = self.watch.verdicts, self.register.committed.ledger
        verdicts.follow(self.register.committed.document, wall)
        verdicts.attend(self.seat.roll.live(now))
        open_ = frozenset(i.check for i in ledger.incidents)
        found = verdicts.evaluate(now, wall, self.seat.settings.confirm_after_s, open_)
        self.pager.counted(found.changed)
        self.chronicle.counted(found.facts)
        return found

    def _write(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Settle, announce and write until a majority of others has to be waited for."""
        effects: list[Effect] = []
        while True:
            if self.register.settled():
                effects += settle_write(self.seat)
                self._count(now, wall)  # a voter that went, or came, counts from here on
            effects += self._announce(now, wall)
            if not self.register.settled():
                return effects

    def _announce(self, now: Instant, wall: UnixTime) -> list[Effect]:
        if not self.pager.may_write(now):
            return []
        for change in self.hearing.own_changes(now):
            self.register.propose(change)
        effects = self.register.pump(self.pager.ledger(now, wall), now, wall)
        return effects + self.pager.send_out(self.seat.roll.live_peers(now), now)

    def _answers(self, now: Instant) -> list[Effect]:
        if self.desk.idle:
            return []
        return self.desk.advance(outlook(self.seat, now, removed=self.removed), now)

    def _to_self(self, effects: list[Effect], now: Instant) -> list[Effect]:
        """Carry messages to oneself, which do not travel, and return the other effects."""
        out, me = list[Effect](), self.identity
        for effect in effects:
            match effect.message if isinstance(effect, Send) and effect.to == me else None:
                case Propose() as propose:
                    out += self._to_self(self.hearing.propose(self.identity, propose, now), now)
                case Ruled() as ruled:
                    self.desk.on_ruled(self.identity, ruled, now)
                case _:
                    out.append(effect)
        return out

    def _follow_membership(self, now: Instant) -> list[Effect]:
        members = self.register.committed.document.ids
        follow_timers(self.seat, now)
        self.seat.forget_strangers(members)
        self.register.forget_strangers(members)
        self.hearing.forget_strangers(members)
        gone = self.identity not in members
        return self._expelled("the cluster's document no longer names it", now) if gone else []

    def _saving(self, *, eager: bool) -> list[Effect]:
        """Persist what changed; a commit alone can wait, for it can be learned again."""
        seat, register = self.seat, self.register
        stable = Stable(
            seat.mandate.promise, register.accepted, register.committed, seat.steering.remembered
        )
        return self._disk.saving(stable, eager=eager and self.seat.fit)

    def _next_deadline(self, now: Instant) -> Instant:
        if self.register.waiting and self.pager.may_write(now):
            return Instant(now + STEP_S_MIN)
        moments = [
            self.seat.deadline(now),
            self.watch.verdicts.deadline(),
            self.pager.deadline(),
            self.desk.deadline(),
        ]
        soonest = min((m for m in moments if m > now), default=self.seat.cadence.next_beat)
        return max(soonest, Instant(now + STEP_S_MIN))

    def _describe(self, now: Instant) -> Status:
        return describe(
            self.seat,
            self.register,
            self.watch.verdicts,
            self.pager.ages,
            now,
            removed=self.removed,
            hopeless=hopeless(self.seat, now, removed=self.removed) or "",
            last=self._last,
            disk=self._disk.trouble,
            leads_minority=self.pager.minority.leads,
            courier=None if self.seat.acting_until(now) is None else self.pager.courier,
        )
