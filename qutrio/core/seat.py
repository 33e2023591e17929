"""The seat: how heartbeats, an engine and the mandate together make one node act.

Theory of operation.  Heartbeats tell who is alive, who is able and who acts.  The engine turns
that into a choice.  The node that its own engine chooses asks, claims, and acts once a majority
is bound to its claim and the register is established in its term.  It gives the claim up when
it no longer can act, and hands it over when the engine names a successor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.adoption import Adoption
from qutrio.core.announcements import Announcements
from qutrio.core.credence import Credence
from qutrio.core.effects import Consequences, Effect, Note, Send
from qutrio.core.election.engines import CLAIMS
from qutrio.core.endorsement import LeaseVoter, follow_timers, restarted
from qutrio.core.facts import Resigned, RoleClaimed
from qutrio.core.incumbency import Incumbency
from qutrio.core.liveness import Cadence, Liveness
from qutrio.core.mandate import DRIFT_MARGIN, Mandate
from qutrio.core.messages import Answer, Ask, Heartbeat, HeartbeatAck, Message, Resign
from qutrio.core.roll import Roll
from qutrio.core.steering import Steering
from qutrio.core.wall_clocks import WallClocks
from qutrio.core.witnesses import Footing
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Term, UnixTime

if TYPE_CHECKING:
    from random import Random

    from qutrio.core.election.interface import Electorate
    from qutrio.core.election.words import Word
    from qutrio.core.replication import Replication
    from qutrio.model.document import Settings
    from qutrio.model.stable import Stable


@define(kw_only=True)
class Seat:
    """One node's place in the election.

    `fit` is False while the disk refuses writes: such a node neither endorses nor leads.  While
    `tenants` programs rely on its mandate, the role is not handed over, and a claim that ends
    frees nobody: bonds end by themselves, not before the mandate that these programs know of.
    """

    me: NodeId
    register: Replication
    mandate: Mandate
    cadence: Cadence
    liveness: Liveness = field(factory=Liveness)
    incumbency: Incumbency = field(factory=Incumbency)
    rng: Random
    roll: Roll = field(init=False)
    steering: Steering = field(init=False)
    adoption: Adoption = field(init=False)
    credence: Credence = field(init=False)
    voter: LeaseVoter = field(init=False)
    fit: bool = True
    tenants: int = 0
    clocks: WallClocks = field(factory=WallClocks)
    announcements: Announcements
    _said: tuple[bool, bool] = (False, False)
    """Whether the last heartbeat said that this node is able, and that it acts."""

    def __attrs_post_init__(self) -> None:
        """Put together what only looks at the others."""
        self.roll = Roll(self.me, self.register, self.liveness, self.cadence)
        self.steering = Steering(self.me, self.register, self.liveness, self.roll, self.rng)
        self.adoption = Adoption(self.register, self.mandate, self.roll)
        self.credence = Credence(self.register, self.mandate, self.able)
        self.voter = LeaseVoter(
            self.register, self.mandate, self.steering, self.credence, self.choice
        )

    @classmethod
    def restored(
        cls, me: NodeId, stable: Stable, register: Replication, now: Instant, rng: Random
    ) -> Seat:
        """Return the seat of a node that starts now with what was durable."""
        seat = cls(
            me=me,
            register=register,
            mandate=restarted(me, stable, register, now),
            cadence=Cadence(next_beat=now),
            rng=rng,
            announcements=Announcements(me, register.level),
        )
        seat.steering.restore(stable.ballot)
        return seat

    # --- what is so -------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The committed timers."""
        return self.register.committed.document.settings

    def acting_until(self, now: Instant) -> Instant | None:
        """Return the end of the mandate if this node acts at `now`, else None."""
        if self.register.established is None:
            return None
        until = self.mandate.lease_until(self.register.electors, now, self.steering.lease_s)
        return until if until > now else None

    def incumbent(self, now: Instant) -> NodeId | None:
        """Return who acts, as far as it said so itself within `dead_after`."""
        if self.acting_until(now) is not None:
            return self.me
        return self.incumbency.node(now)

    def incumbent_term(self, now: Instant) -> Term:
        """Return the term the incumbent acts in; meaningless without an incumbent."""
        if self.acting_until(now) is not None and self.register.established is not None:
            return self.register.established
        return self.incumbency.term

    @property
    def known_term(self) -> Term:
        """The highest term that this node endorsed, or holds a record of.

        Both are on its disk; so what it tells people never falls, not by a restart either.
        """
        return max(self.mandate.promise.term, self.register.accepted.position.term)

    def able(self, now: Instant) -> bool:
        """Tell whether this node could lead."""
        votes = self.me in self.register.electors.committed
        aside = now < self.steering.aside_until
        return self.fit and votes and not aside and self.roll.sees_majority(now)

    def electorate(self, now: Instant) -> Electorate:
        """Return what the engine may know."""
        electorate = self.steering.electorate(
            self.incumbent(now), self.mandate.heard_term, now, fit=self.fit, able=self.able(now)
        )
        return self.credence.heed(electorate, now)

    def footing(self, now: Instant) -> Footing:
        """Return what this node goes by when others speak of records."""
        return Footing(self.mandate.promise, self.roll.live(now))

    def choice(self, now: Instant) -> NodeId | None:
        """Return who should lead; an unknown engine wants nobody."""
        return self.steering.choice(self.electorate(now), now)

    def deadline(self, now: Instant) -> Instant:
        """Return when something may change without an event."""
        mandate = self.mandate
        moments = [self.cadence.next_beat, self.incumbency.until]
        moments += [mandate.quiet_until, mandate.bound_until, self.steering.deadline(now)]
        moments.append(self.credence.deadline())
        moments += [mandate.ask_again_at] if mandate.question is not None else []
        until = self.acting_until(now)
        moments += [until] if until is not None else []
        return min((m for m in moments if now < m < FOREVER), default=self.cadence.next_beat)

    # --- what is heard ----------------------------------------------------------------------

    def on_heartbeat(
        self, sender: NodeId, beat: Heartbeat, now: Instant, wall: UnixTime
    ) -> Consequences:
        """Take in where a peer stands, endorse its claim if that is right, and answer."""
        promise, voter = self.mandate.promise, self.voter
        new = self.heard_of(beat.heard_term, sender, now)
        if self.steering.able_peers.get(sender) is not beat.able:
            self.steering.able_peers[sender] = beat.able
            new = True
        self.steering.engines[sender] = beat.engine
        claim = self.credence.claim(sender, beat, now)
        if claim == beat.claim:
            new |= self._note_incumbent(sender, beat, now)
        if beat.acting and beat.claim is not None and self.mandate.spent(sender, beat.claim):
            # so that it claims again, in a term to endorse
            new |= self.heard_of(Term(beat.claim + 1), sender, now)
        accepted, committed = self.register.accepted, self.register.committed
        answer = HeartbeatAck(
            number=beat.number,
            granted=claim
            if claim is not None and voter.grants(sender, claim, now, fit=self.fit)
            else None,
            bound_s=self.steering.bound_s,
            heard_term=self.mandate.heard_term,
            accepted=accepted.position,
            committed=committed.position,
            stamp=(accepted.document.term, accepted.document.revision),
        )
        notes = self.clocks.heard(sender, beat.wall - wall)
        effects = [Send(sender, answer), *notes]
        if beat.committed == committed.position and not notes:
            return Consequences(effects, renews=not new and self.mandate.promise is promise)
        effects += self.register.on_commit(sender, beat.committed, self.footing(now), now)
        return Consequences(effects)

    def on_ack(self, sender: NodeId, ack: HeartbeatAck, now: Instant) -> Consequences:
        """Count an answered heartbeat: as contact, and as a bond if it grants our claim."""
        new = self.heard_of(ack.heard_term, sender, now)
        new |= sender not in self.cadence.contacts(now, self.settings.dead_after_s)
        sent = self.cadence.answer(sender, ack.number)
        if ack.granted is not None and sent is not None:
            bond = min(ack.bound_s * (1 - DRIFT_MARGIN), self.steering.lease_s)
            self.mandate.bind(sender, ack.granted, ack.accepted, Instant(sent + bond))
        effects = self.register.remind(sender, ack.accepted, ack.stamp, now)
        return Consequences(effects, renews=not new)

    def on_ask(self, sender: NodeId, ask: Ask, now: Instant) -> list[Effect]:
        """Say whether this node would endorse the sender.  Changes nothing."""
        reason = self.voter.objection(sender, ask.term, now, fit=self.fit)
        answer = Answer(
            term=ask.term,
            would=reason is None,
            heard_term=self.mandate.heard_term,
            reason=reason or "",
        )
        return [Send(sender, answer)]

    def on_answer(self, sender: NodeId, answer: Answer, now: Instant) -> None:
        """Count an answer to our question."""
        self.heard_of(answer.heard_term, sender, now)
        self.mandate.answered(sender, answer.term, would=answer.would)

    def on_resign(self, sender: NodeId, resign: Resign, now: Instant) -> None:
        """Free this node from a claim that its holder gave up."""
        held = sender in {self.mandate.promise.holder, self.incumbency.node(now)}
        if held and self.mandate.promise.term <= resign.term:
            self.steering.name(resign.successor, resign.term, now, by_hand=resign.by_hand)
        self.mandate.release(sender, resign.term, now)
        self.heard_of(resign.term, sender, now)
        self.incumbency.ended(sender, now, up_to=resign.term)

    def on_word(self, sender: NodeId, word: Word, now: Instant) -> list[Effect]:
        """Let the engine take in what another node's engine says, but no bare claim in doubt."""
        if isinstance(word, CLAIMS) and not self.credence.believes(sender, None, now):
            return []
        return self.steering.hear(sender, word, self.electorate(now), now)

    def on_farewell(self, sender: NodeId) -> None:
        """Count a node that leaves on purpose as dead at once."""
        self.liveness.left(sender)
        self.cadence.left(sender)
        self.steering.able_peers.pop(sender, None)

    def follow_document(self, now: Instant) -> None:
        """Go by the timers and the members of the document that is committed by now."""
        follow_timers(self.steering, self.mandate, self.cadence, now)
        self.forget_strangers(self.register.committed.document.ids)

    def forget_strangers(self, members: frozenset[NodeId]) -> None:
        """Forget who is no longer a member; but a bond to one ends by itself, as it was told."""
        self.liveness.keep(members)
        self.cadence.keep(members)
        self.clocks.keep(members)
        self.announcements.keep(members)
        self.steering.keep(members)
        self.incumbency.keep(members)
        self.credence.keep(members)
        self.mandate.keep(members)

    # --- what is done -----------------------------------------------------------------------

    def beat(self, now: Instant, wall: UnixTime) -> Heartbeat:
        """Return the next heartbeat, for whomever it is sent to."""
        return Heartbeat(
            number=self.cadence.beat(now, self.settings.dead_after_s),
            heard_term=self.mandate.heard_term,
            claim=self.mandate.claim,
            acting=self.acting_until(now) is not None,
            able=self.able(now),
            committed=self.register.committed.position,
            wall=wall,
            engine=self.steering.runs,
            level=self.announcements.mine,
        )

    def beat_due(self, now: Instant) -> bool:
        """Tell whether to send heartbeats now: in time, or because others must know at once.

        Who is able and who acts decides elections, so a change of that does not wait its turn.
        """
        return now >= self.cadence.next_beat or self._to_say(now) != self._said

    def beat_all(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Send a heartbeat to every peer and plan the next."""
        self._said = self._to_say(now)
        claims = self.mandate.claim is not None
        pause_s = self.steering.beat_s if claims else self.settings.heartbeat_s
        self.cadence.next_beat = Instant(now + pause_s)
        return self._to_all(self.beat(now, wall))

    def advance(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Seek, hold or give up the claim, as things stand at `now`."""
        effects = self._steer(now)
        self.credence.watch(lambda: self.steering.awaits(self.electorate(now), now), now)
        claim = self.mandate.claim
        if claim is None:
            return effects + self._seek(now, wall)
        reason = self._loses_because(claim, now)
        if reason is not None:
            return effects + self.resign(None, reason, now)
        again = self.mandate.may_claim_again(self.settings.dead_after_s, now)
        if again and self.acting_until(now) is not None:
            return effects + self._take(Term(self.mandate.heard_term + 1), now, wall)
        return effects + self.adoption.advance(claim, now)

    def resign(
        self, successor: NodeId | None, reason: str, now: Instant, *, by_hand: bool = False
    ) -> list[Effect]:
        """Give the claim up and tell everybody; no effect without a claim."""
        acting_until = self.acting_until(now) if self.tenants else None
        term = self.mandate.drop(now, acting_until or NEVER)
        if term is None:
            return []
        effects = self.register.abandon()
        if acting_until is None:
            resign = Resign(term=term, successor=successor, by_hand=by_hand, reason=reason)
            effects += self._to_all(resign)
        effects.append(Note(Resigned(term, reason)))
        return effects

    def _steer(self, now: Instant) -> list[Effect]:
        steering = self.steering
        if self.acting_until(now) is not None and self.mandate.claim is not None:
            steering.heard_acting(self.me, self.mandate.claim, self.electorate(now), now)
        effects = steering.advance(self.electorate(now), now)
        if steering.remembered.term > self.mandate.heard_term + 1:
            self.mandate.hear(Term(steering.remembered.term - 1))  # so that we claim the engine's
        return effects

    def _to_say(self, now: Instant) -> tuple[bool, bool]:
        return self.able(now), self.acting_until(now) is not None

    # --- in detail --------------------------------------------------------------------------

    def heard_of(self, term: Term, sender: NodeId, now: Instant) -> bool:
        """Take note of a term that another node names, and tell whether it is a new one."""
        return self.mandate.told(term, sender, self.settings.dead_after_s, now)

    def _note_incumbent(self, sender: NodeId, beat: Heartbeat, now: Instant) -> bool:
        """Take note of whether a peer acts, and tell whether that is new."""
        if beat.acting and beat.claim is not None:
            new = self.incumbency.acts(sender, beat.claim, self.steering.silence_s, now)
            if self.incumbency.node(now) == sender:
                self.steering.heard_acting(sender, beat.claim, self.electorate(now), now)
            return new
        return beat.claim is None and self.incumbency.ended(sender, now)

    def _loses_because(self, claim: Term, now: Instant) -> str | None:
        if not self.able(now):
            return "no longer hears a majority" if self.fit else "cannot write its disk"
        if self.acting_until(now) is not None:
            self.mandate.unwanted_since = None
            return None
        if self.mandate.heard_term > claim:
            return "heard of a higher term"
        bound = self.mandate.lease_until(self.register.electors, now, self.steering.lease_s) > now
        if bound and self.choice(now) == self.me:
            self.mandate.unwanted_since = None
            return None
        if self.mandate.unwanted_since is None:
            self.mandate.unwanted_since = now
        waited = now - self.mandate.unwanted_since
        return "nobody follows the claim" if waited >= self.steering.bound_s else None

    def _seek(self, now: Instant, wall: UnixTime) -> list[Effect]:
        mandate = self.mandate
        wanted = self.able(now) and mandate.may_ask(now) and self.choice(now) == self.me
        if not wanted:
            mandate.question = None
            return []
        question = mandate.question
        if question is not None and self.register.electors.majority(question.would):
            if question.term > mandate.promise.term and question.term >= mandate.heard_term:
                return self._take(question.term, now, wall)
            mandate.question = None
        if mandate.question is not None and now < mandate.ask_again_at:
            return []
        term = mandate.ask(self.steering.beat_s, now)
        if self.register.electors.majority({self.me}):
            return self._take(term, now, wall)
        voters = sorted(self.register.electors.all - {self.me})
        return [Send(peer, Ask(term=term)) for peer in voters]

    def _take(self, term: Term, now: Instant, wall: UnixTime) -> list[Effect]:
        self.mandate.take(term, now)
        effects = self.beat_all(now, wall)
        if self.register.electors.majority(self.mandate.endorsers()):
            effects += self.register.establish(term, None, now)
        return [*effects, Note(RoleClaimed(term))]

    def _to_all(self, message: Message) -> list[Effect]:
        return [Send(peer, message) for peer in self.roll.peers()]
