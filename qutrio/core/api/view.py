"""What other tasks may know about a node: a small view after every step, a status on request."""

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

    `acting_until` is when this node's lease ends unless it is renewed; None if it is not master.
    Code that acts for the master compares it with the clock again.  `vacating` asks the
    programs that rely on the lease to stop, because mastership is to be transferred.
    `master_term` is the term of the master, if there is one.  `minority_until` is until when
    this node may send notices as the leader of a minority, if it is one.  `holder` is the node
    that this one granted last, whose writes it accepts, if there is one.  `ledger` is the
    committed one, `minority_ledger` that of the minority; notices that have left its outbox
    must not be sent.
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
    """One member as this node hears it.  `last_heard_s` is None if it was never heard.

    `engine` is the one that it runs, empty if it does not know the one that is set, and None
    if it did not announce one.  `level` is the highest feature level that its program announced
    since this node started, or None.
    """

    member: Member
    live: bool
    last_heard_s: Seconds | None
    skew_s: Seconds | None
    engine: str | None = None
    level: int | None = None


@frozen(kw_only=True)
class CheckStatus:
    """One check as this node counts its votes.

    `for_s` is the age of its open incident, or for how long it has had no verdict, or else the
    age of its verdict.
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
    """The deliveries to one channel.

    `waiting` notices are not delivered yet.  Only the master knows whether an attempt is under way
    (`trying`), in how many seconds the next one is due, and why the last one failed (`error`).
    The receiver asked for no attempt until `asked_until_unix`.
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
    that was removed counts none.
    `stale` means that no master is heard, so that the document may be old.  `disk` is why this
    node's disk refuses writes, so that it cannot lead; else it is empty.
    `role` is the one that the engine gives this node.  A node that does not know the engine of its
    document (`knows_engine`) neither leads nor grants.  With `leads_minority` it may send notices
    without a majority, and writes nothing.  `level` is the highest that this program knows;
    `held_back` are the members that are not known to run it, while the document is below it.
    `hopeless` says why no change can succeed at this node, and is empty if that is not certain.
    `last` is the newest fact that the node logged.
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
    """By how much this node's wall clock was last set, and how many seconds ago."""
    level: int = LEVEL
    held_back: tuple[NodeId, ...] = ()
    channels: tuple[ChannelStatus, ...] = ()
