"""Pending proposals: changes to the document that were proposed at this node and await an answer.

Theory of operation.  The node sends a proposal to the master until it answers.  Repeats are
harmless, because the master rules on a request once.  A master processes its own proposals at once.
A proposal that was sent may be written already.  So it is not sent to another master, nor to the
same one in another term, because that one may have forgotten it.  It is sent again once the master
says that it never wrote it.
"""

from collections.abc import Callable, Mapping

from attrs import define, field, frozen

from qutrio.core.api.effects import Effect, Reply, Send
from qutrio.core.api.events import Proposed
from qutrio.core.api.messages import Commit, Propose, ProposeReply, Removed, Ruling
from qutrio.core.api.shown import shows
from qutrio.core.consensus.applying import level_refusal
from qutrio.core.leadership.leadership import Leadership
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Instant, NodeId, RequestId, Revision, Seconds, Term
from qutrio.model.stable import Position

PENDING_PROPOSALS_MAX = 2000
ANSWER_S_MAX: Seconds = 10.0
"""How long a proposal may wait for its answer."""
SEND_AGAIN_S: Seconds = 1.0
NOT_SEEN = "the master says that it is committed, and this node does not see it"
CATCH_UP_S_MAX: Seconds = 10.0
"""How long an answer waits until this node shows the committed change."""


@frozen(kw_only=True)
class ProposalInputs:
    """The state of the node that decides what becomes of a proposal.

    `term` is the term of `master`.  `hopeless` says why there can be no master now, if that is
    so.  `committed` and `document` are those of the record that this node holds, and `fit` tells
    whether its disk takes newer ones.  `named` is which position each member calls committed.
    """

    me: NodeId
    master: NodeId | None
    term: Term
    hopeless: str | None
    committed: Position
    document: ClusterDocument
    fit: bool
    named: Mapping[NodeId, Position]

    @property
    def revision(self) -> Revision:
        """The revision that this node holds."""
        return self.document.revision


@define
class PendingProposal:
    """One pending proposal.  Only `sent_to`, in the term `sent_in`, may have written it."""

    asked: Proposed
    until: Instant
    sent_to: NodeId | None = None
    sent_in: Term = Term(0)
    send_at: Instant = Instant(0.0)
    ruled: ProposeReply | None = None
    _shown: tuple[ClusterDocument, bool] | None = None
    """The document that was examined last, and whether it shows the change."""

    def shows_in(self, document: ClusterDocument) -> bool:
        """Return whether a document shows the change."""
        if self._shown is None or self._shown[0] is not document:
            self._shown = (document, shows(document, self.asked.mutation))
        return self._shown[1]

    def message(self) -> Propose:
        """Return the message to the master."""
        asked = self.asked
        return Propose(
            term=self.sent_in,
            request=asked.request,
            mutation=asked.mutation,
            door=asked.door,
            uid=asked.uid,
        )


def _not_connected(message: Propose, now: Instant) -> list[Effect]:
    raise AssertionError(f"at {now} nothing takes this node's own proposal {message.request}")


@define
class PendingProposals:
    """The pending proposals of this node, at most `pending_max`."""

    pending_max: int = PENDING_PROPOSALS_MAX
    propose_here: Callable[[Propose, Instant], list[Effect]] = _not_connected
    """Called with a proposal when this node is the master itself."""
    _pending: dict[RequestId, PendingProposal] = field(factory=dict)

    def open(self, asked: Proposed, document: ClusterDocument, now: Instant) -> list[Effect]:
        """Add a proposal; refuse it if there are too many, or if some members are too old for it.

        `document` is the committed one.
        """
        request, revision = asked.request, document.revision
        if len(self._pending) >= self.pending_max:
            reason = "too many changes are waiting; try again"
            return [Reply(request, Ruling.REFUSED, reason, revision)]
        refusal = level_refusal(asked.mutation, document)
        if refusal is not None:  # an old master would not notice
            return [Reply(request, Ruling.REFUSED, refusal.reason, revision)]
        self._pending[request] = PendingProposal(asked, Instant(now + ANSWER_S_MAX))
        return []

    def on_ruled(self, sender: NodeId, ruled: ProposeReply, now: Instant) -> None:
        """Record the master's answer, if it comes from the node that was asked."""
        pending = self._record(sender, ruled)
        if pending is not None:
            pending.until = Instant(now + CATCH_UP_S_MAX)

    def on_own_ruling(self, me: NodeId, ruled: ProposeReply) -> None:
        """Record the answer of this node's own register, whose changes this node sees at once."""
        self._record(me, ruled)

    def _record(self, sender: NodeId, ruled: ProposeReply) -> PendingProposal | None:
        """Record an answer; return the proposal that it rules on, if it is pending."""
        pending = self._pending.get(ruled.request)
        if pending is None or pending.sent_to != sender or pending.ruled is not None:
            return None
        if ruled.ruling is Ruling.AGAIN:
            if ruled.term >= pending.sent_in:  # otherwise it answers an earlier copy
                pending.sent_to = None
            return None
        pending.ruled = ruled
        return pending

    def advance(self, proposal_inputs: ProposalInputs, now: Instant) -> list[Effect]:
        """Send the proposals that are due, and answer those that are decided."""
        effects: list[Effect] = []
        for request, pending in list(self._pending.items()):
            reply = self._reply(request, pending, proposal_inputs, now)
            if reply is not None:
                del self._pending[request]
                effects.append(reply)
            elif self._to_send(pending, proposal_inputs, now):
                assert pending.sent_to is not None
                pending.send_at = Instant(now + SEND_AGAIN_S)
                if pending.sent_to == proposal_inputs.me:
                    effects += self.propose_here(pending.message(), now)
                else:
                    effects.append(Send(pending.sent_to, pending.message()))
        return effects

    @property
    def idle(self) -> bool:
        """Return whether no proposal is pending."""
        return not self._pending

    def deadline(self) -> Instant:
        """Return when the next proposal expires or is due to be sent again."""
        times = (
            min(w.until, w.send_at) if w.sent_to is not None and w.ruled is None else w.until
            for w in self._pending.values()
        )
        return min(times, default=Instant(float("inf")))

    def _to_send(
        self, pending: PendingProposal, proposal_inputs: ProposalInputs, now: Instant
    ) -> bool:
        if pending.ruled is not None or proposal_inputs.master is None:
            return False
        if pending.sent_to is None:
            pending.sent_to, pending.sent_in = proposal_inputs.master, proposal_inputs.term
            return True
        same = (pending.sent_to, pending.sent_in) == (proposal_inputs.master, proposal_inputs.term)
        return same and now >= pending.send_at

    def _reply(
        self, request: RequestId, pending: PendingProposal, inputs: ProposalInputs, now: Instant
    ) -> Reply | None:
        if pending.ruled is not None:
            return self._reply_to_ruling(request, pending, pending.ruled, inputs, now)
        if pending.sent_to is None and inputs.hopeless is not None:
            reason = f"{inputs.hopeless}; nothing was changed"
            return Reply(request, Ruling.REFUSED, reason, inputs.revision)
        if now < pending.until:
            return None
        if pending.sent_to is None:
            reason = "there is no master just now; nothing was changed, try again"
            return Reply(request, Ruling.REFUSED, reason, inputs.revision)
        reason = "the master did not answer in time; look before you try again"
        return Reply(request, Ruling.UNKNOWN, reason, inputs.revision)

    def _reply_to_ruling(
        self,
        request: RequestId,
        pending: PendingProposal,
        ruled: ProposeReply,
        inputs: ProposalInputs,
        now: Instant,
    ) -> Reply | None:
        """Pass the ruling on; "committed" only once this node sees the change."""
        if ruled.ruling is not Ruling.COMMITTED or self._sees(pending, ruled.position, inputs):
            return Reply(request, ruled.ruling, ruled.reason, ruled.revision)
        if now < pending.until:
            return None
        reason = f"{NOT_SEEN}; look before you try again"
        return Reply(request, Ruling.UNKNOWN, reason, inputs.revision)

    def _sees(self, pending: PendingProposal, position: Position, inputs: ProposalInputs) -> bool:
        """Return whether this node knows for itself that the change at `position` is committed.

        The word of one member does not suffice: it may only pretend to be the master.  A node
        whose disk takes no writes cannot hold the record; for it another member must call that
        record, or a later one of its term, committed.
        """
        if position <= inputs.committed:
            return pending.sent_to == inputs.me or pending.shows_in(inputs.document)
        return not inputs.fit and any(
            node != pending.sent_to and named.term == position.term and named >= position
            for node, named in inputs.named.items()
        )


def proposal_inputs(leadership: Leadership, now: Instant, *, removed: bool) -> ProposalInputs:
    """Return the inputs for this node's pending proposals at `now`."""
    committed = leadership.register.committed
    return ProposalInputs(
        master=leadership.master(now),
        term=leadership.master_term(now),
        hopeless=hopeless(leadership, now, removed=removed),
        committed=committed.position,
        document=committed.document,
        me=leadership.me,
        fit=leadership.fit,
        named=leadership.register.witnesses.named,
    )


def hopeless(leadership: Leadership, now: Instant, *, removed: bool) -> str | None:
    """Return why no change is possible at this node; None if one may be."""
    if removed:
        return "this node was removed from the cluster"
    shortage = leadership.membership.shortage(now)
    return shortage and f"no quorum: {shortage}"


def commit_write(leadership: Leadership) -> list[Effect]:
    """Commit the write in flight, and tell all members, the removed ones included."""
    register = leadership.register
    before = {m.id for m in register.committed.document.members}
    effects = register.mark_committed()
    commit = Commit(position=register.committed.position)
    effects += [Send(peer, commit) for peer in leadership.membership.peers()]
    revision = register.committed.document.revision
    gone = before - {leadership.me, *leadership.membership.peers()}
    return effects + [Send(node, Removed(revision=revision)) for node in sorted(gone)]
