"""What has been announced, and what still has to be: the ledger that survives a master."""

from enum import Enum
from functools import cached_property
from typing import TypeAlias

from attrs import field, frozen

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
    MEASURED_DURATIONS,
    UNSEEN_NOTICES,
    since,
)
from qutrio.model.parts import ChannelWait, RefusedRecipient
from qutrio.model.results import Evidence, State
from qutrio.model.unseen import Unjudged, Unseen, UnseenChecks


class NoticeKind(Enum):
    """Why a person is told."""

    DOWN = "down"
    RECOVERED = "recovered"
    CLOSED = "closed"
    """Nobody watches any more what was down."""
    UNSEEN = "unseen"
    """Checks have had no verdict for long."""
    SEEN = "seen"
    """The last of them has a verdict again, or is watched no more."""
    TEST = "test"


ENDS = frozenset({NoticeKind.RECOVERED, NoticeKind.CLOSED, NoticeKind.SEEN})
"""The kinds that tell of an end."""


@frozen
class UnknownKind:
    """A kind that only a newer version knows: kept for those who do, and told by nobody else."""

    value: str


AnyKind: TypeAlias = NoticeKind | UnknownKind


class Stopping(Enum):
    """What ended the watch over a check."""

    DISABLED = "disabled"
    REMOVED = "removed"


@frozen(kw_only=True)
class Ending:
    """How the watch over a check ended: by whom, if that is known, and what it was then."""

    how: Stopping
    by: str
    last_state: State
    extra: Extra = ()


@frozen(kw_only=True)
class Incident:
    """An outage that was announced and is not over.

    `target` and `channels` are those at its beginning, so that its end can be told to the same
    people whatever is edited meanwhile; None in an incident that an older version opened.
    `edited` is the last change of the check, if it was not seen up since then.
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
class Notice:
    """One message to people.

    `id` is the same at every attempt, by every node, so that receivers can drop repeats.
    `sequence` orders all notices of the cluster.  `since_unix` is when the outage began;
    `at_unix` is when the transition was committed.  `minority` is empty when a majority holds the
    notice; else it says how many members hear each other, of how many: `1 of 3`.
    `lasted_s` is how long what ended had lasted, as it was measured; None where nothing ended, and
    in a cluster with members of older versions.  `edited` is as in the incident.  A notice of
    several checks says in `unseen` which; it names none in `check`, and is its own incident.
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
    extra: Extra = ()

    @property
    def known_kind(self) -> NoticeKind:
        """The kind, for whoever tells people: that is never one of a newer version."""
        assert isinstance(self.kind, NoticeKind), "notices of unknown kinds wait for who knows them"
        return self.kind


DeliveryKey: TypeAlias = tuple[NoticeId, ChannelId]


@frozen(kw_only=True)
class Delivery:
    """A notice that one channel has not confirmed yet.

    Of a channel with several recipients, `reached` are those that took it, and `refused` those
    whose server said that it will never take it.
    """

    notice: Notice
    channel: ChannelId
    reached: tuple[str, ...] = field(default=(), metadata=since(DELIVERY_PARTS))
    refused: tuple[str, ...] = field(default=(), metadata=since(DELIVERY_PARTS))
    extra: Extra = ()

    def pending(self, recipients: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `recipients` to whom the next attempt goes.

        As long as nobody was reached, those who refused are asked again after the others: a
        notice that everybody refused has told nobody.
        """
        left = tuple(r for r in recipients if r not in self.reached and r not in self.refused)
        return left or (() if self.reached else recipients)

    def is_complete(self, recipients: tuple[str, ...]) -> bool:
        """Tell whether it was told to somebody, and nothing is left to do."""
        return bool(self.reached) and not self.pending(recipients)

    @property
    def key(self) -> DeliveryKey:
        """The name of this delivery."""
        return self.notice.id, self.channel

    @property
    def lane(self) -> tuple[ChannelId, CheckId]:
        """What this delivery is in order with: the channel's other notices of the check.

        A notice of several checks is in order with those of the same cause.
        """
        unseen = self.notice.unseen
        return self.channel, self.notice.check if unseen is None else CheckId(unseen.cause)


@frozen(kw_only=True)
class Ledger:
    """Open incidents by check id, undelivered notices by sequence, and the last sequence.

    `former` are channels that were removed and that must yet be told of an end, with all secrets.
    `waits` and `refusals` say what receivers asked for and refused, by channel and recipient.
    `unjudged` are checks without a verdict, by id, and `unseen` what was told of them.
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

    @cached_property
    def waiting(self) -> frozenset[DeliveryKey]:
        """The names of all deliveries in the outbox."""
        return frozenset(delivery.key for delivery in self.outbox)
