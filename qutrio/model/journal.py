"""The facts in a node's journal, from which incidents and masters are explained later.

A fact is what one node saw; the truth is what a majority holds.  Two nodes may have seen the
same outage differently, and a node that was down saw nothing.
"""

from enum import Enum
from typing import TypeAlias

from attrs import frozen

from qutrio.model.ids import (
    ChannelId,
    CheckId,
    IncidentId,
    NodeId,
    NoticeId,
    Revision,
    Seconds,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Incident, Notice
from qutrio.model.results import Outcome, State
from qutrio.model.stable import Position


@frozen
class Named:
    """A node or a channel, with its name at that time."""

    id: str
    name: str


class Standing(Enum):
    """Whether a member's vote was counted, or why it was not."""

    COUNTED = "counted"
    ABSTAINED = "abstained"
    LEARNER = "learner"
    DEAD = "dead"
    STALE = "stale"
    SILENT = "silent"


@frozen(kw_only=True)
class CountedVote:
    """One member's vote in a vote count; `outcome` is None if it is SILENT."""

    node: NodeId
    name: str
    standing: Standing
    outcome: Outcome | None = None
    latency_ms: float | None = None
    detail: str = ""
    age_s: Seconds = 0.0


@frozen(kw_only=True)
class VoteCount:
    """The votes on a check as one node had them at one time, and the rule applied to them.

    There are `voters` voters, and `needed` of them must vote ok or fail for a verdict;
    `state` is the state that these votes alone give.
    """

    at_unix: UnixTime
    voters: int
    needed: int
    ok: int
    fail: int
    abstain: int
    state: State
    casts: tuple[CountedVote, ...]


class Basis(Enum):
    """What changed a node's verdict: its own vote count, or the committed ledger."""

    VOTES = "votes"
    LEDGER = "ledger"


@frozen(kw_only=True)
class Started:
    """The node started with these open incidents."""

    term: Term
    open: tuple[IncidentId, ...]


@frozen
class Stopped:
    """The node was asked to stop."""


@frozen(kw_only=True)
class ClockSet:
    """The wall clock of this node was set, by so many seconds; above 0 is forward."""

    by_s: Seconds


@frozen(kw_only=True)
class Led:
    """While an incident was open or a notice undelivered, the master changed."""

    master: Named | None
    term: Term


@frozen(kw_only=True)
class Judged:
    """The verdict on a check changed on this node.

    `first` is the vote count that first gave the new state, `last` the one that decided, `after_s`
    seconds later; `confirm_after_s` is the least time between two rounds.  With the basis
    LEDGER the node adopted the verdict that the master announced; it may have counted one round
    of its own by then, or none.
    """

    check: CheckId
    check_name: str
    was: State
    now: State
    basis: Basis
    first: VoteCount | None
    last: VoteCount
    after_s: Seconds
    confirm_after_s: Seconds


@frozen(kw_only=True)
class Doubted:
    """One round gave DOWN, and the next did not, so that no notice was sent.

    `untold` such rounds of this check were not written since the last one that was.
    """

    check: CheckId
    check_name: str
    first: VoteCount
    last: VoteCount
    after_s: Seconds
    untold: int


@frozen(kw_only=True)
class Opened:
    """The node learned that a majority holds the incident.

    `master` is the master of the incident's term, if the node knows it.  `age_s` is how long the
    incident had been open by then, if that was measured; older versions do not say.
    """

    incident: Incident
    target: str
    position: Position
    revision: Revision
    master: Named | None
    age_s: Seconds | None = None


class Closing(Enum):
    """Why an incident was closed."""

    RECOVERED = "recovered"
    FORGOTTEN = "forgotten"
    """Its check was removed or disabled."""


@frozen(kw_only=True)
class Closed:
    """The node learned that a majority closed the incident.

    `lasted_s` is how long it had been open, as measured; older versions do not say.
    """

    incident: IncidentId
    cause: Closing
    position: Position
    revision: Revision
    master: Named | None
    lasted_s: Seconds | None = None


@frozen(kw_only=True)
class Noticed:
    """The node learned that a majority holds a notice for these channels."""

    notice: Notice
    channels: tuple[Named, ...]


@frozen(kw_only=True)
class Began:
    """An attempt to deliver began, made by `by`; with `errand`, the master delegated it."""

    incident: IncidentId
    notice: NoticeId
    channel: Named
    by: Named
    errand: bool


@frozen(kw_only=True)
class Ended:
    """An attempt to deliver ended, as `by` reported."""

    notice: NoticeId
    channel: Named
    by: Named
    delivered: bool
    detail: str


class Leaving(Enum):
    """Why a notice no longer waits for a channel."""

    DELIVERED = "delivered"
    CHANNEL_GONE = "channel gone"
    FORGOTTEN = "forgotten"
    """Its check was removed or disabled."""

    GIVEN_UP = "given up"
    """Too many notices waited."""

    DIGEST = "in digest"
    """A digest takes its place."""


@frozen(kw_only=True)
class Crossed:
    """The node learned that a majority removed a notice for a channel from the outbox.

    `digest` is the notice that takes its place.
    """

    notice: NoticeId
    channel: ChannelId
    cause: Leaving
    master: Named | None
    digest: NoticeId | None = None


@frozen(kw_only=True)
class RoleTaken:
    """A node became master in `term`, as it announced itself.

    `untold` terms as master were not written since the last one that was.
    """

    master: Named
    term: Term
    untold: int = 0


@frozen(kw_only=True)
class RoleLeft:
    """A node is no longer master in `term`; `reason` is the reason as far as this node knows."""

    master: Named
    term: Term
    reason: str


Fact: TypeAlias = (
    Started
    | Stopped
    | ClockSet
    | Led
    | Judged
    | Doubted
    | Opened
    | Closed
    | Noticed
    | Began
    | Ended
    | Crossed
    | RoleTaken
    | RoleLeft
)


@frozen
class Entry:
    """A fact, and when this node wrote it down, by its wall clock."""

    at_unix: UnixTime
    fact: Fact
