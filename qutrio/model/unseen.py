"""Checks without a verdict: their entries in the ledger, and their part of a notice."""

from attrs import frozen

from qutrio.model.ids import ChannelId, CheckId, Extra, IncidentId, Seconds, UnixTime
from qutrio.model.results import State

CHECKS_LISTED_MAX = 50
"""The most checks that one notice names; it gives only the number of the others."""


@frozen(kw_only=True)
class Unjudged:
    """A check that has had no verdict for a while.

    `number` distinguishes this period from earlier ones.  The period began at `since_unix`,
    which was `noted_s` before the entry was written, as measured.  `told` are the notices that
    cover it; None while no notice was due.
    """

    check: CheckId
    number: int
    since_unix: UnixTime
    noted_s: Seconds
    told: tuple[IncidentId, ...] | None = None
    extra: Extra = ()

    @property
    def id(self) -> IncidentId:
        """The id under which its age is measured."""
        return IncidentId(f"{self.check}-unjudged-{self.number}")


@frozen(kw_only=True)
class Unseen:
    """A notice to one channel about checks without a verdict for one cause.

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
    """One check in a notice, and its verdict; None if it is disabled or removed."""

    id: CheckId
    name: str
    target: str
    state: State | None
    extra: Extra = ()


@frozen(kw_only=True)
class UnseenChecks:
    """The part of a notice about checks that have no verdict, or had none.

    `cause` says for each voter why it has no counted vote.  `checks` are the first of `count`.
    """

    cause: str
    count: int
    checks: tuple[ListedCheck, ...]
    extra: Extra = ()
