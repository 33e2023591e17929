"""The gossip engine: nodes propose and declare themselves, and the lowest of them leads.

Theory of operation.  A node that starts waits until its view of the living voters is stable, or it
hears a leader, or the startup grace is over.  A node that knows no leader proposes itself, and
collects the proposals of others for some time.  If a leader declares itself meanwhile, the node
follows it.  If a lower id proposed itself too, the node waits for that one.  Otherwise it leads.
A leader declares itself at once and then twice per lifetime of a declaration.  A follower that
hears no declaration for a whole lifetime begins an election.  A leader that hears a lower one
follows it, so when a partition heals, one leader is left.

No majority is counted here: each side of a partition has a leader.  Whether it is master is decided
by the lease.  The engine keeps nothing across a restart.  Messages may be lost, repeated or
reordered: a node repeats proposals while it collects, and declarations while it leads.  A message
that arrives late can at most make a node wait for one lifetime.

Source: the leader election of Hyperledger Fabric's gossip layer (`gossip/election`).  The
differences:

* stable views are compared by their members, not by their number;
* a node that sees only itself waits for the whole grace, unless it is the only voter;
* proposals are repeated, and only those heard while collecting count;
* a leader answers a proposal, and a declaration of a higher id, with its own declaration;
* a follower of a living leader does not change to a higher id, so it does not alternate between
  two leaders that do not hear each other;
* the master counts as the leader if none is known, so a running group changes to this engine
  without a gap.
"""

from collections import deque

from attrs import define, field

from qutrio.core.election.descriptor import Descriptor, Timer
from qutrio.core.election.engine_messages import (
    EngineMessage,
    LeadershipDeclaration,
    LeadershipProposal,
)
from qutrio.core.election.interface import Electorate, News, Outgoing, Role, RoleChange
from qutrio.model.document import Settings
from qutrio.model.ids import FOREVER, NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.stable import HardState

ELECTIONS_MAX = 3
"""An election succeeds within this many attempts, also if candidates miss each other."""
ASIDE_LIFETIMES = 6
"""How long, in lifetimes of a declaration, a node that stepped aside stays out."""
DECLARATIONS_PER_LIFETIME = 2
NEWS_MAX = 100
"""How many news are kept between two calls of `news`; the oldest are dropped."""

ALONE = "no leader is known"
MASTER = "this node is master, and no leader is known"
HEARD = "a leader was heard"
LOWER_PROPOSED = "a lower id proposed itself"
NOBODY_LOWER = "no lower id proposed itself"
LOWER_LEADS = "a lower id declared itself"
BARRED = "this node may not lead now"
ASIDE = "stepped aside"
CLOSED = "closed"

TRANSITIONS = (
    (Role.FOLLOWER, ALONE, Role.CANDIDATE),
    (Role.FOLLOWER, MASTER, Role.LEADER),
    (Role.FOLLOWER, CLOSED, Role.CLOSED),
    (Role.CANDIDATE, HEARD, Role.FOLLOWER),
    (Role.CANDIDATE, LOWER_PROPOSED, Role.FOLLOWER),
    (Role.CANDIDATE, BARRED, Role.FOLLOWER),
    (Role.CANDIDATE, ASIDE, Role.FOLLOWER),
    (Role.CANDIDATE, NOBODY_LOWER, Role.LEADER),
    (Role.CANDIDATE, MASTER, Role.LEADER),
    (Role.CANDIDATE, CLOSED, Role.CLOSED),
    (Role.LEADER, LOWER_LEADS, Role.FOLLOWER),
    (Role.LEADER, BARRED, Role.FOLLOWER),
    (Role.LEADER, ASIDE, Role.FOLLOWER),
    (Role.LEADER, CLOSED, Role.CLOSED),
)
"""The state table: from, why, to.  Every change gives one of these as its reason."""


def _news() -> deque[News]:
    return deque(maxlen=NEWS_MAX)


@define(kw_only=True)
class Gossip:
    """Elects the lowest of the nodes that propose themselves; each partition has a leader."""

    me: NodeId
    role: Role = field(default=Role.FOLLOWER, init=False)
    hard_state: HardState = field(default=HardState(), init=False)
    _started: Instant = field(alias="now")
    _grace_over: bool = field(default=False, init=False)
    """Whether the startup grace is over."""
    _view: frozenset[NodeId] | None = field(default=None, init=False)
    """The last sample of the living voters."""
    _leader: NodeId | None = field(default=None, init=False)
    """The leader that this node follows, until `_quiet_until`; itself while it leads."""
    _quiet_until: Instant = field(default=NEVER, init=False)
    """Until then a follower begins no election."""
    _lower: NodeId | None = field(default=None, init=False)
    """The lower id for whose proposal this node last gave up its candidacy."""
    _aside_until: Instant = field(default=NEVER, init=False)
    _collect_until: Instant = field(default=NEVER, init=False)
    _proposals: set[NodeId] = field(factory=set, init=False)
    """The nodes that proposed themselves since this node began to collect."""
    _next_at: Instant = field(default=NEVER, init=False)
    """When the next sample is due, or the next proposal, or the next declaration."""
    _wake_at: Instant = field(default=NEVER, init=False)
    _news: deque[News] = field(factory=_news, init=False)

    def restore(self, hard_state: HardState) -> None:
        """Do nothing: this engine has no hard state."""

    # --- the choice -------------------------------------------------------------------------

    def choice(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the known leader, else the master, unless that is this node and may not lead."""
        if (leader := self._known(electorate, now)) is not None:
            return leader
        if electorate.master == self.me and not self._may_lead(electorate, now):
            return None
        return electorate.master

    def awaits(self, now: Instant) -> NodeId | None:
        """Return the lower id for whose proposal this node gave up its candidacy."""
        return self._lower if self._leader is None and now < self._quiet_until else None

    def successor(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the known leader if it is another node, and able."""
        leader = self._known(electorate, now)
        return leader if leader in electorate.able and leader != self.me else None

    def next_leader(self, electorate: Electorate) -> NodeId | None:
        """Return the lowest able id other than this node."""
        return min(electorate.able - {self.me}, default=None)

    # --- messages ---------------------------------------------------------------------------

    def on_message(
        self, sender: NodeId, message: EngineMessage, electorate: Electorate, now: Instant
    ) -> list[Outgoing]:
        """Record a living voter's proposal or declaration; a leader may answer with its own."""
        if self.role is Role.CLOSED or sender not in _view_of(electorate) - {self.me}:
            return []
        match message:
            case LeadershipProposal():
                return self._on_proposal(sender)
            case LeadershipDeclaration() if self._outranks(sender, electorate):
                return []
            case LeadershipDeclaration():
                return self._on_declaration(sender, electorate, now)
            case _:
                return []

    def _outranks(self, sender: NodeId, electorate: Electorate) -> bool:
        """Return whether this node hears a majority, and the sender says that it hears none.

        Such a leader could not become master; a node that could must not wait for it.
        """
        return self.me in electorate.able and sender not in electorate.able

    def on_acting(self, node: NodeId, term: Term, electorate: Electorate, now: Instant) -> None:
        """Treat it as a declaration if no leader is known, or if `node` is the known leader.

        `term` is ignored: leaders of this engine have no term.
        """
        if self.role in {Role.CLOSED, Role.LEADER} or node not in electorate.joint_config.all:
            return
        known = self._known(electorate, now)
        if known is not None and known != node:
            return
        if node != self.me:
            self._follow(node, electorate, now)
        elif self._may_lead(electorate, now):
            self._lead(MASTER, electorate, now)

    # --- time -------------------------------------------------------------------------------

    def advance(self, electorate: Electorate, now: Instant) -> list[Outgoing]:
        """Sample, propose, declare or begin an election, as is due."""
        if self.role is Role.CLOSED:
            return []
        if self._leads_or_stands and not self._may_lead(electorate, now):
            self._step_down(BARRED, electorate)
        if not self._grace_over:
            self._sample(electorate, now)
        said = self._act(electorate, now) if self._grace_over else []
        self._wake_at = self._due(electorate, now)
        return said

    def step_aside(self, electorate: Electorate, now: Instant) -> None:
        """Stay out of elections until another leads, or for six lifetimes of a declaration."""
        other_leads = self.role is Role.FOLLOWER and self._known(electorate, now) is not None
        if self.role is Role.CLOSED or other_leads or now < self._aside_until:
            return
        lifetime = electorate.settings.gossip_alive_s
        self._aside_until = Instant(now + ASIDE_LIFETIMES * lifetime)
        if self._leads_or_stands:
            self._step_down(ASIDE, electorate)
        self._wake_at = self._due(electorate, now)

    def close(self, now: Instant) -> None:
        """Close the engine."""
        if self.role is not Role.CLOSED:
            self._leader = None
            self._wake_at = FOREVER
            self._change_role(Role.CLOSED, Term(0), CLOSED)

    def deadline(self, now: Instant) -> Instant:
        """Return when the next sample, message or election is due."""
        return self._wake_at

    def news(self) -> list[News]:
        """Return the changes of role since the last call."""
        news = list(self._news)
        self._news.clear()
        return news

    # --- details ----------------------------------------------------------------------------

    @property
    def _leads_or_stands(self) -> bool:
        """Whether this node leads or is a candidate."""
        return self.role in {Role.CANDIDATE, Role.LEADER}

    def _may_lead(self, electorate: Electorate, now: Instant) -> bool:
        voter = self.me in electorate.joint_config.committed
        return voter and electorate.fit and now >= self._aside_until

    def _known(self, electorate: Electorate, now: Instant) -> NodeId | None:
        """Return the known leader: this node, or a voter whose declaration has not expired."""
        if self.role is Role.LEADER:
            return self.me
        fresh = now < self._quiet_until and self._leader in electorate.joint_config.all
        return self._leader if fresh else None

    def _on_proposal(self, sender: NodeId) -> list[Outgoing]:
        if self.role is Role.LEADER:
            return [Outgoing(sender, LeadershipDeclaration())]
        self._proposals.add(sender)
        return []

    def _on_declaration(
        self, sender: NodeId, electorate: Electorate, now: Instant
    ) -> list[Outgoing]:
        known = self._known(electorate, now)
        if known is None or sender <= known:
            self._follow(sender, electorate, now)
        elif self.role is Role.LEADER:
            return [Outgoing(sender, LeadershipDeclaration())]
        return []

    def _follow(self, leader: NodeId, electorate: Electorate, now: Instant) -> None:
        if self._leads_or_stands:
            why = LOWER_LEADS if self.role is Role.LEADER else HEARD
            self._step_down(why, electorate)
        self._grace_over = True
        self._leader = leader
        self._aside_until = NEVER
        self._quiet_until = Instant(now + electorate.settings.gossip_alive_s)
        self._wake_at = self._due(electorate, now)

    def _step_down(self, why: str, electorate: Electorate) -> None:
        self._leader = None
        self._change_role(Role.FOLLOWER, electorate.term, why)

    def _lead(self, why: str, electorate: Electorate, now: Instant) -> None:
        """Lead; the declaration is due at once."""
        self._grace_over = True
        self._leader = self.me
        self._next_at = now
        self._change_role(Role.LEADER, electorate.term, why)
        self._wake_at = now

    def _sample(self, electorate: Electorate, now: Instant) -> None:
        """Sample the view; the startup grace ends when it is stable, or after its full length."""
        if now >= self._started + electorate.settings.gossip_startup_grace_s:
            self._grace_over = True
        elif now >= self._next_at:
            view = _view_of(electorate)
            alone = len(view) == 1 and len(electorate.joint_config.all) > 1
            self._grace_over = view == self._view and not alone
            self._view = view
            self._next_at = Instant(now + electorate.settings.gossip_sample_s)

    def _act(self, electorate: Electorate, now: Instant) -> list[Outgoing]:
        if self.role is Role.FOLLOWER and self._wants_election(electorate, now):
            self._begin_election(electorate, now)
        if self.role is Role.CANDIDATE and now >= self._collect_until:
            self._end_election(electorate, now)
        if not self._leads_or_stands or now < self._next_at:
            return []
        settings = electorate.settings
        if self.role is Role.CANDIDATE:
            self._next_at = Instant(now + settings.gossip_sample_s)
            return [Outgoing(None, LeadershipProposal())]
        self._next_at = Instant(now + settings.gossip_alive_s / DECLARATIONS_PER_LIFETIME)
        return [Outgoing(None, LeadershipDeclaration())]

    def _wants_election(self, electorate: Electorate, now: Instant) -> bool:
        removed = self._leader is not None and self._leader not in electorate.joint_config.all
        return (removed or now >= self._quiet_until) and self._may_lead(electorate, now)

    def _begin_election(self, electorate: Electorate, now: Instant) -> None:
        self._leader = None
        self._proposals.clear()
        self._collect_until = Instant(now + electorate.settings.gossip_election_s)
        self._next_at = now
        self._change_role(Role.CANDIDATE, electorate.term, ALONE)

    def _end_election(self, electorate: Electorate, now: Instant) -> None:
        lowest = min(self._proposals & electorate.joint_config.all, default=self.me)
        if lowest < self.me:
            self._step_down(LOWER_PROPOSED, electorate)
            self._lower = lowest
            self._quiet_until = Instant(now + electorate.settings.gossip_alive_s)
        else:
            self._lead(NOBODY_LOWER, electorate, now)

    def _due(self, electorate: Electorate, now: Instant) -> Instant:
        """Return when something changes without a message."""
        if not self._grace_over:
            grace = electorate.settings.gossip_startup_grace_s
            return min(self._next_at, Instant(self._started + grace))
        if self.role is Role.LEADER:
            return self._next_at
        if self.role is Role.CANDIDATE:
            return min(self._next_at, self._collect_until)
        coming = (at for at in (self._quiet_until, self._aside_until) if at > now)
        return min(coming, default=FOREVER)

    def _change_role(self, after: Role, term: Term, reason: str) -> None:
        self._news.append(RoleChange(self.role, after, term, reason))
        self.role = after


def _view_of(electorate: Electorate) -> frozenset[NodeId]:
    """Return the living voters, without strangers."""
    return electorate.living & electorate.joint_config.all


def _elects_within(settings: Settings) -> Seconds:
    once_s = settings.gossip_election_s + settings.gossip_alive_s
    return settings.gossip_startup_grace_s + ELECTIONS_MAX * once_s


GOSSIP = Descriptor(
    name="gossip",
    make=lambda begin: Gossip(me=begin.me, now=begin.now),
    timers=(
        Timer("gossip_startup_grace", "how long a node that starts looks for a leader"),
        Timer("gossip_sample", "time between two looks at who is there, while it starts"),
        Timer("gossip_election", "how long a candidate collects proposals"),
        Timer("gossip_alive", "silence after which a leader's declaration no longer counts"),
        Timer("acting", "where the leader may page: in a 'majority', or in any 'partition'"),
    ),
    why_handed_over=LOWER_LEADS,
    claims=(LeadershipProposal, LeadershipDeclaration),
    minority_leads=True,
    elects_within=_elects_within,
)
