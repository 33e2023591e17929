"""The desk: local wishes to change the document, from the asking to the answer.

Theory of operation.  The acting master takes a wish into its own register; everybody else
sends it to the master, again and again until it answers, which is harmless because the
master rules on a request once.  A wish that was sent is never sent to another master, nor to
the same one in another term, when it may have forgotten: it may be written already.  One that
a master says it never wrote may be.
"""

from attrs import define, field, frozen

from qutrio.core.applying import beyond
from qutrio.core.effects import Effect, Reply, Send
from qutrio.core.events import Proposed
from qutrio.core.messages import Commit, Propose, Removed, Ruled, Ruling
from qutrio.core.seat import Seat
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Instant, NodeId, RequestId, Revision, Seconds, Term
from qutrio.model.stable import Position

WISHES_MAX = 2000
ANSWER_S_MAX: Seconds = 10.0
"""How long a wish may take from the asking to the answer."""
SEND_AGAIN_S: Seconds = 1.0
CATCH_UP_S_MAX: Seconds = 3.0
"""How long an answer waits for this node to hold what was committed."""


@frozen(kw_only=True)
class Outlook:
    """What a wish can hope for.

    `term` is the one `master` acts in.  `hopeless` says why there can be no master now, if
    that is so.  `committed` and `revision` are what this node holds.
    """

    master: NodeId | None
    term: Term
    hopeless: str | None
    committed: Position
    revision: Revision


@define
class Wish:
    """One wish under way.  Only `sent_to`, in the term `sent_in`, may have written it."""

    asked: Proposed
    until: Instant
    sent_to: NodeId | None = None
    sent_in: Term = Term(0)
    send_at: Instant = Instant(0.0)
    ruled: Ruled | None = None

    def message(self) -> Propose:
        """Return what the master is asked."""
        asked = self.asked
        return Propose(
            term=self.sent_in,
            request=asked.request,
            mutation=asked.mutation,
            door=asked.door,
            uid=asked.uid,
        )


@define
class Desk:
    """Keeps every open wish of this node, at most `wishes_max`."""

    wishes_max: int = WISHES_MAX
    _wishes: dict[RequestId, Wish] = field(factory=dict)

    def open(self, asked: Proposed, document: ClusterDocument, now: Instant) -> list[Effect]:
        """Take a wish in, or refuse it: there are too many, or some members are too old for it.

        `document` is the committed one.
        """
        request, revision = asked.request, document.revision
        if len(self._wishes) >= self.wishes_max:
            reason = "too many changes are waiting; try again"
            return [Reply(request, Ruling.REFUSED, reason, revision)]
        refusal = beyond(asked.mutation, document)
        if refusal is not None:  # an old master would not see what is wrong with it
            return [Reply(request, Ruling.REFUSED, refusal.reason, revision)]
        self._wishes[request] = Wish(asked, Instant(now + ANSWER_S_MAX))
        return []

    def on_ruled(self, sender: NodeId, ruled: Ruled, now: Instant) -> None:
        """Take in the master's answer; only from the node that was asked."""
        wish = self._wishes.get(ruled.request)
        if wish is None or wish.sent_to != sender or wish.ruled is not None:
            return
        if ruled.ruling is Ruling.AGAIN:
            if ruled.term >= wish.sent_in:  # else it answers an earlier copy of the wish
                wish.sent_to = None
            return
        wish.ruled = ruled
        wish.until = Instant(now + CATCH_UP_S_MAX)

    def advance(self, outlook: Outlook, now: Instant) -> list[Effect]:
        """Send what can be sent and answer what can be answered."""
        effects: list[Effect] = []
        for request, wish in list(self._wishes.items()):
            reply = self._reply(request, wish, outlook, now)
            if reply is not None:
                del self._wishes[request]
                effects.append(reply)
            elif self._to_send(wish, outlook, now):
                assert wish.sent_to is not None
                wish.send_at = Instant(now + SEND_AGAIN_S)
                effects.append(Send(wish.sent_to, wish.message()))
        return effects

    @property
    def idle(self) -> bool:
        """Tell whether nobody waits for an answer."""
        return not self._wishes

    def deadline(self) -> Instant:
        """Return when the next wish runs out or is to be sent again."""
        moments = (
            min(w.until, w.send_at) if w.sent_to is not None and w.ruled is None else w.until
            for w in self._wishes.values()
        )
        return min(moments, default=Instant(float("inf")))

    def _to_send(self, wish: Wish, outlook: Outlook, now: Instant) -> bool:
        if wish.ruled is not None or outlook.master is None:
            return False
        if wish.sent_to is None:
            wish.sent_to, wish.sent_in = outlook.master, outlook.term
            return True
        same = (wish.sent_to, wish.sent_in) == (outlook.master, outlook.term)
        return same and now >= wish.send_at

    def _reply(
        self, request: RequestId, wish: Wish, outlook: Outlook, now: Instant
    ) -> Reply | None:
        ruled = wish.ruled
        if ruled is not None:
            behind = ruled.ruling is Ruling.COMMITTED and ruled.position > outlook.committed
            if behind and now < wish.until:
                return None
            return Reply(request, ruled.ruling, ruled.reason, ruled.revision)
        if wish.sent_to is None and outlook.hopeless is not None:
            reason = f"{outlook.hopeless}; nothing was changed"
            return Reply(request, Ruling.REFUSED, reason, outlook.revision)
        if now < wish.until:
            return None
        if wish.sent_to is None:
            reason = "no node acts as master just now; nothing was changed, try again"
            return Reply(request, Ruling.REFUSED, reason, outlook.revision)
        reason = "the master did not answer in time; look before you try again"
        return Reply(request, Ruling.UNKNOWN, reason, outlook.revision)


def outlook(seat: Seat, now: Instant, *, removed: bool) -> Outlook:
    """Return what the wishes of this node's people can hope for at `now`."""
    committed = seat.register.committed
    return Outlook(
        master=seat.incumbent(now),
        term=seat.incumbent_term(now),
        hopeless=hopeless(seat, now, removed=removed),
        committed=committed.position,
        revision=committed.document.revision,
    )


def hopeless(seat: Seat, now: Instant, *, removed: bool) -> str | None:
    """Say why nothing can be changed here, None when that is not certain."""
    if removed:
        return "this node was removed from the cluster"
    shortage = seat.roll.shortage(now)
    return shortage and f"no quorum: {shortage}"


def settle_write(seat: Seat) -> list[Effect]:
    """Commit the write in flight, which its majorities accepted, and tell all it concerns."""
    register = seat.register
    before = {m.id for m in register.committed.document.members}
    effects = register.settle()
    commit = Commit(position=register.committed.position)
    effects += [Send(peer, commit) for peer in seat.roll.peers()]
    revision = register.committed.document.revision
    gone = before - {seat.me, *seat.roll.peers()}
    return effects + [Send(node, Removed(revision=revision)) for node in sorted(gone)]
