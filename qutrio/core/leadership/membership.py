"""The members of the committed document: which of them are alive, and which were removed.

Every step asks for the living members many times, and they seldom change.  So each answer is
cached, and it is the same object until it changes.

A node believes that it was removed when the candidate of its last grant says so, or a majority of
the other voters.  The word of one other member removes no node.
"""

from attrs import define, field

from qutrio.core.api.effects import Effect, Send
from qutrio.core.api.messages import Commit, Fetch, Fetched, Heartbeat, Message
from qutrio.core.consensus.register import Register
from qutrio.core.consensus.witnesses import WITNESSES
from qutrio.core.leadership.heartbeats import HeartbeatSchedule, Liveness
from qutrio.core.quorum.majorities import JointConfig, holds_quorum, majority
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Instant, NodeId, Revision
from qutrio.model.stable import Record

NOBODY = frozenset[NodeId]()


@define
class Membership:
    """The members of the committed document, as one of them sees them."""

    me: NodeId
    register: Register
    liveness: Liveness
    heartbeats: HeartbeatSchedule
    _document: ClusterDocument | None = None
    _peers: tuple[NodeId, ...] = ()
    _heard: frozenset[NodeId] | None = None
    _live: frozenset[NodeId] = NOBODY
    _live_peers: tuple[NodeId, ...] = ()
    _majority_seen: tuple[frozenset[NodeId], JointConfig, bool] | None = None
    """Whether these nodes are a majority of these voters."""

    def peers(self) -> tuple[NodeId, ...]:
        """Return every other member, in order."""
        self._refresh_document()
        return self._peers

    def live(self, now: Instant) -> frozenset[NodeId]:
        """Return the living members, this node included if it is one."""
        self._refresh(now)
        return self._live

    def live_peers(self, now: Instant) -> tuple[NodeId, ...]:
        """Return the other living members, in order."""
        self._refresh(now)
        return self._live_peers

    def contacts(self, now: Instant) -> frozenset[NodeId]:
        """Return the nodes with two-way contact, this one included."""
        return self._answering(now) | {self.me}

    def sees_majority(self, now: Instant) -> bool:
        """Return whether a majority answers this node's heartbeats."""
        answering, joint_config = self._answering(now), self.register.joint_config
        known = self._majority_seen
        if known is None or known[0] is not answering or known[1] is not joint_config:
            known = (answering, joint_config, joint_config.majority(answering | {self.me}))
            self._majority_seen = known
        return known[2]

    def shortage(self, now: Instant) -> str | None:
        """Return how many voters answer and how many are needed; None while a majority answers."""
        if self.sees_majority(now):
            return None
        voters = self.register.committed.document.voters
        have, need = len(self.contacts(now) & voters), majority(len(voters))
        return f"{have} of {len(voters)} voting members answer, {need} are needed"

    def _answering(self, now: Instant) -> frozenset[NodeId]:
        dead_after = self.register.committed.document.settings.dead_after_s
        return self.heartbeats.contacts(now, dead_after)

    def _refresh_document(self) -> None:
        document = self.register.committed.document
        if document is not self._document:
            self._document, self._heard = document, None
            self._peers = tuple(m.id for m in document.members if m.id != self.me)

    def _refresh(self, now: Instant) -> None:
        self._refresh_document()
        document = self.register.committed.document
        heard = self.liveness.living(now, document.settings.dead_after_s)
        if heard is not self._heard:
            self._heard = heard
            self._live = (heard | {self.me}) & document.ids
            self._live_peers = tuple(sorted(self._live - {self.me}))


@define
class RemovalConfirmation:
    """The members that said that this node was removed, in the newest revision they named."""

    me: NodeId
    _senders: set[NodeId] = field(factory=set)
    _revision: Revision = Revision(0)

    def believed(
        self,
        sender: NodeId,
        revision: Revision,
        document: ClusterDocument,
        holder: NodeId | None,
    ) -> bool:
        """Record that `sender` said so; return whether this node believes it.

        `document` is what this node holds; earlier revisions do not count.  `holder` is the
        candidate that this node granted last.  The other one of two voters is no majority.
        """
        if revision < max(document.revision, self._revision) or sender not in document.ids:
            return False
        if revision > self._revision:
            self._revision, self._senders = revision, set()
        self._senders.add(sender)
        if sender == holder:
            return True
        several = len(self._senders & document.voters) >= WITNESSES
        enough = several or holds_quorum(self._senders, document.voters)
        return enough and holds_quorum(self._senders, document.voters - {self.me})


def says_removed(document: ClusterDocument, *, belongs: bool, revision: Revision) -> bool:
    """Return whether a member's answer says that this node was removed.

    `belongs` and `revision` are its answer, `document` is what this node holds.  A member with an
    older revision than this node's may not know yet that this node joined.
    """
    return not belongs and revision >= document.revision


def reply_when_removed(committed: Record, peer: NodeId, message: Message | None) -> list[Effect]:
    """Return the answer of a removed node to a peer that linked (no message) or sent a message.

    A master that committed its own removal may be the only node that knows it.  In a cluster of
    two, the other member would wait for its vote forever.  So a removed node tells the members
    which record is committed, and nothing else.
    """
    if peer not in committed.document.ids:
        return []
    if message == Fetch(accepted=False):
        return [Send(peer, Fetched(accepted=False, record=committed))]
    behind = isinstance(message, Heartbeat) and message.committed < committed.position
    return [Send(peer, Commit(position=committed.position))] if behind or message is None else []
