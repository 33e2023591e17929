"""The roll: who the members are, and who of them is here.  It decides nothing.

Every step asks for this many times, and it changes seldom; so each answer is kept, and is the
same object while it is the same.
"""

from attrs import define

from qutrio.core.cadence import Cadence
from qutrio.core.liveness import Liveness
from qutrio.core.quorum import Electors, majority
from qutrio.core.replication import Replication
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Instant, NodeId

NOBODY = frozenset[NodeId]()


@define
class Roll:
    """The members of the committed document, as one of them meets them."""

    me: NodeId
    register: Replication
    liveness: Liveness
    cadence: Cadence
    _document: ClusterDocument | None = None
    _peers: tuple[NodeId, ...] = ()
    _heard: frozenset[NodeId] | None = None
    _live: frozenset[NodeId] = NOBODY
    _live_peers: tuple[NodeId, ...] = ()
    _sight: tuple[frozenset[NodeId], Electors, bool] | None = None
    """Whether these nodes are a majority of these electors."""

    def peers(self) -> tuple[NodeId, ...]:
        """Return every other member, in order."""
        self._follow()
        return self._peers

    def live(self, now: Instant) -> frozenset[NodeId]:
        """Return the living members, this node included if it is one."""
        self._look(now)
        return self._live

    def live_peers(self, now: Instant) -> tuple[NodeId, ...]:
        """Return the living members beside this node, in order."""
        self._look(now)
        return self._live_peers

    def contacts(self, now: Instant) -> frozenset[NodeId]:
        """Return the nodes with two-way contact, this one included."""
        return self._answering(now) | {self.me}

    def sees_majority(self, now: Instant) -> bool:
        """Tell whether a majority answers this node's heartbeats."""
        answering, electors, known = self._answering(now), self.register.electors, self._sight
        if known is None or known[0] is not answering or known[1] is not electors:
            known = (answering, electors, electors.majority(answering | {self.me}))
            self._sight = known
        return known[2]

    def shortage(self, now: Instant) -> str | None:
        """Say how many answer and how many should; None while a majority does."""
        if self.sees_majority(now):
            return None
        voters = self.register.committed.document.voters
        have, need = len(self.contacts(now) & voters), majority(len(voters))
        return f"{have} of {len(voters)} voting members answer, {need} are needed"

    def _answering(self, now: Instant) -> frozenset[NodeId]:
        dead_after = self.register.committed.document.settings.dead_after_s
        return self.cadence.contacts(now, dead_after)

    def _follow(self) -> None:
        document = self.register.committed.document
        if document is not self._document:
            self._document, self._heard = document, None
            self._peers = tuple(m.id for m in document.members if m.id != self.me)

    def _look(self, now: Instant) -> None:
        self._follow()
        document = self.register.committed.document
        heard = self.liveness.living(now, document.settings.dead_after_s)
        if heard is not self._heard:
            self._heard = heard
            self._live = (heard | {self.me}) & document.ids
            self._live_peers = tuple(sorted(self._live - {self.me}))
