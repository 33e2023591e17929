"""What outsiders may know about a node: a small view after every step, a status on request."""

from qutrio.core.api.facts import NodeFact
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.frozen import frozen
from qutrio.model.ids import ChannelId, Instant, NodeId, Revision, Seconds, Term, UnixTime
from qutrio.model.incidents import Incident, Ledger
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from qutrio.model.parts import RefusedRecipient
from qutrio.model.results import Evidence, State
from qutrio.model.stable import Position
from qutrio.model.unseen import Unjudged


@frozen(kw_only=True)
class View:
    """A snapshot that is cheap to make; replaced after every step, safe to hand to any task.

    `acting_until` is the moment this node's mandate ends unless it is renewed; None when it
    does not act.  Whoever acts for the master compares it with the clock once more.
    `vacating` asks the programs that rely on the mandate to stop: the role is to move.
    `master_term` is the term in which the master acts; meaningless without one.
    `minority_until` is up to when this node may page as the leader of a minority, if it is one.
    `holder` is the node that this one is bound to, whose writes it accepts, if there is one.
    `ledger` is the committed one, `minority_ledger` that of the minority: what is not in its
    outbox any more must not be sent.
    """

    node: NodeId
    document: ClusterDocument
    position: Position
    term: Term
    master: NodeId | None
    acting_until: Instant | None
    live: frozenset[NodeId]
    removed: bool
    vacating: bool = False
    master_term: Term = Term(0)
    minority_until: Instant | None = None
    ledger: Ledger = Ledger()
    minority_ledger: Ledger = Ledger()
    holder: NodeId | None = None


@frozen(kw_only=True)
class MemberStatus:
    """One member as this node hears it.  `last_heard_s` is None for one never heard.

    `engine` is the one that it runs, empty if it does not know the one that is set, and None
    when it has not said.  `level` is the highest that its program announced to this node since
    this one started; None if it did not.
    """

    member: Member
    live: bool
    last_heard_s: Seconds | None
    skew_s: Seconds | None
    engine: str | None = None
    level: int | None = None


@frozen(kw_only=True)
class CheckStatus:
    """One check as this node counts it.

    `for_s` is how long its incident has been open, or how long it has had no verdict, or else
    how long its state has stood.
    """

    check: Check
    state: State
    since_unix: UnixTime
    for_s: Seconds
    ok: int
    fail: int
    abstain: int
    evidence: tuple[Evidence, ...]
    incident: Incident | None
    unjudged: Unjudged | None = None


@frozen(kw_only=True)
class ChannelStatus:
    """How it goes with telling people through one channel.

    `waiting` notices are not delivered.  Only the master knows whether an attempt is under way
    (`trying`), in how many seconds the next one is due, and why the last one failed (`error`).
    The receiver asked to be left alone until `asked_until_unix`.
    """

    channel: ChannelId
    waiting: int
    trying: bool = False
    next_try_s: Seconds | None = None
    error: str = ""
    asked_until_unix: UnixTime | None = None
    refusals: tuple[RefusedRecipient, ...] = ()


@frozen(kw_only=True)
class Status:
    """Everything `qutrio status` shows.

    `have` members are heard by this node, itself included; `need` of them are a quorum.  A node
    that was removed counts nobody.
    `stale` means that no master is heard, so the document may be old.  `disk` is why this
    node's disk refuses writes, so that it cannot lead; empty when it does not.
    `role` is what the engine takes this node for.  A node that does not know the engine of its
    document (`knows_engine`) neither leads nor endorses.  With `leads_minority` it may page
    without a majority, and writes nothing.  `level` is the highest that this program knows;
    `held_back` are the members that are not known to run it, while the document is below it.
    `hopeless` says why nothing can be changed at this node, and is empty when that is not certain;
    `last` is the fact that the node noted last.
    """

    node: NodeId
    name: str
    engine: str
    term: Term
    master: NodeId | None
    acting: bool
    holds_quorum: bool
    have: int
    need: int
    revision: Revision
    position: Position
    document: ClusterDocument
    ledger: Ledger
    stale: bool
    removed: bool
    hopeless: str
    last: NodeFact
    members: tuple[MemberStatus, ...]
    checks: tuple[CheckStatus, ...]
    disk: str = ""
    role: str = "follower"
    knows_engine: bool = True
    leads_minority: bool = False
    clock_set: tuple[Seconds, Seconds] | None = None
    """By how much this node's wall clock was set last, and how many seconds ago."""
    level: int = LEVEL
    held_back: tuple[NodeId, ...] = ()
    channels: tuple[ChannelStatus, ...] = ()
