"""Incidents and the outbox: what becomes of a flip, and who is told when.

Theory of operation.  The ledger is replicated beside the document.  The acting master
compares it with the states that stand: a check that is DOWN without an open incident opens
one, a check that is UP with one closes it, and either puts a notice for every attached
channel into the outbox.  The comparison looks at levels, not at edges; so it does not matter
which master saw the flip.  Only when a majority holds the new ledger is anybody told, and
what was delivered leaves the outbox by another write.  Delivery is therefore at least once,
and a notice has one id for ever.

A channel gets the notices of one check in order, whoever delivers them, also across a change
of master.  A notice leaves only while it is the oldest of its check and channel in the committed
outbox: so a majority knows that the one before it was delivered or given up, and no later master
repeats that one.  It also waits until no errand for an older one can begin any more.  A failed
attempt is repeated with a growing pause, every second time by another member, in case only the
master cannot reach the channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define, evolve, field, frozen

from qutrio.core.ages import Ages
from qutrio.model.channels import Channel, UnknownChannel
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    IncidentId,
    Instant,
    NodeId,
    NoticeId,
    Seconds,
    Term,
    UnixTime,
)
from qutrio.model.incidents import (
    Delivery,
    DeliveryKey,
    Incident,
    Ledger,
    Notice,
    NoticeKind,
    UnknownKind,
)
from qutrio.model.levels import MEASURED_DURATIONS, may_use
from qutrio.model.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from qutrio.core.verdicts import Verdicts
    from qutrio.model.checks import Check
    from qutrio.model.document import ClusterDocument

OUTBOX_MAX = 1000
"""Undelivered notices kept; beyond it the oldest are given up."""
ATTEMPT_S_MAX: Seconds = 60.0
"""After this long without an answer an attempt counts as failed."""
RETRY_FIRST_S: Seconds = 5.0
RETRY_CAP_S: Seconds = 300.0
INHERITED_PAUSE_S: Seconds = 2.0
"""How long a new master waits for the last one's word before it repeats an attempt."""


def attached(document: ClusterDocument, check: Check) -> tuple[Channel, ...]:
    """Return the enabled channels of a check: the default ones and those it names."""
    return tuple(
        channel
        for channel in document.channels
        if channel.enabled
        and not isinstance(channel, UnknownChannel)
        and (channel.default or channel.name in check.alerts)
    )


@frozen(kw_only=True)
class Scene:
    """What the master knows at the moment it brings the ledger up to date.

    The leader of a minority counts incidents of a `series` of its own, so that their ids are
    nobody else's, and says in `minority` how many members hear each other.
    """

    document: ClusterDocument
    verdicts: Verdicts
    term: Term
    now: Instant
    wall: UnixTime
    ages: Ages = field(factory=Ages)
    series: str = ""
    minority: str = ""


def reconcile(ledger: Ledger, scene: Scene, looked_at: Iterable[CheckId]) -> Ledger:
    """Return the ledger after opening and closing incidents of the checks in `looked_at`.

    An incident whose check is gone or disabled is closed without a word, and what its channels
    have not been told is dropped.
    """
    checks = {c.id: c for c in scene.document.checks if c.enabled}
    incidents = {i.check: i for i in ledger.incidents}
    outbox, sequence = list(ledger.outbox), ledger.sequence
    for gone in sorted(incidents.keys() - checks.keys()):
        del incidents[gone]
        outbox = [d for d in outbox if d.notice.check != gone]
    for ident in sorted(set(looked_at) | incidents.keys()):
        check, incident = checks.get(ident), incidents.get(ident)
        state = scene.verdicts.certain(ident)
        if check is None:
            continue
        if state is State.DOWN and incident is None:
            sequence += 1
            incident = _opened(check, scene, sequence)
            incidents[ident] = incident
            outbox += _deliveries(NoticeKind.DOWN, incident, check, scene, sequence)
        elif state is State.UP and incident is not None:
            sequence += 1
            del incidents[ident]
            outbox += _deliveries(NoticeKind.RECOVERED, incident, check, scene, sequence)
    return evolve(
        ledger,
        sequence=sequence,
        incidents=tuple(incidents[i] for i in sorted(incidents)),
        outbox=tuple(outbox),
    )


def _opened(check: Check, scene: Scene, sequence: int) -> Incident:
    return Incident(
        id=IncidentId(f"{check.id}-{scene.series}{sequence}"),
        check=check.id,
        check_name=check.name,
        since_unix=scene.wall,
        term=scene.term,
    )


def _deliveries(
    kind: NoticeKind, incident: Incident, check: Check, scene: Scene, sequence: int
) -> list[Delivery]:
    ended = kind is not NoticeKind.DOWN and may_use(MEASURED_DURATIONS, scene.document)
    notice = Notice(
        id=NoticeId(f"{incident.id}.{kind.value}"),
        kind=kind,
        incident=incident.id,
        check=check.id,
        check_name=check.name,
        target=check.target,
        term=scene.term,
        sequence=sequence,
        since_unix=incident.since_unix,
        at_unix=scene.wall,
        evidence=scene.verdicts.evidence(check.id, scene.document, scene.now),
        minority=scene.minority,
        lasted_s=scene.ages.lasted(incident.id, scene.now) if ended else None,
    )
    return [Delivery(notice=notice, channel=c.id) for c in attached(scene.document, check)]


@define
class Attempt:
    """How one delivery goes on this master."""

    failures: int = 0
    next_at: Instant = Instant(0.0)
    busy_until: Instant | None = None


@frozen
class Errand:
    """An attempt to make now; `via` is None for this node, else the member to ask."""

    delivery: Delivery
    via: NodeId | None


Lane: TypeAlias = tuple[ChannelId, CheckId]
"""What has an order: the notices of one check for one channel."""


@define
class Courier:
    """Decides on the master which delivery to attempt when, and remembers which succeeded."""

    rng: Random
    delivered: set[DeliveryKey] = field(factory=set)
    _attempts: dict[DeliveryKey, Attempt] = field(factory=dict)
    _resume_at: Instant = Instant(0.0)
    _recoveries_at: Instant = Instant(0.0)
    _held: dict[Lane, tuple[DeliveryKey, Instant]] = field(factory=dict)
    """Of each lane the last notice that an errand may be under way for, and up to when."""

    def hold_recoveries(self, until: Instant) -> None:
        """Let no recovery leave before `until`: an errand may still tell of the outage."""
        self._recoveries_at = max(self._recoveries_at, until)

    def hold_successors(self, deliveries: Iterable[Delivery], until: Instant) -> None:
        """Let nothing leave before `until` that follows the first of these in its lane."""
        lanes = dict[Lane, DeliveryKey]()
        for delivery in deliveries:
            lanes.setdefault(delivery.lane, delivery.key)
        self._held |= {lane: (key, until) for lane, key in lanes.items()}

    def take_over(self, now: Instant, *, inherited: bool) -> None:
        """Begin as a new master; with `inherited` deliveries wait for the last one's word."""
        self._attempts.clear()
        self._resume_at = Instant(now + INHERITED_PAUSE_S) if inherited else now

    def busy(self, now: Instant) -> bool:
        """Tell whether an attempt is under way."""
        return any(a.busy_until is not None and now < a.busy_until for a in self._attempts.values())

    def prune(self, ledger: Ledger, document: ClusterDocument) -> Ledger:
        """Return the ledger without what was delivered, has no channel left, or is too much."""
        channels = {c.id for c in document.channels if c.enabled}
        kept = tuple(
            d
            for d in ledger.outbox[-OUTBOX_MAX:]
            if d.key not in self.delivered and d.channel in channels
        )
        return ledger if kept == ledger.outbox else evolve(ledger, outbox=kept)

    def settle(self, committed: Ledger) -> None:
        """Forget what a majority knows to be delivered, and attempts that are over."""
        self.delivered &= committed.waiting
        for key in [k for k in self._attempts if k not in committed.waiting]:
            del self._attempts[key]

    def due(self, committed: Ledger, others: tuple[NodeId, ...], now: Instant) -> list[Errand]:
        """Return the attempts to make now, and count them as under way.

        `others` are the living members beside this node, in order.
        """
        errands: list[Errand] = []
        self._held = {lane: held for lane, held in self._held.items() if now < held[1]}
        for delivery in self._heads(committed):
            attempt = self._attempts.get(delivery.key)
            if attempt is None:
                attempt = Attempt(next_at=self._earliest(delivery))
                self._attempts[delivery.key] = attempt
            if attempt.busy_until is not None and now >= attempt.busy_until:
                self._failed(attempt, now)
            if attempt.busy_until is None and now >= attempt.next_at:
                attempt.busy_until = Instant(now + ATTEMPT_S_MAX)
                errands.append(Errand(delivery, self._via(attempt, others)))
        return errands

    def ended(self, notice: NoticeId, channel: ChannelId, *, delivered: bool, now: Instant) -> None:
        """Note how an attempt ended, whoever made it."""
        key = (notice, channel)
        if delivered:
            self.delivered.add(key)
            self._attempts.pop(key, None)
        elif (attempt := self._attempts.get(key)) is not None:
            self._failed(attempt, now)

    def deadline(self) -> Instant:
        """Return when the next attempt is due or overdue."""
        moments = (
            a.busy_until if a.busy_until is not None else a.next_at for a in self._attempts.values()
        )
        return min(moments, default=Instant(float("inf")))

    def _heads(self, committed: Ledger) -> list[Delivery]:
        """Return the first of each lane, unless it waits for a majority to know it delivered."""
        heads: dict[Lane, Delivery] = {}
        for delivery in committed.outbox:
            if not isinstance(delivery.notice.kind, UnknownKind):  # kept for those who know it
                heads.setdefault(delivery.lane, delivery)
        return [d for d in heads.values() if d.key not in self.delivered]

    def _earliest(self, delivery: Delivery) -> Instant:
        begin = self._resume_at
        if delivery.notice.kind is NoticeKind.RECOVERED:
            begin = max(begin, self._recoveries_at)
        key, until = self._held.get(delivery.lane, (delivery.key, begin))
        return begin if key == delivery.key else max(begin, until)

    def _via(self, attempt: Attempt, others: tuple[NodeId, ...]) -> NodeId | None:
        turn, odd = divmod(attempt.failures, 2)
        return others[turn % len(others)] if odd and others else None

    def _failed(self, attempt: Attempt, now: Instant) -> None:
        attempt.failures += 1
        attempt.busy_until = None
        pause = min(RETRY_CAP_S, RETRY_FIRST_S * 2.0 ** min(attempt.failures - 1, 16))
        attempt.next_at = Instant(now + pause * self.rng.uniform(0.5, 1.0))
