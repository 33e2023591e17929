"""Makes a report of each incident from the entries of one node's journal.

The entries are in the order in which the node wrote them, so one pass is enough: votes are kept
for the incident that they lead to, and repeated facts are used once.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, assert_never

from attrs import define, evolve, field, frozen

from qutrio.core.journal.clock_shifts import shifts
from qutrio.model.ids import IncidentId, NoticeId, UnixTime
from qutrio.model.incidents import ENDS, AnyKind, Incident, NoticeKind
from qutrio.model.journal import (
    Began,
    ClockSet,
    Closed,
    Closing,
    Crossed,
    Doubted,
    Ended,
    Entry,
    Judged,
    Leaving,
    Led,
    Named,
    Noticed,
    Opened,
    RoleLeft,
    RoleTaken,
    Started,
    Stopped,
)
from qutrio.model.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qutrio.model.ids import CheckId, Seconds
    from qutrio.model.incidents import Notice

BEFORE_MAX = 5
"""The most entries about a check's votes that are kept for its next incident."""
BEFORE_S_MAX: Seconds = 900.0


class End(Enum):
    """The state of an incident, as far as the node knows."""

    OPEN = "open"
    RECOVERED = "recovered"
    FORGOTTEN = "forgotten"
    UNHEARD = "unheard"
    """It was closed while the node was down."""


class Fate(Enum):
    """The state of a notice for one channel, as far as the node knows."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    CHANNEL_GONE = "channel gone"
    FORGOTTEN = "forgotten"
    GIVEN_UP = "given up"
    DIGEST = "in digest"
    """A digest took its place, and waits."""
    UNHEARD = "unheard"
    """It left the outbox while the node was down."""


@frozen(kw_only=True)
class Page:
    """A notice for one channel; `by` is the node that delivered it, if that is known.

    `digest` is the notice that took its place, if one did.
    """

    notice: NoticeId
    kind: AnyKind
    channel: Named
    fate: Fate
    by: Named | None
    digest: NoticeId | None = None


@frozen(kw_only=True)
class IncidentReport:
    """One incident, and all entries that belong to it, oldest first.

    `until_unix` is when it ended; None while it is open, and if the node does not know.
    `lasted_s` is how long it lasted by then, as measured; None if the node does not know.
    `began_unix` is when it began by this node's clock as it is set now, `since_unix` by the
    clock of that time.
    """

    id: IncidentId
    check: CheckId
    check_name: str
    target: str
    since_unix: UnixTime
    until_unix: UnixTime | None
    lasted_s: Seconds | None
    began_unix: UnixTime
    end: End
    pages: tuple[Page, ...]
    entries: tuple[Entry, ...]

    @property
    def is_digest(self) -> bool:
        """Whether this is about a digest rather than an incident."""
        return any(page.kind is NoticeKind.DIGEST for page in self.pages)


def incident_reports(entries: Iterable[Entry]) -> tuple[IncidentReport, ...]:
    """Return the incidents in a journal, in the order in which the node learned of them."""
    lines = tuple(entries)
    reader = _Reader()
    for number, (entry, shift) in enumerate(zip(lines, shifts(lines), strict=True)):
        reader.shift = shift
        reader.read(number, entry)
    read = ((draft, draft.incident) for draft in reader.drafts.values())
    return tuple(draft.report(incident) for draft, incident in read if incident is not None)


Key: TypeAlias = tuple[NoticeId, str]
"""A notice, and the id of a channel."""

_PENDING = frozenset({Fate.WAITING, Fate.DIGEST})
_FATES = MappingProxyType({cause: Fate(cause.value) for cause in Leaving})


@define
class _Draft:
    """A report while the journal is read."""

    incident: Incident | None = None
    target: str = ""
    opened: bool = False
    end: End = End.OPEN
    until_unix: UnixTime | None = None
    lasted_s: Seconds | None = None
    began_unix: UnixTime | None = None
    pages: dict[Key, Page] = field(factory=dict)
    entries: list[Entry] = field(factory=list)

    @property
    def unfinished(self) -> bool:
        """Whether more facts may follow."""
        waiting = any(page.fate in _PENDING for page in self.pages.values())
        return self.end is End.OPEN or waiting

    def on_restart(self, open_: tuple[IncidentId, ...]) -> None:
        """Record that the node was down, and started with these incidents open."""
        if self.end is End.OPEN and self.incident is not None and self.incident.id not in open_:
            self.end = End.UNHEARD
        for key, page in self.pages.items():
            if page.fate in _PENDING:
                self.pages[key] = evolve(page, fate=Fate.UNHEARD)

    def add_page(self, notice: Notice, channel: Named) -> bool:
        """Record that a notice waits for a channel; return True if it is new."""
        key = (notice.id, channel.id)
        known = self.pages.get(key)
        fresh = Page(
            notice=notice.id, kind=notice.kind, channel=channel, fate=Fate.WAITING, by=None
        )
        if known is None or known.fate is Fate.UNHEARD:
            self.pages[key] = fresh
        return known is None

    def record_delivered(self, notice: NoticeId, channel: Named, by: Named) -> None:
        """Record which node delivered a page, if there is such a page."""
        page = self.pages.get((notice, channel.id))
        if page is not None:
            self.pages[notice, channel.id] = evolve(page, by=by)

    def record_removed(
        self, notice: NoticeId, channel: str, fate: Fate, digest: NoticeId | None
    ) -> None:
        """Record why a page was removed from the outbox, if there is such a page."""
        page = self.pages.get((notice, channel))
        if page is not None:
            self.pages[notice, channel] = evolve(page, fate=fate, digest=digest or page.digest)

    def report(self, incident: Incident) -> IncidentReport:
        """Return the report."""
        return IncidentReport(
            id=incident.id,
            check=incident.check,
            check_name=incident.check_name,
            target=self.target,
            since_unix=incident.since_unix,
            until_unix=self.until_unix,
            lasted_s=self.lasted_s,
            began_unix=incident.since_unix if self.began_unix is None else self.began_unix,
            end=self.end,
            pages=tuple(self.pages.values()),
            entries=tuple(self.entries),
        )


@define
class _Reader:
    """One pass over a journal."""

    drafts: dict[IncidentId, _Draft] = field(factory=dict)
    _covered: dict[Key, list[tuple[_Draft, NoticeId]]] = field(factory=dict)
    """The pages that each digest stands for, by its id and channel."""
    _latest: dict[CheckId, _Draft] = field(factory=dict)
    _before: dict[CheckId, deque[tuple[int, Entry]]] = field(factory=dict)
    _incidents: dict[NoticeId, IncidentId] = field(factory=dict)
    _started: tuple[int, Entry] | None = None
    shift: Seconds = 0.0
    """By how much the clock was set after the current entry."""

    def read(self, number: int, entry: Entry) -> None:
        """Process the entry of this number."""
        match entry.fact:
            case Started() | Stopped() | Led() | ClockSet():
                self._of_the_node(number, entry, entry.fact)
            case Judged() | Doubted():
                self._of_votes(number, entry, entry.fact)
            case Opened():
                self._opened(entry, entry.fact)
            case Closed():
                self._closed(entry, entry.fact)
            case Noticed():
                self._noticed(entry, entry.fact.notice, entry.fact.channels)
            case Began() | Ended() | Crossed():
                self._of_deliveries(entry, entry.fact)
            case RoleTaken() | RoleLeft():
                pass  # `Led` has what an incident needs of it
            case _:
                assert_never(entry.fact)

    def _of_the_node(
        self, number: int, entry: Entry, fact: Started | Stopped | Led | ClockSet
    ) -> None:
        for draft in self.drafts.values():
            if draft.unfinished:
                draft.entries.append(entry)
                if isinstance(fact, Started):
                    draft.on_restart(fact.open)
        if isinstance(fact, Started):
            self._started = (number, entry)

    def _of_votes(self, number: int, entry: Entry, fact: Judged | Doubted) -> None:
        draft = self._latest.get(fact.check)
        recovery = isinstance(fact, Judged) and fact.was is State.DOWN
        if draft is not None and (draft.end is End.OPEN or recovery):
            draft.entries.append(entry)
        else:
            lines = self._before.setdefault(fact.check, deque(maxlen=BEFORE_MAX))
            lines.append((number, entry))

    def _opened(self, entry: Entry, fact: Opened) -> None:
        incident = fact.incident
        draft = self._draft(incident)
        if draft.opened:
            if draft.end is End.UNHEARD:
                draft.end = End.OPEN  # the node learned of it again
            return
        draft.opened, draft.target = True, fact.target or draft.target
        if fact.age_s is not None:
            draft.began_unix = UnixTime(entry.at_unix + self.shift - fact.age_s)
        before = [
            (number, earlier)
            for number, earlier in self._before.pop(incident.check, ())
            if entry.at_unix - earlier.at_unix <= BEFORE_S_MAX
        ]
        if self._started is not None and self._started[1].at_unix > incident.since_unix:
            before.append(self._started)
        lines = [line for _, line in sorted(before, key=itemgetter(0))]
        draft.entries[:0] = lines
        draft.entries.append(entry)

    def _closed(self, entry: Entry, fact: Closed) -> None:
        draft = self.drafts.get(fact.incident)
        if draft is None or draft.until_unix is not None:
            return
        draft.end = End.RECOVERED if fact.cause is Closing.RECOVERED else End.FORGOTTEN
        draft.until_unix, draft.lasted_s = entry.at_unix, fact.lasted_s
        draft.entries.append(entry)

    def _noticed(self, entry: Entry, notice: Notice, channels: tuple[Named, ...]) -> None:
        draft = self._draft(_incident_of(notice))
        draft.target = draft.target or notice.target
        if notice.kind in ENDS:
            draft.end = End.FORGOTTEN if notice.kind is NoticeKind.CLOSED else End.RECOVERED
            draft.until_unix, draft.lasted_s = notice.at_unix, notice.lasted_s
        self._incidents[notice.id] = notice.incident
        fresh = [draft.add_page(notice, channel) for channel in channels]
        if any(fresh):
            draft.entries.append(entry)

    def _of_deliveries(self, entry: Entry, fact: Began | Ended | Crossed) -> None:
        if isinstance(fact, Began):
            self._incidents[fact.notice] = fact.incident
            self.drafts.setdefault(fact.incident, _Draft())
        incident = self._incidents.get(fact.notice)
        if incident is None:
            return
        draft = self.drafts[incident]
        draft.entries.append(entry)
        if isinstance(fact, Ended) and fact.delivered:
            draft.record_delivered(fact.notice, fact.channel, fact.by)
        elif isinstance(fact, Crossed):
            draft.record_removed(fact.notice, fact.channel, _FATES[fact.cause], fact.digest)
            self._follow_digest(fact)

    def _follow_digest(self, fact: Crossed) -> None:
        """Let the pages that a digest stands for have its fate."""
        page = fact.notice, fact.channel
        covered = self._covered.pop(page, [])
        for draft, notice in covered:
            draft.record_removed(notice, fact.channel, _FATES[fact.cause], fact.digest)
        if fact.digest is not None and (incident := self._incidents.get(fact.notice)) is not None:
            covered.append((self.drafts[incident], fact.notice))
            self._covered.setdefault((fact.digest, fact.channel), []).extend(covered)

    def _draft(self, incident: Incident) -> _Draft:
        draft = self.drafts.setdefault(incident.id, _Draft())
        draft.incident = draft.incident or incident
        self._latest[incident.check] = draft
        return draft


def _incident_of(notice: Notice) -> Incident:
    return Incident(
        id=notice.incident,
        check=notice.check,
        check_name=notice.check_name,
        since_unix=notice.since_unix,
        term=notice.term,
    )
