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
from qutrio.core.cadence import Cadence
from qutrio.core.desk import Desk, Outlook
from qutrio.core.effects import Effect, Note, Persist, Send, Show
from qutrio.core.events import (
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
    Tick,
)
from qutrio.core.hearing import Hearing
from qutrio.core.mandate import NEVER, Mandate
from qutrio.core.messages import Commit, Farewell, Message, Propose, Removed, Ruled
from qutrio.core.mutations import PromoteMember
from qutrio.core.pager import Pager
from qutrio.core.quorum import holds_quorum, majority
from qutrio.core.replication import Proposal, Replication
from qutrio.core.seat import Seat
from qutrio.core.status import describe
from qutrio.core.view import Status, View
from qutrio.core.watch import Watch
from qutrio.model.ids import Instant, NodeId, Revision, Seconds, UnixTime
from qutrio.model.stable import Promise, Stable

if TYPE_CHECKING:
    from random import Random

DISK_RETRY_S: Seconds = 5.0
"""How long a node whose disk refused a write waits before it tries again."""
STEP_S_MIN: Seconds = 0.001


@define(init=False)
class Node:
    """The composition of seat, register, watch, courier and desk for one member."""

    identity: NodeId
    deadline: Instant
    seat: Seat
    register: Replication
    watch: Watch
    pager: Pager
    hearing: Hearing
    desk: Desk
    removed: bool
    _stopped: bool
    _expellers: set[NodeId]
    _expelled_at: Revision
    _saved: Stable
    _disk_retry_at: Instant
    _reason: str

    def __init__(self, identity: NodeId, stable: Stable, *, now: Instant, rng: Random) -> None:
        """Wake up with what was durable.  `now` is the moment of the start."""
        self.identity = identity
        self.register = Replication(
            me=identity, accepted=stable.accepted, committed=stable.committed
        )
        electors = self.register.electors
        forgot = stable.promise != Promise() and electors.all != {identity}
        bound_s = max(
            stable.accepted.document.settings.dead_after_s,
            stable.committed.document.settings.dead_after_s,
        )
        self.seat = Seat(
            me=identity,
            register=self.register,
            mandate=Mandate(
                me=identity,
                promise=stable.promise,
                quiet_until=Instant(now + bound_s) if forgot else NEVER,
                heard_term=stable.promise.term,
            ),
            cadence=Cadence(next_beat=now),
        )
        self.watch = Watch(identity)
        self.pager = Pager(identity, self.seat, self.register, self.watch, Courier(rng))
        self.desk = Desk()
        self.hearing = Hearing(
            seat=self.seat,
            register=self.register,
            watch=self.watch,
            desk=self.desk,
            pager=self.pager,
        )
        self.deadline = now
        self.removed = False
        self._stopped = False
        self._expellers, self._expelled_at = set(), Revision(0)
        self._saved = stable
        self._disk_retry_at = NEVER
        self._reason = "started"

    def step(self, event: Event, now: Instant, wall: UnixTime) -> list[Effect]:
        """Absorb one event and return what the world must do, in order.

        Args:
            event: what happened.
            now: this moment on the node's boot-time clock, in seconds; never falls.
            wall: this moment since 1970 UTC, for people and for tokens to expire.
        """
        if self._stopped:
            return []  # whatever it said now would make it look alive
        self._stopped = isinstance(event, Stop)
        self.watch.verdicts.follow(self.register.committed.document, wall)
        effects = self._route(event, now, wall)
        if not self.removed:
            effects += self._advance(now, wall)
        effects = self._to_self(effects + self._follow_membership(now), now)
        effects += self._to_self(self._answers(now), now)
        saving = self._saving(eager=isinstance(event, Tick | Stop))
        self.deadline = self._next_deadline(now)
        self._reason = next((_say(e) for e in effects if isinstance(e, Note)), self._reason)
        return saving + effects

    def view(self, now: Instant) -> View:
        """Return a value that is safe to hand to any other task."""
        document = self.register.committed.document
        return View(
            node=self.identity,
            document=document,
            position=self.register.committed.position,
            term=self.seat.known_term(now),
            master=self.seat.incumbent(now),
            acting_until=self.seat.acting_until(now),
            live=self._live(now),
            removed=self.removed,
        )

    # --- events -----------------------------------------------------------------------------

    def _route(  # noqa: C901, PLR0911, PLR0912 - one branch for each kind of event
        self, event: Event, now: Instant, wall: UnixTime
    ) -> list[Effect]:
        match event:
            case Tick():
                return []
            case Received(sender, message):
                return self._received(sender, message, now, wall)
            case Linked(peer):
                return self._linked(peer, now, wall)
            case Observed(result):
                if not self.removed:
                    self.watch.observed(result, now)
                return []
            case Proposed(request, mutation):
                revision = self.register.committed.document.revision
                return self.desk.open(request, mutation, revision, now)
            case ProbeRequested(checks):
                return self.watch.demand_of_all(checks, self._live_peers(now))
            case Attempted():
                return self.pager.on_attempted(event, now)
            case Inspected(request):
                return [Show(request, self._describe(now))]
            case PersistFailed(reason, durable):
                return self._persist_failed(reason, durable, now)
            case Expelled(reason):
                return self._expelled(reason, now)
            case Stop():
                farewells: list[Effect] = [Send(p, Farewell()) for p in self.seat.peers()]
                return self.seat.leave(now) + farewells
            case _:
                assert_never(event)

    def _received(
        self, sender: NodeId, message: Message, now: Instant, wall: UnixTime
    ) -> list[Effect]:
        document = self.register.committed.document
        if isinstance(message, Removed):
            return self._told_removed(sender, message.revision, now)
        if sender == self.identity or document.member(sender) is None or self.removed:
            return []
        self.seat.liveness.heard(sender, now, self.seat.settings.dead_after_s)
        return self.hearing.hear(sender, message, now, wall)

    def _told_removed(self, sender: NodeId, revision: Revision, now: Instant) -> list[Effect]:
        """Believe the master, or a majority of the others; one member's word is not enough."""
        document = self.register.committed.document
        if revision < max(document.revision, self._expelled_at) or not document.member(sender):
            return []
        if revision > self._expelled_at:
            self._expelled_at, self._expellers = revision, set()
        self._expellers.add(sender)
        master = sender in {self.seat.mandate.promise.holder, self.seat.incumbent(now)}
        if master or holds_quorum(self._expellers, document.voters - {self.identity}):
            return self._expelled("the other members say so", now)
        return []

    def _linked(self, peer: NodeId, now: Instant, wall: UnixTime) -> list[Effect]:
        document = self.register.committed.document
        if self.removed:
            return []
        if document.member(peer) is None:
            return [Send(peer, Removed(revision=document.revision))]
        beat: list[Effect] = [Send(peer, self.seat.beat(now, wall))]
        return beat + self.watch.tell_newcomer(peer, now)

    def _persist_failed(self, reason: str, durable: Stable, now: Instant) -> list[Effect]:
        effects = self.seat.resign(None, "cannot write its disk", now)
        self.seat.fit = False
        self.seat.mandate.promise = durable.promise
        self.register.roll_back(durable.accepted, durable.committed)
        self._saved = durable
        self._disk_retry_at = Instant(now + DISK_RETRY_S)
        effects.append(Note("the disk refused a write", (("reason", reason),)))
        return effects

    def _expelled(self, reason: str, now: Instant) -> list[Effect]:
        if self.removed:
            return []
        self.removed = True
        effects = self.seat.resign(None, "is no longer a member", now)
        effects.append(Note("this node was removed from the cluster", (("reason", reason),)))
        return effects

    # --- what follows from any event --------------------------------------------------------

    def _advance(self, now: Instant, wall: UnixTime) -> list[Effect]:
        effects: list[Effect] = []
        if not self._stopped and self.seat.beat_due(now):
            if not self.seat.fit and now >= self._disk_retry_at:
                self.seat.fit = True
            effects += self.seat.beat_all(now, wall)
            effects += self.watch.tell(self._live_peers(now), now, all_of_it=True)
        if not self._stopped:
            effects += self.seat.advance(now, wall)
        effects += self._judge(now, wall)
        effects = self._to_self(effects + self._answers(now), now)
        effects = self._to_self(effects + self._write(now, wall), now)
        if not self.pager.courier.busy(now) and self.register.flight is None:
            effects += self._to_self(self.seat.hand_over(now), now)
        return effects + self.pager.pass_on(now)

    def _judge(self, now: Instant, wall: UnixTime) -> list[Effect]:
        verdicts, pause = self.watch.verdicts, self.seat.settings.confirm_after_s
        verdicts.follow(self.register.committed.document, wall)
        open_ = frozenset(i.check for i in self.register.committed.ledger.incidents)
        verdicts.attend(self._live(now))
        verdicts.evaluate(now, wall, pause, open_)
        effects = self.watch.tell(self._live_peers(now), now, all_of_it=False)
        alarms, self.watch.alarms = self.watch.alarms, set()
        if self.seat.acting_until(now) is not None:
            asked = verdicts.to_probe(now, alarms, pause)
            effects += self.watch.demand_of_all(asked, self._live_peers(now))
        return effects

    def _write(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Settle, announce and write until a majority of others has to be waited for."""
        effects: list[Effect] = []
        while True:
            if self.register.settled():
                effects += self._settle()
            effects += self._announce(now, wall)
            if not self.register.settled():
                return effects

    def _announce(self, now: Instant, wall: UnixTime) -> list[Effect]:
        if not self.pager.may_write(now):
            return []
        self._promote(now)
        effects = self.register.pump(self.pager.ledger(now, wall), now, wall)
        return effects + self.pager.send_out(self._live_peers(now), now)

    def _promote(self, now: Instant) -> None:
        register = self.register
        for member in register.committed.document.members:
            current = self.hearing.positions.get(member.id) == register.committed.position
            if not member.voter and current and member.id in self._live(now):
                register.propose(Proposal(PromoteMember(node=member.id), None))
                return

    def _settle(self) -> list[Effect]:
        before = {m.id for m in self.register.committed.document.members}
        effects = self.register.settle()
        commit = Commit(position=self.register.committed.position)
        effects += [Send(peer, commit) for peer in self.seat.peers()]
        revision = self.register.committed.document.revision
        gone = before - {self.identity, *self.seat.peers()}
        return effects + [Send(node, Removed(revision=revision)) for node in sorted(gone)]

    def _answers(self, now: Instant) -> list[Effect]:
        outlook = Outlook(
            master=self.seat.incumbent(now),
            term=self.seat.incumbent_term(now),
            hopeless=self._hopeless(now),
            committed=self.register.committed.position,
            revision=self.register.committed.document.revision,
        )
        return self.desk.advance(outlook, now)

    def _to_self(self, effects: list[Effect], now: Instant) -> list[Effect]:
        """Carry messages to oneself, which do not travel, and return the other effects."""
        out: list[Effect] = []
        for effect in effects:
            match effect:
                case Send(self.identity, Propose() as propose):
                    out += self._to_self(self.hearing.propose(self.identity, propose, now), now)
                case Send(self.identity, Ruled() as ruled):
                    self.desk.on_ruled(self.identity, ruled, now)
                case _:
                    out.append(effect)
        return out

    def _hopeless(self, now: Instant) -> str | None:
        if self.removed:
            return "this node was removed from the cluster; nothing was changed"
        if self.seat.sees_majority(now):
            return None
        voters = self.register.committed.document.voters
        have, need = len(self.seat.contacts(now) & voters), majority(len(voters))
        counted = f"{have} of {len(voters)} voting members answer, {need} are needed"
        return f"no quorum: {counted}; nothing was changed"

    def _follow_membership(self, now: Instant) -> list[Effect]:
        members = frozenset(m.id for m in self.register.committed.document.members)
        self.seat.forget_strangers(members, now)
        for gone in self.hearing.positions.keys() - members:
            del self.hearing.positions[gone]
        if self.identity in members:
            return []
        return self._expelled("the cluster's document no longer names it", now)

    def _saving(self, *, eager: bool) -> list[Effect]:
        """Persist what changed; a commit alone can wait, for it can be learned again."""
        stable = Stable(self.seat.mandate.promise, self.register.accepted, self.register.committed)
        saved = self._saved
        same = stable.promise == saved.promise and stable.accepted is saved.accepted
        if same and (stable.committed is saved.committed or not eager or not self.seat.fit):
            return []
        self._saved = stable
        return [Persist(stable)]

    def _next_deadline(self, now: Instant) -> Instant:
        if self.register.waiting and self.pager.may_write(now):
            return Instant(now + STEP_S_MIN)
        moments = [
            self.seat.deadline(now),
            self.watch.verdicts.deadline(),
            self.pager.courier.deadline(),
            self.desk.deadline(),
        ]
        soonest = min((m for m in moments if m > now), default=self.seat.cadence.next_beat)
        return max(soonest, Instant(now + STEP_S_MIN))

    def _describe(self, now: Instant) -> Status:
        return describe(
            self.seat,
            self.register,
            self.watch.verdicts,
            now,
            removed=self.removed,
            reason=self._hopeless(now) or self._reason,
        )

    def _live(self, now: Instant) -> frozenset[NodeId]:
        document = self.register.committed.document
        members = [m.id for m in document.members]
        live = self.seat.liveness.live(members, now, document.settings.dead_after_s)
        return live | ({self.identity} & set(members))

    def _live_peers(self, now: Instant) -> list[NodeId]:
        return sorted(self._live(now) - {self.identity})


def _say(note: Note) -> str:
    return ", ".join([note.what, *(f"{key} {value}" for key, value in note.details)])
