"""Expulsion: whom a node believes that it was removed, and what it still says afterwards.

One member's word removes nobody, unless it is the holder that this node endorsed itself, by the
promise on its own disk; else a majority of the other voters must say so.
"""

from attrs import define, field

from qutrio.core.effects import Effect, Send
from qutrio.core.messages import Commit, Fetch, Fetched, Heartbeat, Message
from qutrio.core.quorum import holds_quorum
from qutrio.core.witnesses import WITNESSES
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Revision
from qutrio.model.stable import Record


@define
class Expulsion:
    """Who said so, about the newest revision that was named."""

    me: NodeId
    _tellers: set[NodeId] = field(factory=set)
    _revision: Revision = Revision(0)

    def believed(
        self,
        teller: NodeId,
        revision: Revision,
        document: ClusterDocument,
        holder: NodeId | None,
    ) -> bool:
        """Note a member's word; believe `holder`, or a majority of the other voters.

        `document` is what this node holds; what was said before it is old news.  `holder` is
        whom this node endorsed last.  The other one of two voters is no majority.
        """
        if revision < max(document.revision, self._revision) or teller not in document.ids:
            return False
        if revision > self._revision:
            self._revision, self._tellers = revision, set()
        self._tellers.add(teller)
        if teller == holder:
            return True
        several = len(self._tellers & document.voters) >= WITNESSES
        enough = several or holds_quorum(self._tellers, document.voters)
        return enough and holds_quorum(self._tellers, document.voters - {self.me})


def says_removed(document: ClusterDocument, *, belongs: bool, revision: Revision) -> bool:
    """Tell whether a member's answer says that this node was removed.

    `belongs` and `revision` are its answer, `document` is what this node holds.  A member that
    does not even know this node's own revision may not have heard yet that it joined.
    """
    return not belongs and revision >= document.revision


def last_words(committed: Record, peer: NodeId, message: Message | None) -> list[Effect]:
    """Return what a removed node says to a peer that linked (no message) or that speaks to it.

    A master that committed its own removal may be the only one who knows so.  The last other
    member of a cluster of two would wait for its vote for ever; so it says what is committed,
    and nothing else, to whoever is a member by that.
    """
    if peer not in committed.document.ids:
        return []
    if message == Fetch(accepted=False):
        return [Send(peer, Fetched(accepted=False, record=committed))]
    behind = isinstance(message, Heartbeat) and message.committed < committed.position
    return [Send(peer, Commit(position=committed.position))] if behind or message is None else []
