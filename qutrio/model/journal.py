"""What a node writes down of incidents and reigns, so that it can be explained later.

A fact is what one node saw, in its own words; the truth is what a majority holds.  Two nodes
may have seen the same outage differently, and a node that was down saw nothing.
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
    """A node or a channel, with the name it had then."""

    id: str
    name: str


class Standing(Enum):
    """Why a member's vote counted in a round, or why it did not."""

    COUNTED = "counted"
    ABSTAINED = "abstained"
    LEARNER = "learner"
    DEAD = "dead"
    STALE = "stale"
    SILENT = "silent"


@frozen(kw_only=True)
class CountedVote:
    """One member's part in a ballot; `outcome` is None when it is SILENT."""

    node: NodeId
    name: str
    standing: Standing
    outcome: Outcome | None = None
    latency_ms: float | None = None
    detail: str = ""
    age_s: Seconds = 0.0


@frozen(kw_only=True)
class VoteCount:
    """The votes on a check as one node held them at one moment, and the rule applied to them.

    `voters` members have a vote, `needed` of them must answer ok or fail for a verdict;
    `state` is what these votes alone would give.
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
    """What made a node change its mind: its own count, or what a majority holds."""

    VOTES = "votes"
    LEDGER = "ledger"


@frozen(kw_only=True)
class Started:
    """The node started, and held these incidents as open."""

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
    """While an incident was open or a notice undelivered, another node acted, or none."""

    master: Named | None
    term: Term


@frozen(kw_only=True)
class Judged:
    """The state of a check changed on this node.

    `first` is the ballot that first gave the new state, `last` the one that decided, `after_s`
    seconds later; `confirm_after_s` is the least time between two rounds.  With the basis
    LEDGER the node took over what the acting master announced; it may have counted one round
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
    """One round said DOWN, and the next did not: nobody was told.

    `untold` rounds of this check ended so since the last one that was written down.
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

    `master` is who acted in the incident's term, if the node knows.  `age_s` is how long it had
    been open by then, as far as it was measured; older versions do not say.
    """

    incident: Incident
    target: str
    position: Position
    revision: Revision
    master: Named | None
    age_s: Seconds | None = None


class Closing(Enum):
    """Why an incident is over."""

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
    """An attempt to deliver began: made by `by`, for the acting master if `errand`."""

    incident: IncidentId
    notice: NoticeId
    channel: Named
    by: Named
    errand: bool


@frozen(kw_only=True)
class Ended:
    """An attempt to deliver ended, as `by` told."""

    notice: NoticeId
    channel: Named
    by: Named
    delivered: bool
    detail: str


class Leaving(Enum):
    """Why a notice waits no more for a channel."""

    DELIVERED = "delivered"
    CHANNEL_GONE = "channel gone"
    FORGOTTEN = "forgotten"
    """Its check was removed or disabled."""

    GIVEN_UP = "given up"
    """Too many notices waited."""


@frozen(kw_only=True)
class Crossed:
    """The node learned that a majority crossed a notice off for a channel."""

    notice: NoticeId
    channel: ChannelId
    cause: Leaving
    master: Named | None


@frozen(kw_only=True)
class RoleTaken:
    """A node began to act in `term`, as it said itself.

    `untold` reigns since the last one that was written down were left out.
    """

    master: Named
    term: Term
    untold: int = 0


@frozen(kw_only=True)
class RoleLeft:
    """A node acts in `term` no more, as far as this node knows why."""

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
