"""What a wish to change the document can hope for at this node; and what a commit must be told."""

from qutrio.core.desk import Outlook
from qutrio.core.effects import Effect, Send
from qutrio.core.messages import Commit, Removed
from qutrio.core.seat import Seat
from qutrio.model.ids import Instant


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
