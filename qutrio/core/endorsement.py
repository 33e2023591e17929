"""Endorsement: why a voter would not be bound to a claim."""

from collections.abc import Callable

from qutrio.core.mandate import Mandate
from qutrio.core.quorum import Electors
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term


def objection(  # noqa: PLR0917 - all that bears on it
    mandate: Mandate,
    electors: Electors,
    claimant: NodeId,
    term: Term,
    now: Instant,
    choice: Callable[[], NodeId | None],
    patience_s: Seconds,
) -> str | None:
    """Say why a voter would not endorse `claimant` for `term`; None if it would.

    `choice` asks the voter's engine whom it wants, which is only done when nothing else is
    in the way.  When nobody has led since the last bond ended, for `patience_s`, a voter no
    longer insists on itself against a lower id, nor on nobody: the claimant may run another
    engine, because it was away when that changed, and nobody is left who could tell it.
    """
    # One whose removal is under way may claim: it finishes the removal, and then goes.
    if claimant not in electors.committed:
        return "does not know the claimant as a voter"
    reason = mandate.objection(claimant, term, now)
    if reason is None and mandate.promise.holder != claimant:
        wanted = choice()
        freed_at = max(mandate.bound_until, mandate.quiet_until)
        yields = wanted is None or (wanted == mandate.me and claimant < mandate.me)
        if yields and NEVER < freed_at <= now - patience_s:
            return None
        if wanted != claimant:
            return f"prefers {wanted}"
    return reason
