"""Checks without a verdict: what the ledger keeps of them, and what people are told."""

from attrs import frozen

from qutrio.model.ids import ChannelId, CheckId, Extra, IncidentId, Seconds, UnixTime
from qutrio.model.results import State

CHECKS_LISTED_MAX = 50
"""Checks that one notice names; beyond it there is only their number."""


@frozen(kw_only=True)
class Unjudged:
    """A check that has had no verdict for a while.

    `number` tells this time from earlier ones.  It began at `since_unix`, which was `noted_s`
    before it was written, as measured.  `told` are the notices that cover it; None while
    nobody was to be told.
    """

    check: CheckId
    number: int
    since_unix: UnixTime
    noted_s: Seconds
    told: tuple[IncidentId, ...] | None = None
    extra: Extra = ()

    @property
    def id(self) -> IncidentId:
        """The name under which its age is measured."""
        return IncidentId(f"{self.check}-unjudged-{self.number}")


@frozen(kw_only=True)
class Unseen:
    """What one channel was told of: checks without a verdict for one cause.

    `noted_s` is for how long the oldest of them had none by then.
    """

    id: IncidentId
    channel: ChannelId
    cause: str
    since_unix: UnixTime
    noted_s: Seconds
    extra: Extra = ()


@frozen(kw_only=True)
class ListedCheck:
    """One check in a notice, and how it stands; None when it is watched no more."""

    id: CheckId
    name: str
    target: str
    state: State | None
    extra: Extra = ()


@frozen(kw_only=True)
class UnseenChecks:
    """What a notice says of checks without a verdict, or of those that had none.

    `cause` says of each voter why it gives no vote.  `checks` are the first of `count`.
    """

    cause: str
    count: int
    checks: tuple[ListedCheck, ...]
    extra: Extra = ()
