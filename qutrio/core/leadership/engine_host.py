"""Runs the engine that the settings name: its inputs, its messages and its choice of a leader.

The host gives the engine what only the node knows: which nodes are alive, which could lead, and
which is master.  `EngineHost.choice` is the leader that this node votes for: the engine's, unless
the last master resigned in favour of another.  An operator can move the role by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.api.effects import Effect, LogFact, ReportRole, Send
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

ASIDE_GRANTS = 6
"""How long, in lengths of a grant, a node that gave the role away by hand is no candidate."""


@frozen
class Bounds:
    """The timers of the lease: how often to send heartbeats, how long to bind, how long to rely."""

    beat_s: Seconds
    bound_s: Seconds
    lease_s: Seconds


@define
class EngineHost:
    """The engine of the committed settings, and the inputs of its choice.

    `able_peers` is what each peer last said of itself.  `nominee` is the node in favour of which
    the last master resigned; it counts until `named_until`.  Until `aside_until` this node is no
    candidate.  Until `placed_until` it keeps a role that it got by hand.
    """

    me: NodeId
    register: Register
    liveness: Liveness
    membership: Membership
    rng: Rng
    _hard_state: HardState = NO_HARD_STATE
    """The last hard state of an engine that has one; it outlives the engine."""
    position: ProgramState | None = None
    able_peers: dict[NodeId, bool] = field(factory=dict)
    engines: dict[NodeId, str] = field(factory=dict)
    """The engine that each peer last said it runs."""
    nominee: NodeId | None = None
    named_until: Instant = NEVER
    aside_until: Instant = NEVER
    placed_until: Instant = NEVER
    _resigned_term: Term = Term(0)
    """The last term that a master gave up, as far as this node heard."""
    _engine: Engine | None = None
    _name: str | None = None
    _unreported: list[Effect] = field(factory=list)
    _lease_s: Seconds | None = None
    _bounds: tuple[Settings, Settings, Bounds] | None = None
    """The cached bounds, with the committed and the accepted settings they are computed from."""

    # --- the timers -------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The committed settings."""
        return self.register.committed.document.settings

    @property
    def beat_s(self) -> Seconds:
        """How often a node with a claim sends heartbeats; the shorter time while timers change."""
        return self._bounds_now().beat_s

    @property
    def bound_s(self) -> Seconds:
        """How long this node binds itself with a grant; the longer time while timers change."""
        return self._bounds_now().bound_s

    @property
    def lease_s(self) -> Seconds:
        """How long this node may rely on another's grant; the shorter time while timers change."""
        return self._bounds_now().lease_s

    @property
    def silence_s(self) -> Seconds:
        """How long a silent master still counts as master."""
        return timing(self.settings).bound_s

    def lease_shortened(self) -> bool:
        """Return whether grants last less long than at the last call."""
        before, self._lease_s = self._lease_s, self.lease_s
        return before is not None and self._lease_s < before

    # --- the choice -------------------------------------------------------------------------

    def electorate(
        self, master: NodeId | None, term: Term, now: Instant, *, fit: bool, able: bool
    ) -> Electorate:
        """Return the input of the engine.

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
            term=max(term, self._hard_state.term),
            fit=fit,
        )

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the node that should lead; None if the engine is unknown.

        While there is no master, the node that the last master named goes before all others.
        """
        engine = self._current(now)
        if engine is None:
            return None
        if electorate.master is None and now < self.named_until and self.nominee in electorate.able:
            return self.nominee
        return engine.choice(electorate, now)

    def awaits(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the other node for which this one waits: its choice, or one that goes first."""
        chosen = self.choice(electorate, now)
        if chosen is None and self._engine is not None:
            chosen = self._engine.awaits(now)
        return None if chosen == self.me else chosen

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the node to which this node, the master, should hand over, if any."""
        engine = self._current(now)
        if engine is None or now < self.placed_until:
            return None
        return engine.successor(electorate, now)

    def next_leader(self, electorate: Electorate) -> NodeId | None:
        """Return the node that should lead when this node leaves, if any can."""
        return None if self._engine is None else self._engine.next_leader(electorate)

    # --- resignations and moves by hand -----------------------------------------------------

    def on_resign(self, node: NodeId | None, term: Term, now: Instant, *, by_hand: bool) -> None:
        """Record that the master of `term` resigned in favour of `node`.

        `by_hand` tells whether an operator moved the role.
        """
        self._resigned_term = term
        self.nominee, self.named_until = node, Instant(now + self.bound_s)
        if by_hand and node == self.me:
            self.placed_until = Instant(now + self.settings.master_cooldown_s)

    def step_aside(self, to: NodeId | None, electorate: Electorate, now: Instant) -> None:
        """Be no candidate for a while, because this node gave the role away by hand."""
        self.on_resign(to, electorate.term, now, by_hand=True)
        self.aside_until = Instant(now + ASIDE_GRANTS * self.bound_s)
        if self._engine is not None:
            self._engine.step_aside(electorate, now)

    # --- the engine's messages, time and state ----------------------------------------------

    @property
    def role(self) -> Role:
        """The role in which the engine sees this node; a follower without an engine."""
        return Role.FOLLOWER if self._engine is None else self._engine.role

    @property
    def runs(self) -> str:
        """The engine that the settings name; empty when this node does not know it."""
        name = self.settings.engine
        return name if name in ENGINES else ""

    @property
    def hard_state(self) -> HardState:
        """The hard state, which must be durable before any message leaves."""
        return self._hard_state

    def restore(self, hard_state: HardState) -> None:
        """Go back to what the disk still holds."""
        self._hard_state = hard_state
        if self._engine is not None:
            self._engine.restore(hard_state)

    def on_message(
        self, sender: NodeId, message: EngineMessage, electorate: Electorate, now: Instant
    ) -> list[Effect]:
        """Pass a member's message to the engine."""
        engine = self._current(now)
        said = [] if engine is None else engine.on_message(sender, message, electorate, now)
        return self._send(said)

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Record that a node, perhaps this one, is master now."""
        if term > self._resigned_term:  # otherwise it is a late heartbeat of the last master
            self.nominee = None
            if node != self.me:
                self.aside_until = NEVER
        engine = self._current(now)
        if engine is not None:
            engine.on_acting(node, term, electorate, now)
            self._remember()

    def advance(self, electorate: Electorate, now: Instant) -> list[Effect]:
        """Let time pass for the engine."""
        engine = self._current(now)
        return [] if engine is None else self._send(engine.advance(electorate, now))

    def drain_news(self) -> list[Effect]:
        """Return the engine's news since the last call, and once that the engine is unknown."""
        effects, self._unreported = self._unreported, []
        for news in [] if self._engine is None else self._engine.news():
            match news:
                case Complaint(what):
                    effects.append(LogFact(ProtocolBroken(what)))
                case _:
                    effects.append(ReportRole(news))
        return effects

    def close(self, now: Instant) -> None:
        """Close the engine."""
        if self._engine is not None:
            self._engine.close(now)

    def deadline(self, now: Instant) -> Instant:
        """Return when something may change without an event."""
        times = [self.named_until, self.aside_until, self.placed_until]
        if self._engine is not None:
            times.append(self._engine.deadline(now))
        return min((m for m in times if m > now), default=FOREVER)

    def forget_strangers(self, members: frozenset[NodeId]) -> None:
        """Forget nodes that are no longer members."""
        for stranger in (self.able_peers.keys() | self.engines.keys()) - members:
            self.able_peers.pop(stranger, None)
            self.engines.pop(stranger, None)

    def _current(self, now: Instant) -> Engine | None:
        """Return the engine that the committed settings name; make it if the name changed."""
        name = self.settings.engine
        if name != self._name:
            self.close(now)
            self._name = name
            self._engine = engine_named(
                name,
                self.me,
                hard_state=self._hard_state,
                rng=self.rng,
                now=now,
                position=self.position,
            )
            if self._engine is None:
                self._unreported.append(LogFact(EngineUnknown(name)))
        return self._engine

    def _send(self, outgoing: list[Outgoing]) -> list[Effect]:
        self._remember()
        effects: list[Effect] = []
        for one in outgoing:
            to = self.membership.peers() if one.to is None else (one.to,)
            effects += [Send(peer, one.message) for peer in to]
        return effects

    def _remember(self) -> None:
        if self._engine is not None and self._engine.hard_state != NO_HARD_STATE:
            self._hard_state = self._engine.hard_state

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
