"""The seat: how heartbeats, an engine and the mandate together make one node act.

Theory of operation.  Heartbeats tell who is alive, who is able and who acts.  The engine turns
that into a choice.  The node that its own engine chooses asks, claims, and acts once a majority
is bound to its claim and the register is established in its term.  It gives the claim up when
it no longer can act, and hands it over when the engine names a successor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.api.effects import Consequences, Effect, Note, Send
from qutrio.core.api.facts import Resigned, RoleClaimed
from qutrio.core.api.messages import (
    CanvassAnswer,
    CanvassRequest,
    Heartbeat,
    HeartbeatAck,
    Message,
    Resign,
)
from qutrio.core.consensus.announcements import Announcements
from qutrio.core.consensus.lease import DRIFT_MARGIN, Lease
from qutrio.core.consensus.witnesses import TrustBasis
from qutrio.core.election.engines import CLAIMS
from qutrio.core.leadership.doubts import LeaderDoubts
from qutrio.core.leadership.engine_host import EngineHost
from qutrio.core.leadership.heartbeats import HeartbeatSchedule, Liveness
from qutrio.core.leadership.lease_voter import LeaseVoter, lease_after_restart, shorten_grants
from qutrio.core.leadership.membership import Membership
from qutrio.core.leadership.observed_master import ObservedMaster
from qutrio.core.leadership.takeover import Takeover
from qutrio.core.leadership.wall_clocks import WallClocks
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Term, UnixTime

if TYPE_CHECKING:
    from qutrio.core.consensus.register import Register
    from qutrio.core.election.engine_messages import EngineMessage
    from qutrio.core.election.interface import Electorate
    from qutrio.model.dice import Rng
    from qutrio.model.document import Settings
    from qutrio.model.stable import Stable


@define(kw_only=True)
class Leadership:
    """One node's place in the election.

    `fit` is False while the disk refuses writes: such a node neither endorses nor leads.  While
    `tenants` programs rely on its mandate, the role is not handed over, and a claim that ends
    frees nobody: bonds end by themselves, not before the mandate that these programs know of.
    """

    me: NodeId
    register: Register
    lease: Lease
    heartbeats: HeartbeatSchedule
    liveness: Liveness = field(factory=Liveness)
    observed_master: ObservedMaster = field(factory=ObservedMaster)
    rng: Rng
    membership: Membership = field(init=False)
    engine_host: EngineHost = field(init=False)
    takeover: Takeover = field(init=False)
    doubts: LeaderDoubts = field(init=False)
    voter: LeaseVoter = field(init=False)
    fit: bool = True
    tenants: int = 0
    clocks: WallClocks = field(factory=WallClocks)
    announcements: Announcements
    _said: tuple[bool, bool] = (False, False)
    """Whether the last heartbeat said that this node is able, and that it acts."""

    def __attrs_post_init__(self) -> None:
        """Put together what only looks at the others."""
        self.membership = Membership(self.me, self.register, self.liveness, self.heartbeats)
        self.engine_host = EngineHost(
            self.me, self.register, self.liveness, self.membership, self.rng
        )
        self.takeover = Takeover(self.register, self.lease, self.membership)
        self.doubts = LeaderDoubts(self.register, self.lease, self.able)
        self.voter = LeaseVoter(
            self.register, self.lease, self.engine_host, self.doubts, self.choice
        )

    @classmethod
    def restored(
        cls, me: NodeId, stable: Stable, register: Register, now: Instant, rng: Rng
    ) -> Leadership:
        """Return the seat of a node that starts now with what was durable."""
        leadership = cls(
            me=me,
            register=register,
            lease=lease_after_restart(me, stable, register, now),
            heartbeats=HeartbeatSchedule(next_beat=now),
            rng=rng,
            announcements=Announcements(me, register.level),
        )
        leadership.engine_host.restore(stable.hard_state)
        return leadership

    # --- what is so -------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The committed timers."""
        return self.register.committed.document.settings

    def acting_until(self, now: Instant) -> Instant | None:
        """Return the end of the mandate if this node acts at `now`, else None."""
        if self.register.established is None:
            return None
        until = self.lease.lease_until(self.register.joint_config, now, self.engine_host.lease_s)
        return until if until > now else None

    def master(self, now: Instant) -> NodeId | None:
        """Return who acts, as far as it said so itself within `dead_after`."""
        if self.acting_until(now) is not None:
            return self.me
        return self.observed_master.node(now)

    def master_term(self, now: Instant) -> Term:
        """Return the term the incumbent acts in; meaningless without an incumbent."""
        if self.acting_until(now) is not None and self.register.established is not None:
            return self.register.established
        return self.observed_master.term

    @property
    def known_term(self) -> Term:
        """The highest term that this node endorsed, or holds a record of.

        Both are on its disk; so what it tells people never falls, not by a restart either.
        """
        return max(self.lease.promise.term, self.register.accepted.position.term)

    def able(self, now: Instant) -> bool:
        """Tell whether this node could lead."""
        votes = self.me in self.register.joint_config.committed
        aside = now < self.engine_host.aside_until
        return self.fit and votes and not aside and self.membership.sees_majority(now)

    def electorate(self, now: Instant) -> Electorate:
        """Return what the engine may know."""
        electorate = self.engine_host.electorate(
            self.master(now), self.lease.heard_term, now, fit=self.fit, able=self.able(now)
        )
        return self.doubts.heed(electorate, now)

    def trust_basis(self, now: Instant) -> TrustBasis:
        """Return what this node goes by when others speak of records."""
        return TrustBasis(self.lease.promise, self.membership.live(now))

    def choice(self, now: Instant) -> NodeId | None:
        """Return who should lead; an unknown engine wants nobody."""
        return self.engine_host.choice(self.electorate(now), now)

    def deadline(self, now: Instant) -> Instant:
        """Return when something may change without an event."""
        lease = self.lease
        moments = [self.heartbeats.next_beat, self.observed_master.until]
        moments += [lease.quiet_until, lease.bound_until, self.engine_host.deadline(now)]
        moments.append(self.doubts.deadline())
        moments += [lease.canvass_again_at] if lease.canvass is not None else []
        until = self.acting_until(now)
        moments += [until] if until is not None else []
        return min((m for m in moments if now < m < FOREVER), default=self.heartbeats.next_beat)

    # --- what is heard ----------------------------------------------------------------------

    def on_heartbeat(
        self, sender: NodeId, beat: Heartbeat, now: Instant, wall: UnixTime
    ) -> Consequences:
        """Take in where a peer stands, endorse its claim if that is right, and answer."""
        promise = self.lease.promise
        new = self.heard_of(beat.heard_term, sender, now)
        if self.engine_host.able_peers.get(sender) is not beat.able:
            self.engine_host.able_peers[sender] = beat.able
            new = True
        self.engine_host.engines[sender] = beat.engine
        claim = self.doubts.claim(sender, beat, now)
        if claim == beat.claim:
            new |= self._note_master(sender, beat, now)
        if beat.acting and beat.claim is not None and self.lease.spent(sender, beat.claim):
            # so that it claims again, in a term to endorse
            new |= self.heard_of(Term(beat.claim + 1), sender, now)
        ack = self.voter.answer(sender, beat.number, claim, now, fit=self.fit)
        notes = self.clocks.heard(sender, beat.wall - wall, now)
        effects = [Send(sender, ack), *notes]
        if beat.committed == ack.committed and not notes:
            return Consequences(effects, renews=not new and self.lease.promise is promise)
        effects += self.register.on_commit(sender, beat.committed, self.trust_basis(now), now)
        return Consequences(effects)

    def on_ack(self, sender: NodeId, ack: HeartbeatAck, now: Instant) -> Consequences:
        """Count an answered heartbeat: as contact, and as a bond if it grants our claim."""
        new = self.heard_of(ack.heard_term, sender, now)
        new |= sender not in self.heartbeats.contacts(now, self.settings.dead_after_s)
        sent = self.heartbeats.answer(sender, ack.number)
        if ack.granted is not None and sent is not None:
            bond = min(ack.bound_s * (1 - DRIFT_MARGIN), self.engine_host.lease_s)
            self.lease.bind(sender, ack.granted, ack.accepted, Instant(sent + bond))
        effects = self.register.remind(sender, ack.accepted, ack.stamp, now)
        return Consequences(effects, renews=not new)

    def on_canvass(self, sender: NodeId, ask: CanvassRequest, now: Instant) -> list[Effect]:
        """Say whether this node would endorse the sender.  Changes nothing."""
        reason = self.voter.objection(sender, ask.term, now, fit=self.fit)
        answer = CanvassAnswer(
            term=ask.term,
            would=reason is None,
            heard_term=self.lease.heard_term,
            reason=reason or "",
        )
        return [Send(sender, answer)]

    def on_canvass_answer(self, sender: NodeId, answer: CanvassAnswer, now: Instant) -> None:
        """Count an answer to our question."""
        self.heard_of(answer.heard_term, sender, now)
        self.lease.answered(sender, answer.term, would=answer.would)

    def on_resign(self, sender: NodeId, resign: Resign, now: Instant) -> None:
        """Free this node from a claim that its holder gave up."""
        held = sender in {self.lease.promise.holder, self.observed_master.node(now)}
        if held and self.lease.promise.term <= resign.term:
            self.engine_host.name(resign.successor, resign.term, now, by_hand=resign.by_hand)
        self.lease.release(sender, resign.term, now)
        self.heard_of(resign.term, sender, now)
        self.observed_master.ended(sender, now, up_to=resign.term)

    def on_engine_message(self, sender: NodeId, word: EngineMessage, now: Instant) -> list[Effect]:
        """Let the engine take in what another node's engine says, but no bare claim in doubt."""
        if isinstance(word, CLAIMS) and not self.doubts.believes(sender, None, now):
            return []
        return self.engine_host.hear(sender, word, self.electorate(now), now)

    def on_farewell(self, sender: NodeId) -> None:
        """Count a node that leaves on purpose as dead at once."""
        self.liveness.left(sender)
        self.heartbeats.left(sender)
        self.engine_host.able_peers.pop(sender, None)

    def follow_document(self, now: Instant) -> None:
        """Go by the timers and the members of the document that is committed by now."""
        shorten_grants(self.engine_host, self.lease, self.heartbeats, now)
        self.forget_strangers(self.register.committed.document.ids)

    def forget_strangers(self, members: frozenset[NodeId]) -> None:
        """Forget who is no longer a member; but a bond to one ends by itself, as it was told."""
        self.liveness.keep(members)
        self.heartbeats.keep(members)
        self.clocks.keep(members)
        self.announcements.keep(members)
        self.engine_host.keep(members)
        self.observed_master.keep(members)
        self.doubts.keep(members)
        self.lease.keep(members)

    # --- what is done -----------------------------------------------------------------------

    def beat(self, now: Instant, wall: UnixTime) -> Heartbeat:
        """Return the next heartbeat, for whomever it is sent to."""
        return Heartbeat(
            number=self.heartbeats.beat(now, self.settings.dead_after_s),
            heard_term=self.lease.heard_term,
            claim=self.lease.claim,
            acting=self.acting_until(now) is not None,
            able=self.able(now),
            committed=self.register.committed.position,
            wall=wall,
            engine=self.engine_host.runs,
            level=self.announcements.mine,
        )

    def beat_due(self, now: Instant) -> bool:
        """Tell whether to send heartbeats now: in time, or because others must know at once.

        Who is able and who acts decides elections, so a change of that does not wait its turn.
        """
        return now >= self.heartbeats.next_beat or self._to_say(now) != self._said

    def beat_all(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Send a heartbeat to every peer and plan the next."""
        self._said = self._to_say(now)
        claims = self.lease.claim is not None
        pause_s = self.engine_host.beat_s if claims else self.settings.heartbeat_s
        self.heartbeats.next_beat = Instant(now + pause_s)
        return self._to_all(self.beat(now, wall))

    def advance(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Seek, hold or give up the claim, as things stand at `now`."""
        effects = self._steer(now)
        self.doubts.watch(lambda: self.engine_host.awaits(self.electorate(now), now), now)
        claim = self.lease.claim
        if claim is None:
            return effects + self._seek(now, wall)
        reason = self._loses_because(claim, now)
        if reason is not None:
            return effects + self.resign(None, reason, now)
        again = self.lease.may_claim_again(self.settings.dead_after_s, now)
        if again and self.acting_until(now) is not None:
            return effects + self._take(Term(self.lease.heard_term + 1), now, wall)
        return effects + self.takeover.advance(claim, now)

    def resign(
        self, successor: NodeId | None, reason: str, now: Instant, *, by_hand: bool = False
    ) -> list[Effect]:
        """Give the claim up and tell everybody; no effect without a claim."""
        acting_until = self.acting_until(now) if self.tenants else None
        term = self.lease.drop(now, acting_until or NEVER)
        if term is None:
            return []
        effects = self.register.abandon()
        if acting_until is None:
            resign = Resign(term=term, successor=successor, by_hand=by_hand, reason=reason)
            effects += self._to_all(resign)
        effects.append(Note(Resigned(term, reason)))
        return effects

    def _steer(self, now: Instant) -> list[Effect]:
        engine_host = self.engine_host
        if self.acting_until(now) is not None and self.lease.claim is not None:
            engine_host.on_acting(self.me, self.lease.claim, self.electorate(now), now)
        effects = engine_host.advance(self.electorate(now), now)
        if engine_host.remembered.term > self.lease.heard_term + 1:
            self.lease.hear(Term(engine_host.remembered.term - 1))  # so that we claim the engine's
        return effects

    def _to_say(self, now: Instant) -> tuple[bool, bool]:
        return self.able(now), self.acting_until(now) is not None

    # --- in detail --------------------------------------------------------------------------

    def heard_of(self, term: Term, sender: NodeId, now: Instant) -> bool:
        """Take note of a term that another node names, and tell whether it is a new one."""
        return self.lease.told(term, sender, self.settings.dead_after_s, now)

    def _note_master(self, sender: NodeId, beat: Heartbeat, now: Instant) -> bool:
        """Take note of whether a peer acts, and tell whether that is new."""
        if beat.acting and beat.claim is not None:
            new = self.observed_master.acts(sender, beat.claim, self.engine_host.silence_s, now)
            if self.observed_master.node(now) == sender:
                self.engine_host.on_acting(sender, beat.claim, self.electorate(now), now)
            return new
        return beat.claim is None and self.observed_master.ended(sender, now)

    def _loses_because(self, claim: Term, now: Instant) -> str | None:
        if not self.able(now):
            return "no longer hears a majority" if self.fit else "cannot write its disk"
        if self.acting_until(now) is not None:
            self.lease.unwanted_since = None
            return None
        if self.lease.heard_term > claim:
            return "heard of a higher term"
        bound = (
            self.lease.lease_until(self.register.joint_config, now, self.engine_host.lease_s) > now
        )
        if bound and self.choice(now) == self.me:
            self.lease.unwanted_since = None
            return None
        if self.lease.unwanted_since is None:
            self.lease.unwanted_since = now
        waited = now - self.lease.unwanted_since
        return "nobody follows the claim" if waited >= self.engine_host.bound_s else None

    def _seek(self, now: Instant, wall: UnixTime) -> list[Effect]:
        lease = self.lease
        wanted = self.able(now) and lease.may_canvass(now) and self.choice(now) == self.me
        if not wanted:
            lease.canvass = None
            return []
        canvass = lease.canvass
        if canvass is not None and self.register.joint_config.majority(canvass.would):
            if canvass.term > lease.promise.term and canvass.term >= lease.heard_term:
                return self._take(canvass.term, now, wall)
            lease.canvass = None
        if lease.canvass is not None and now < lease.canvass_again_at:
            return []
        term = lease.ask(self.engine_host.beat_s, now)
        if self.register.joint_config.majority({self.me}):
            return self._take(term, now, wall)
        voters = sorted(self.register.joint_config.all - {self.me})
        return [Send(peer, CanvassRequest(term=term)) for peer in voters]

    def _take(self, term: Term, now: Instant, wall: UnixTime) -> list[Effect]:
        self.lease.take(term, now)
        effects = self.beat_all(now, wall)
        if self.register.joint_config.majority(self.lease.granters()):
            effects += self.register.establish(term, None, now)
        return [*effects, Note(RoleClaimed(term))]

    def _to_all(self, message: Message) -> list[Effect]:
        return [Send(peer, message) for peer in self.membership.peers()]
