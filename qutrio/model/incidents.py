"""Incidents, notices and deliveries, and the ledger that holds them across changes of master."""

from collections.abc import Callable, Iterator
from enum import Enum
from functools import cached_property
from itertools import takewhile
from operator import attrgetter
from typing import Any, Final, Self, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from qutrio.model.channels import Channel
from qutrio.model.edits import Edit
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    Extra,
    IncidentId,
    NoticeId,
    Seconds,
    Term,
    UnixTime,
)
from qutrio.model.levels import (
    AUTHORS,
    CLOSED_NOTICES,
    DELIVERY_PARTS,
    DIGESTS,
    MEASURED_DURATIONS,
    UNSEEN_NOTICES,
    since,
)
from qutrio.model.parts import ChannelWait, RefusedRecipient
from qutrio.model.results import Evidence, State
from qutrio.model.unseen import Unjudged, Unseen, UnseenChecks


class NoticeKind(Enum):
    """The kind of a notice."""

    DOWN = "down"
    RECOVERED = "recovered"
    CLOSED = "closed"
    """A check that was DOWN is disabled or removed."""
    UNSEEN = "unseen"
    """Checks have had no verdict for long."""
    SEEN = "seen"
    """The last of them has a verdict again, or is disabled or removed."""
    DIGEST = "digest"
    """Many notices in one."""
    TEST = "test"


ENDS = frozenset({NoticeKind.RECOVERED, NoticeKind.CLOSED, NoticeKind.SEEN, NoticeKind.DIGEST})
"""The kinds that announce an end, or may."""
OF_OUTAGES = frozenset({NoticeKind.DOWN, NoticeKind.RECOVERED, NoticeKind.CLOSED})
"""The kinds about an outage of one check."""


@frozen
class UnknownKind:
    """A kind that only newer versions know; this version keeps it and does not send it."""

    value: str


AnyKind: TypeAlias = NoticeKind | UnknownKind


class Stopping(Enum):
    """Why a check is no longer probed."""

    DISABLED = "disabled"
    REMOVED = "removed"


@frozen(kw_only=True)
class Ending:
    """Why a check is no longer probed, the author if known, and the last verdict."""

    how: Stopping
    by: str
    last_state: State
    extra: Extra = ()


@frozen(kw_only=True)
class Incident:
    """An outage that is not over.

    `target` and `channels` are those at its beginning, so that its end is announced on the same
    channels whatever is edited in between; None in an incident that an older version opened.
    `edited` is the last change of the check, if the check was not UP since then.
    """

    id: IncidentId
    check: CheckId
    check_name: str
    since_unix: UnixTime
    term: Term
    edited: Edit | None = field(default=None, metadata=since(AUTHORS))
    target: str | None = field(default=None, metadata=since(CLOSED_NOTICES))
    channels: tuple[ChannelId, ...] | None = field(default=None, metadata=since(CLOSED_NOTICES))
    extra: Extra = ()


@frozen(kw_only=True)
class DigestLine:
    """What a digest says of one notice; `detail` is what the first failing node saw."""

    kind: AnyKind
    incident: IncidentId
    check: CheckId
    check_name: str
    target: str
    since_unix: UnixTime
    at_unix: UnixTime
    lasted_s: Seconds | None
    detail: str
    extra: Extra = ()


@frozen(kw_only=True)
class KindCount:
    """How many notices of one kind a digest stands for."""

    kind: AnyKind
    count: int
    extra: Extra = ()


@frozen(kw_only=True)
class Digest:
    """The notices that one notice stands for: how many of each kind, and the first of them."""

    counts: tuple[KindCount, ...]
    lines: tuple[DigestLine, ...]
    extra: Extra = ()

    @property
    def total(self) -> int:
        """How many notices it stands for."""
        return sum(count.count for count in self.counts)

    @property
    def unlisted(self) -> int:
        """How many of them have no line."""
        return max(0, self.total - len(self.lines))


@frozen(kw_only=True)
class Notice:
    """One message to people.

    `id` is the same at every attempt, by every node, so that receivers can drop repeats.
    `sequence` orders all notices of the cluster.  `since_unix` is when the outage began;
    `at_unix` is when the transition was committed.  `minority` is empty if a majority holds the
    notice; else it says how many of the members hear each other, as `1 of 3`.
    `lasted_s` is the measured duration of the outage that ended; None if none ended, and
    in a cluster with members of older versions.  `edited` is as in the incident.  A notice about
    several checks lists them in `unseen`, a digest in `digest`; its `check` is empty, and it is its
    own incident.
    """

    id: NoticeId
    kind: AnyKind
    incident: IncidentId
    check: CheckId
    check_name: str
    target: str
    term: Term
    sequence: int
    since_unix: UnixTime
    at_unix: UnixTime
    evidence: tuple[Evidence, ...] = ()
    minority: str = ""
    edited: Edit | None = field(default=None, metadata=since(AUTHORS))
    lasted_s: Seconds | None = field(default=None, metadata=since(MEASURED_DURATIONS))
    ending: Ending | None = field(default=None, metadata=since(CLOSED_NOTICES))
    unseen: UnseenChecks | None = field(default=None, metadata=since(UNSEEN_NOTICES))
    digest: Digest | None = field(default=None, metadata=since(DIGESTS))
    extra: Extra = ()

    @property
    def known_kind(self) -> NoticeKind:
        """The kind of a notice that is sent, which is never one of a newer version."""
        assert isinstance(self.kind, NoticeKind), "notices of unknown kinds wait for who knows them"
        return self.kind


DeliveryKey: TypeAlias = tuple[NoticeId, ChannelId]
DIGESTS_OF_A_CHANNEL = CheckId("all digests")
"""What stands for the check in the lane of digests; it is no valid id of a check."""


@frozen(kw_only=True)
class Delivery:
    """A notice that one channel has not confirmed yet.

    For a channel with several recipients, `reached` are those that accepted it, and `refused`
    those whose server will never accept it.
    """

    notice: Notice
    channel: ChannelId
    reached: tuple[str, ...] = field(default=(), metadata=since(DELIVERY_PARTS))
    refused: tuple[str, ...] = field(default=(), metadata=since(DELIVERY_PARTS))
    extra: Extra = ()

    def pending(self, recipients: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `recipients` for the next attempt.

        While no recipient was reached, those that refused are tried again after the others, so
        that a notice is not done when all refused it.
        """
        left = tuple(r for r in recipients if r not in self.reached and r not in self.refused)
        return left or (() if self.reached else recipients)

    def is_complete(self, recipients: tuple[str, ...]) -> bool:
        """Return True if a recipient was reached and no other is left to try."""
        return bool(self.reached) and not self.pending(recipients)

    @property
    def key(self) -> DeliveryKey:
        """The name of this delivery."""
        return self.notice.id, self.channel

    @property
    def lane(self) -> tuple[ChannelId, CheckId]:
        """The channel and the check, whose notices are sent in order.

        For a notice about several checks, the cause takes the place of the check; all digests for
        a channel have one lane.
        """
        if self.notice.digest is not None:
            return self.channel, DIGESTS_OF_A_CHANNEL
        unseen = self.notice.unseen
        return self.channel, self.notice.check if unseen is None else CheckId(unseen.cause)


_ID: Final[Callable[[Any], Any]] = attrgetter("id")
_KEY: Final[Callable[[Any], Any]] = attrgetter("key")
_CHECK: Final[Callable[[Any], Any]] = attrgetter("check")
_SEQUENCE: Final[Callable[[Any], int]] = attrgetter("notice.sequence")
_CHANNEL_AND_CAUSE: Final[Callable[[Any], Any]] = attrgetter("channel", "cause")
T = TypeVar("T")


def _unique(items: tuple[T, ...], name: Callable[[T], object]) -> tuple[T, ...]:
    return tuple({name(item): item for item in items}.values())


@frozen(kw_only=True)
class Ledger:
    """Open incidents by check id, undelivered notices by sequence, and the last sequence.

    `former` are removed channels that must still receive an end, with all secrets.  `waits` are
    what receivers asked for, by channel, `refusals` the recipients that refused, by channel and
    recipient.  `unjudged` are checks without a verdict, by id, `unseen` the notices about them.
    """

    sequence: int = 0
    incidents: tuple[Incident, ...] = ()
    outbox: tuple[Delivery, ...] = ()
    former: tuple[Channel, ...] = field(default=(), metadata=since(CLOSED_NOTICES))
    waits: tuple[ChannelWait, ...] = field(default=(), metadata=since(DELIVERY_PARTS))
    refusals: tuple[RefusedRecipient, ...] = field(default=(), metadata=since(DELIVERY_PARTS))
    unjudged: tuple[Unjudged, ...] = field(default=(), metadata=since(UNSEEN_NOTICES))
    unseen: tuple[Unseen, ...] = field(default=(), metadata=since(UNSEEN_NOTICES))
    extra: Extra = ()

    def well_formed(self) -> Self:
        """Return the ledger in its order and without duplicates.

        Searches and indexes rely on both, and a member that lies may have written another one.
        """
        incidents = _unique(_unique(self.incidents, _ID), _CHECK)
        outbox = _unique(self.outbox, _KEY)
        unseen = _unique(_unique(self.unseen, _ID), _CHANNEL_AND_CAUSE)
        return evolve(
            self,
            incidents=tuple(sorted(incidents, key=_CHECK)),
            outbox=tuple(sorted(outbox, key=_SEQUENCE)),
            unjudged=tuple(sorted(_unique(self.unjudged, _CHECK), key=_CHECK)),
            unseen=tuple(sorted(unseen, key=_CHANNEL_AND_CAUSE)),
        )

    @property
    def last_sequence(self) -> int:
        """The highest sequence, also if the number of the ledger is below that of a notice."""
        return max(self.sequence, self.outbox[-1].notice.sequence) if self.outbox else self.sequence

    def after(self, sequence: int) -> Iterator[Delivery]:
        """Return the deliveries in the outbox with a higher sequence, the newest first."""
        return takewhile(lambda d: d.notice.sequence > sequence, reversed(self.outbox))

    @cached_property
    def waiting(self) -> frozenset[DeliveryKey]:
        """The names of all deliveries in the outbox."""
        return frozenset(delivery.key for delivery in self.outbox)
