"""Endorsement: why a voter would not be bound to a claim."""

from collections.abc import Callable

from qutrio.core.mandate import Electors, Mandate
from qutrio.model.ids import Instant, NodeId, Term


def objection(  # noqa: PLR0917 - all that bears on it
    mandate: Mandate,
    electors: Electors,
    claimant: NodeId,
    term: Term,
    now: Instant,
    choice: Callable[[], NodeId | None],
) -> str | None:
    """Say why a voter would not endorse `claimant` for `term`; None if it would.

    `choice` asks the voter's engine whom it wants, which is only done when nothing else is
    in the way.
    """
    # One whose removal is under way may claim: it finishes the removal, and then goes.
    if claimant not in electors.committed:
        return "does not know the claimant as a voter"
    reason = mandate.objection(claimant, term, now)
    if reason is None and mandate.promise.holder != claimant:
        wanted = choice()
        if wanted != claimant:
            return f"prefers {wanted}"
    return reason
