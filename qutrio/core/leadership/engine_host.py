"""Steering: whom this node's engine wants, and what the engine hears and says.

The engine is an opinion.  Here it meets the facts that only a node knows (who is alive, who is
able, who acts), the settings that name it, and what people asked for: that a node gives the
role to another by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.api.effects import Effect, Note, Send, Turned
from qutrio.core.api.facts import EngineUnknown, ProtocolBroken
from qutrio.core.consensus.lease import DRIFT_MARGIN
from qutrio.core.election.engines import ENGINES, engine_named, timing
from qutrio.core.election.interface import (
    Complaint,
    Electorate,
    Engine,
    Outgoing,
    ProgramState,
    Role,
)
from qutrio.model.frozen import frozen
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import NO_HARD_STATE, HardState

if TYPE_CHECKING:
    from qutrio.core.consensus.register import Register
    from qutrio.core.election.engine_messages import EngineMessage
    from qutrio.core.leadership.heartbeats import Liveness
    from qutrio.core.leadership.membership import Membership
    from qutrio.model.dice import Rng
    from qutrio.model.document import Settings

ASIDE_BONDS = 6
"""For how many bonds a node that gave the role away by hand lets others go first."""


@frozen
class Bounds:
    """The timers of the mandate: how often to beat, how long to bind, how far to rely on bonds."""

    beat_s: Seconds
    bound_s: Seconds
    lease_s: Seconds


@define
class EngineHost:
    """The engine of the committed settings, and what bears on its choice.

    `able_peers` is what each peer last said of itself.  `named` is the node that the last
    holder resigned in favour of, until `named_until`.  Up to `aside_until` this node is no
    candidate; up to `placed_until` it keeps a role that came by hand.
    """

    me: NodeId
    register: Register
    liveness: Liveness
    membership: Membership
    rng: Rng
    _remembered: HardState = NO_HARD_STATE
    """The last ballot of an engine that has one; it outlives the engine."""
    position: ProgramState | None = None
    able_peers: dict[NodeId, bool] = field(factory=dict)
    engines: dict[NodeId, str] = field(factory=dict)
    """Which engine each peer last said that it runs."""
    named: NodeId | None = None
    named_until: Instant = NEVER
    aside_until: Instant = NEVER
    placed_until: Instant = NEVER
    _left: Term = Term(0)
    """The last term that its holder gave up, as far as was heard."""
    _engine: Engine | None = None
    _name: str | None = None
    _unsaid: list[Effect] = field(factory=list)
    _lease_s: Seconds | None = None
    _bounds: tuple[Settings, Settings, Bounds] | None = None
    """The bounds, and the committed and the accepted settings that they follow from."""

    # --- the timers -------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The committed settings."""
        return self.register.committed.document.settings

    @property
    def beat_s(self) -> Seconds:
        """How often a claimant beats: while timers change, the more often."""
        return self._bounds_now().beat_s

    @property
    def bound_s(self) -> Seconds:
        """For how long this node binds itself: while timers change, the longer one."""
        return self._bounds_now().bound_s

    @property
    def lease_s(self) -> Seconds:
        """How far this node may rely on another's bond: while timers change, the shorter one."""
        return self._bounds_now().lease_s

    @property
    def silence_s(self) -> Seconds:
        """After how long without a word from it one that acted is no longer the incumbent."""
        return timing(self.settings).bound_s

    def shortened(self) -> bool:
        """Tell whether bonds reach less far than when this was asked last."""
        before, self._lease_s = self._lease_s, self.lease_s
        return before is not None and self._lease_s < before

    # --- whom the engine wants --------------------------------------------------------------

    def electorate(
        self, master: NodeId | None, term: Term, now: Instant, *, fit: bool, able: bool
    ) -> Electorate:
        """Return what the engine may know.

        `able` tells whether this node could lead, `fit` whether its disk takes writes.
        """
        settings, joint_config = self.settings, self.register.joint_config
        dead_after_s, voters = settings.dead_after_s, joint_config.committed
        live = (self.liveness.living(now, dead_after_s) & voters) - {self.me}
        can = {n for n in live if self.able_peers.get(n, False)}
        if able:
            can.add(self.me)
        return Electorate(
            me=self.me,
            joint_config=joint_config,
            able=frozenset(can),
            living=live | {self.me},
            master=master,
            streaks={n: self.liveness.streak(n, now, dead_after_s) for n in sorted(live)},
            settings=settings,
            term=max(term, self._remembered.term),
            fit=fit,
        )

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return who should lead; an unknown engine wants nobody.

        While nobody acts, one that the last holder named goes before all others.
        """
        engine = self._current(now)
        if engine is None:
            return None
        if electorate.master is None and now < self.named_until and self.named in electorate.able:
            return self.named
        return engine.choice(electorate, now)

    def awaits(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return for which other node this one waits: it wants it, or lets it go first."""
        wanted = self.choice(electorate, now)
        if wanted is None and self._engine is not None:
            wanted = self._engine.awaits(now)
        return None if wanted == self.me else wanted

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return to whom this node, the incumbent, should hand over, if to anybody."""
        engine = self._current(now)
        if engine is None or now < self.placed_until:
            return None
        return engine.successor(electorate, now)

    def heir(self, electorate: Electorate) -> NodeId | None:
        """Return who should lead when this node leaves, if anybody can."""
        return None if self._engine is None else self._engine.heir(electorate)

    # --- what people ask for ----------------------------------------------------------------

    def name(self, node: NodeId | None, term: Term, now: Instant, *, by_hand: bool) -> None:
        """Note that the holder of `term` resigned in favour of `node`.

        `by_hand` tells whether a person said so.
        """
        self._left = term
        self.named, self.named_until = node, Instant(now + self.bound_s)
        if by_hand and node == self.me:
            self.placed_until = Instant(now + self.settings.master_cooldown_s)

    def step_aside(self, to: NodeId | None, electorate: Electorate, now: Instant) -> None:
        """Be no candidate for a while: this node gave the role away by hand."""
        self.name(to, electorate.term, now, by_hand=True)
        self.aside_until = Instant(now + ASIDE_BONDS * self.bound_s)
        if self._engine is not None:
            self._engine.step_aside(electorate, now)

    # --- what the engine hears and says -----------------------------------------------------

    @property
    def role(self) -> Role:
        """What the engine takes this node for; a follower without an engine."""
        return Role.FOLLOWER if self._engine is None else self._engine.role

    @property
    def runs(self) -> str:
        """The engine that the settings name; empty when this node does not know it."""
        name = self.settings.engine
        return name if name in ENGINES else ""

    @property
    def remembered(self) -> HardState:
        """What must be durable before anything is said."""
        return self._remembered

    def restore(self, hard_state: HardState) -> None:
        """Go back to what the disk still holds."""
        self._remembered = hard_state
        if self._engine is not None:
            self._engine.restore(hard_state)

    def hear(
        self, sender: NodeId, word: EngineMessage, electorate: Electorate, now: Instant
    ) -> list[Effect]:
        """Let the engine take in a member's word."""
        engine = self._current(now)
        return [] if engine is None else self._said(engine.hear(sender, word, electorate, now))

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Note that a node, perhaps this one, acts just now."""
        if term > self._left:  # and no word of the last holder that came late
            self.named = None
            if node != self.me:
                self.aside_until = NEVER
        engine = self._current(now)
        if engine is not None:
            engine.on_acting(node, term, electorate, now)
            self._remember()

    def advance(self, electorate: Electorate, now: Instant) -> list[Effect]:
        """Let time pass for the engine."""
        engine = self._current(now)
        return [] if engine is None else self._said(engine.advance(electorate, now))

    def tell(self) -> list[Effect]:
        """Tell what the engine has noted since the last call, and once that it is not known."""
        effects, self._unsaid = self._unsaid, []
        for news in [] if self._engine is None else self._engine.news():
            match news:
                case Complaint(what):
                    effects.append(Note(ProtocolBroken(what)))
                case _:
                    effects.append(Turned(news))
        return effects

    def close(self, now: Instant) -> None:
        """Let the engine end."""
        if self._engine is not None:
            self._engine.close(now)

    def deadline(self, now: Instant) -> Instant:
        """Return when something may change without an event."""
        moments = [self.named_until, self.aside_until, self.placed_until]
        if self._engine is not None:
            moments.append(self._engine.deadline(now))
        return min((m for m in moments if m > now), default=FOREVER)

    def keep(self, members: frozenset[NodeId]) -> None:
        """Forget whoever is no longer a member."""
        for stranger in (self.able_peers.keys() | self.engines.keys()) - members:
            self.able_peers.pop(stranger, None)
            self.engines.pop(stranger, None)

    def _current(self, now: Instant) -> Engine | None:
        """Return the engine that the committed settings name, new if it was another before."""
        name = self.settings.engine
        if name != self._name:
            self.close(now)
            self._name = name
            self._engine = engine_named(
                name,
                self.me,
                hard_state=self._remembered,
                rng=self.rng,
                now=now,
                position=self.position,
            )
            if self._engine is None:
                self._unsaid.append(Note(EngineUnknown(name)))
        return self._engine

    def _said(self, words: list[Outgoing]) -> list[Effect]:
        self._remember()
        effects: list[Effect] = []
        for say in words:
            to = self.membership.peers() if say.to is None else (say.to,)
            effects += [Send(peer, say.message) for peer in to]
        return effects

    def _remember(self) -> None:
        if self._engine is not None and self._engine.hard_state != NO_HARD_STATE:
            self._remembered = self._engine.hard_state

    def _bounds_now(self) -> Bounds:
        committed = self.register.committed.document.settings
        accepted = self.register.accepted.document.settings
        known = self._bounds
        if known is None or known[0] is not committed or known[1] is not accepted:
            one, other = timing(committed), timing(accepted)
            bounds = Bounds(
                beat_s=min(one.beat_s, other.beat_s),
                bound_s=max(one.bound_s, other.bound_s),
                lease_s=min(one.bound_s, other.bound_s) * (1 - DRIFT_MARGIN),
            )
            known = self._bounds = (committed, accepted, bounds)
        return known[2]
