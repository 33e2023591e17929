"""How one node becomes master: from heartbeats and the engine's choice to a lease.

Theory of operation.  Heartbeats tell which nodes are alive, which could lead, and which is master.
The engine chooses a leader from that.  The chosen node canvasses the voters, claims a term, and is
master once a majority has granted its claim (`consensus.lease`) and the register is established
in its term (`takeover`).  It resigns when it can no longer act, and `transfer` hands the role over.
The voter's side, in `on_heartbeat`, is `lease_voter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.api.effects import Consequences, Effect, LogFact, Send
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
from qutrio.core.leadership.engine_host import EngineHost
from qutrio.core.leadership.heartbeats import HeartbeatSchedule, Liveness
from qutrio.core.leadership.lease_voter import (
    LeaderDoubts,
    LeaseVoter,
    lease_after_restart,
    shorten_grants,
)
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
    """One node's part in the election.

    `fit` is False while the disk refuses writes: such a node neither grants nor leads.  While
    `tenants` programs rely on its lease, the role is not handed over, and a claim that ends
    releases no voter: grants expire, and not before the lease that these programs know of.
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
    _last_news: tuple[bool, bool] = (False, False)
    """What the last heartbeat said: whether this node is able, and whether it is master."""

    def __attrs_post_init__(self) -> None:
        """Make the parts that are built from the others."""
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
        """Return the part of a node that starts now, with the state that its disk holds."""
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

    # --- state ------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The committed settings."""
        return self.register.committed.document.settings

    def acting_until(self, now: Instant) -> Instant | None:
        """Return the end of the lease if this node is master at `now`, else None."""
        if self.register.established is None:
            return None
        until = self.lease.lease_until(self.register.joint_config, now, self.engine_host.lease_s)
        return until if until > now else None

    def master(self, now: Instant) -> NodeId | None:
        """Return the master: this node, or one that said so itself recently."""
        if self.acting_until(now) is not None:
            return self.me
        return self.observed_master.node(now)

    def master_term(self, now: Instant) -> Term:
        """Return the master's term; meaningless without a master."""
        if self.acting_until(now) is not None and self.register.established is not None:
            return self.register.established
        return self.observed_master.term

    @property
    def known_term(self) -> Term:
        """The highest term that this node granted, or holds a record of.

        Both are on its disk, so the term that it shows never falls, even across a restart.
        """
        return max(self.lease.promise.term, self.register.accepted.position.term)

    def able(self, now: Instant) -> bool:
        """Return whether this node could lead: its disk works, it votes, and a majority answers."""
        votes = self.me in self.register.joint_config.committed
        aside = now < self.engine_host.aside_until
        return self.fit and votes and not aside and self.membership.sees_majority(now)

    def electorate(self, now: Instant) -> Electorate:
        """Return what the engine may know."""
        electorate = self.engine_host.electorate(
            self.master(now), self.lease.heard_term, now, fit=self.fit, able=self.able(now)
        )
        return self.doubts.without_doubted(electorate, now)

    def trust_basis(self, now: Instant) -> TrustBasis:
        """Return what this node trusts when others report records."""
        return TrustBasis(self.lease.promise, self.membership.live(now))

    def choice(self, now: Instant) -> NodeId | None:
        """Return the leader that the engine chooses; None if the engine is unknown."""
        return self.engine_host.choice(self.electorate(now), now)

    def deadline(self, now: Instant) -> Instant:
        """Return when something may change without an event."""
        lease = self.lease
        times = [self.heartbeats.next_beat, self.observed_master.until]
        times += [lease.restart_wait_until, lease.bound_until, self.engine_host.deadline(now)]
        times.append(self.doubts.deadline())
        times += [lease.canvass_again_at] if lease.canvass is not None else []
        until = self.acting_until(now)
        times += [until] if until is not None else []
        return min((m for m in times if now < m < FOREVER), default=self.heartbeats.next_beat)

    # --- messages ---------------------------------------------------------------------------

    def on_heartbeat(
        self, sender: NodeId, beat: Heartbeat, now: Instant, wall: UnixTime
    ) -> Consequences:
        """Record a peer's state, grant its claim if nothing objects (`lease_voter`), and answer."""
        promise = self.lease.promise
        new = self.record_term(beat.heard_term, sender, now)
        if self.engine_host.able_peers.get(sender) is not beat.able:
            self.engine_host.able_peers[sender] = beat.able
            new = True
        self.engine_host.engines[sender] = beat.engine
        claim = self.doubts.believed_claim(sender, beat, now)
        if claim == beat.claim:
            new |= self._record_master(sender, beat, now)
        if beat.acting and beat.claim is not None and self.lease.is_taken(sender, beat.claim):
            # The master then claims a higher term, which this node can grant.
            new |= self.record_term(Term(beat.claim + 1), sender, now)
        ack = self.voter.acknowledge(sender, beat.number, claim, now, fit=self.fit)
        notes = self.clocks.record_skew(sender, beat.wall - wall, now)
        effects = [Send(sender, ack), *notes]
        if beat.committed == ack.committed and not notes:
            return Consequences(effects, renews=not new and self.lease.promise is promise)
        effects += self.register.on_commit(sender, beat.committed, self.trust_basis(now), now)
        return Consequences(effects)

    def on_ack(self, sender: NodeId, ack: HeartbeatAck, now: Instant) -> Consequences:
        """Count an answered heartbeat as contact, and as a grant if it grants this node's claim."""
        new = self.record_term(ack.heard_term, sender, now)
        new |= sender not in self.heartbeats.contacts(now, self.settings.dead_after_s)
        sent = self.heartbeats.record_answer(sender, ack.number)
        if ack.granted is not None and sent is not None:
            lasts_s = min(ack.bound_s * (1 - DRIFT_MARGIN), self.engine_host.lease_s)
            self.lease.add_grant(sender, ack.granted, ack.accepted, Instant(sent + lasts_s))
        effects = self.register.repeat_write(sender, ack.accepted, ack.stamp, now)
        return Consequences(effects, renews=not new)

    def on_canvass(self, sender: NodeId, ask: CanvassRequest, now: Instant) -> list[Effect]:
        """Answer whether this node would grant the sender's claim.  Changes nothing."""
        reason = self.voter.objection(sender, ask.term, now, fit=self.fit)
        answer = CanvassAnswer(
            term=ask.term,
            would=reason is None,
            heard_term=self.lease.heard_term,
            reason=reason or "",
        )
        return [Send(sender, answer)]

    def on_canvass_answer(self, sender: NodeId, answer: CanvassAnswer, now: Instant) -> None:
        """Count the answer of a voter that this node canvassed."""
        self.record_term(answer.heard_term, sender, now)
        self.lease.count_canvass_answer(sender, answer.term, would=answer.would)

    def on_resign(self, sender: NodeId, resign: Resign, now: Instant) -> None:
        """Release this node's grant to a claim that its candidate or master gave up."""
        observed = self.observed_master
        held = sender in {self.lease.promise.holder, observed.node(now)}
        held |= observed.acted(sender, resign.term)  # a later heartbeat may have arrived first
        if held and self.lease.promise.term <= resign.term:
            self.engine_host.on_resign(resign.successor, resign.term, now, by_hand=resign.by_hand)
        self.lease.release(sender, resign.term, now)
        self.record_term(resign.term, sender, now)
        self.observed_master.record_end(sender, now, gave_up=resign.term)

    def on_engine_message(
        self, sender: NodeId, message: EngineMessage, now: Instant
    ) -> list[Effect]:
        """Pass an engine's message to the engine, unless it is a claim of a node in doubt."""
        if isinstance(message, CLAIMS) and not self.doubts.believes(sender, None, now):
            return []
        return self.engine_host.on_message(sender, message, self.electorate(now), now)

    def on_farewell(self, sender: NodeId) -> None:
        """Treat a node that stops on purpose as dead at once."""
        self.liveness.forget(sender)
        self.heartbeats.forget(sender)
        self.engine_host.able_peers.pop(sender, None)

    def follow_document(self, now: Instant) -> None:
        """Apply the timers and the members of the committed document."""
        shorten_grants(self.engine_host, self.lease, self.heartbeats, now)
        self.forget_strangers(self.register.committed.document.ids)

    def forget_strangers(self, members: frozenset[NodeId]) -> None:
        """Forget nodes that are no longer members.  A grant to one expires as promised."""
        self.liveness.forget_strangers(members)
        self.heartbeats.forget_strangers(members)
        self.clocks.forget_strangers(members)
        self.announcements.forget_strangers(members)
        self.engine_host.forget_strangers(members)
        self.observed_master.forget_strangers(members)
        self.doubts.forget_strangers(members)
        self.lease.forget_strangers(members)

    # --- actions ----------------------------------------------------------------------------

    def next_heartbeat(self, now: Instant, wall: UnixTime) -> Heartbeat:
        """Return the next heartbeat, for any peer."""
        return Heartbeat(
            number=self.heartbeats.begin_heartbeat(now, self.settings.dead_after_s),
            heard_term=self.lease.heard_term,
            claim=self.lease.claim,
            acting=self.acting_until(now) is not None,
            able=self.able(now),
            committed=self.register.committed.position,
            wall=wall,
            engine=self.engine_host.runs,
            level=self.announcements.mine,
        )

    def heartbeat_due(self, now: Instant) -> bool:
        """Return whether to send heartbeats now.  News that decide elections are sent at once."""
        return now >= self.heartbeats.next_beat or self._news(now) != self._last_news

    def broadcast_heartbeat(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Send a heartbeat to every peer and plan the next."""
        self._last_news = self._news(now)
        claims = self.lease.claim is not None
        pause_s = self.engine_host.beat_s if claims else self.settings.heartbeat_s
        self.heartbeats.next_beat = Instant(now + pause_s)
        return self._broadcast(self.next_heartbeat(now, wall))

    def advance(self, now: Instant, wall: UnixTime) -> list[Effect]:
        """Canvass, claim, take over or resign, whatever is due at `now`."""
        effects = self._advance_engine(now)
        self.doubts.update(lambda: self.engine_host.awaits(self.electorate(now), now), now)
        claim = self.lease.claim
        if claim is None:
            return effects + self._canvass(now, wall)
        reason = self._reason_to_resign(claim, now)
        if reason is not None:
            return effects + self.resign(None, reason, now)
        again = self.lease.may_claim_again(self.settings.dead_after_s, now)
        if again and self.acting_until(now) is not None:
            return effects + self._begin_claim(Term(self.lease.heard_term + 1), now, wall)
        return effects + self.takeover.advance(claim, now)

    def resign(
        self, successor: NodeId | None, reason: str, now: Instant, *, by_hand: bool = False
    ) -> list[Effect]:
        """Give up the claim and tell every peer.  Does nothing without a claim."""
        acting_until = self.acting_until(now) if self.tenants else None
        term = self.lease.end_claim(now, acting_until or NEVER)
        if term is None:
            return []
        effects = self.register.abandon()
        if acting_until is None:
            resign = Resign(term=term, successor=successor, by_hand=by_hand, reason=reason)
            effects += self._broadcast(resign)
        effects.append(LogFact(Resigned(term, reason)))
        return effects

    def _advance_engine(self, now: Instant) -> list[Effect]:
        engine_host = self.engine_host
        if self.acting_until(now) is not None and self.lease.claim is not None:
            engine_host.on_acting(self.me, self.lease.claim, self.electorate(now), now)
        effects = engine_host.advance(self.electorate(now), now)
        if engine_host.hard_state.term > self.lease.heard_term + 1:
            # The next claim then is in the engine's term.
            self.lease.record_term(Term(engine_host.hard_state.term - 1))
        return effects

    def _news(self, now: Instant) -> tuple[bool, bool]:
        return self.able(now), self.acting_until(now) is not None

    # --- details ----------------------------------------------------------------------------

    def record_term(self, term: Term, sender: NodeId, now: Instant) -> bool:
        """Record a term that another node names; return whether it is new."""
        return self.lease.record_term_from(term, sender, self.settings.dead_after_s, now)

    def _record_master(self, sender: NodeId, beat: Heartbeat, now: Instant) -> bool:
        """Record whether a peer is master; return whether that is new."""
        if beat.acting and beat.claim is not None:
            new = self.observed_master.record(sender, beat.claim, self.engine_host.silence_s, now)
            if self.observed_master.node(now) == sender:
                self.engine_host.on_acting(sender, beat.claim, self.electorate(now), now)
            return new
        return beat.claim is None and self.observed_master.record_end(sender, now)

    def _reason_to_resign(self, claim: Term, now: Instant) -> str | None:
        if not self.able(now):
            return "no longer hears a majority" if self.fit else "cannot write its disk"
        if self.acting_until(now) is not None:
            self.lease.unsupported_since = None
            return None
        if self.lease.heard_term > claim:
            return "heard of a higher term"
        until = self.lease.lease_until(self.register.joint_config, now, self.engine_host.lease_s)
        if until > now and self.choice(now) == self.me:
            self.lease.unsupported_since = None
            return None
        if self.lease.unsupported_since is None:
            self.lease.unsupported_since = now
        waited = now - self.lease.unsupported_since
        return "nobody follows the claim" if waited >= self.engine_host.bound_s else None

    def _canvass(self, now: Instant, wall: UnixTime) -> list[Effect]:
        lease = self.lease
        wanted = self.able(now) and lease.may_canvass(now) and self.choice(now) == self.me
        if not wanted:
            lease.canvass = None
            return []
        canvass = lease.canvass
        if canvass is not None and self.register.joint_config.majority(canvass.would):
            if canvass.term > lease.promise.term and canvass.term >= lease.heard_term:
                return self._begin_claim(canvass.term, now, wall)
            lease.canvass = None
        if lease.canvass is not None and now < lease.canvass_again_at:
            return []
        term = lease.open_canvass(self.engine_host.beat_s, now)
        if self.register.joint_config.majority({self.me}):
            return self._begin_claim(term, now, wall)
        voters = sorted(self.register.joint_config.all - {self.me})
        return [Send(peer, CanvassRequest(term=term)) for peer in voters]

    def _begin_claim(self, term: Term, now: Instant, wall: UnixTime) -> list[Effect]:
        self.lease.begin_claim(term, now)
        effects = self.broadcast_heartbeat(now, wall)
        if self.register.joint_config.majority(self.lease.granters()):
            effects += self.register.establish(term, None, now)
        return [*effects, LogFact(RoleClaimed(term))]

    def _broadcast(self, message: Message) -> list[Effect]:
        return [Send(peer, message) for peer in self.membership.peers()]
