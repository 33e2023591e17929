"""Notices about checks that have had no verdict for long (UNSEEN), and about the end (SEEN).

Theory of operation.  A check that has been UNKNOWN for a quarter of its bound, or half a minute,
is written into the ledger (`Unjudged`).  From then on its age counts on every node's boot clock
(`alerting.ages`), so that a new master continues where the last one stopped.  When the age reaches
the bound, the cause is found (`alerting.causes`), and one notice for each channel and cause
(`Unseen`) covers all checks in the ledger with that cause.  Checks that follow later with the same
cause are covered by that notice and send no other.  When each check that it covers has a verdict
again, or is removed or disabled, its channel receives a notice of the end.

A new master has not received all votes yet: it sends no notice before a whole round of probes.  A
check that was DOWN and lost its verdict is included, because nobody watches its outage any more;
its incident stays open.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from qutrio.core.alerting.causes import cause
from qutrio.core.alerting.notices import channels_of
from qutrio.model.document import UNSEEN_AFTER_S_MAX, UNSEEN_AFTER_S_MIN
from qutrio.model.ids import (
    FOREVER,
    NEVER,
    ChannelId,
    CheckId,
    IncidentId,
    Instant,
    NoticeId,
    Seconds,
    UnixTime,
)
from qutrio.model.incidents import Delivery, Ledger, Notice, NoticeKind
from qutrio.model.levels import UNSEEN_NOTICES, may_use
from qutrio.model.results import State
from qutrio.model.unseen import CHECKS_LISTED_MAX, ListedCheck, Unjudged, Unseen, UnseenChecks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from qutrio.core.alerting.notices import NoticeInputs
    from qutrio.model.checks import Check
    from qutrio.model.document import ClusterDocument

UNSEEN_INTERVALS = 5
NOTED_AFTER_S_MAX: Seconds = 30.0
NOTED_PART = 4
"""A check is written into the ledger after its bound divided by this."""
CAUSES_PER_STEP_MAX = 500
"""The most checks whose cause is found in one step; the others follow later."""
PAUSE_S: Seconds = 0.1
"""The delay of those others."""


def round_s(check: Check, document: ClusterDocument) -> Seconds:
    """Return how long it takes until every live node has probed a check and reported it."""
    attempts_s = (check.retries + 1) * check.timeout_s
    return check.interval_s + attempts_s + document.settings.dead_after_s


@define
class Draft:
    """The entries of a ledger about checks without a verdict, while they are updated.

    `left` are the entries of checks that have a verdict again, or are removed or disabled.
    """

    sequence: int
    unjudged: dict[CheckId, Unjudged]
    unseen: dict[tuple[ChannelId, str], Unseen]
    left: list[tuple[Unjudged, ListedCheck]] = field(factory=list)
    notices: list[Delivery] = field(factory=list)
    noted: int | None = None
    """The number of the entries that were added in this step."""


@define
class UnseenTracker:
    """Which checks the master must examine again, and when."""

    least_s: Seconds = UNSEEN_AFTER_S_MIN
    intervals: int = UNSEEN_INTERVALS
    _since: Instant = NEVER
    """Since when this node is master."""
    _queue: list[tuple[Instant, CheckId]] = field(factory=list)
    _planned: dict[CheckId, Instant] = field(factory=dict)
    _document: ClusterDocument | None = None
    _checks: Mapping[CheckId, Check] = field(factory=dict)
    _former: Mapping[CheckId, Check] = field(factory=dict)
    """The checks that the newest document removed or disabled."""

    def bound_s(self, check: Check, document: ClusterDocument) -> Seconds:
        """Return how long a check may have no verdict before a notice is due."""
        own_s = min(UNSEEN_AFTER_S_MAX, max(self.least_s, self.intervals * check.interval_s))
        return document.settings.unseen_after_s or own_s

    def take_over(self, now: Instant) -> None:
        """Begin as a new master, which examines every check."""
        self.stop()
        self._since, self._document = now, None

    def stop(self) -> None:
        """Examine nothing: this node is not master."""
        self._queue.clear()
        self._planned.clear()

    def invalidate(self) -> None:
        """Examine every check: a peer reported ages."""
        self._document = None

    def deadline(self) -> Instant:
        """Return when the next check is to be examined."""
        return self._queue[0][0] if self._queue else FOREVER

    def update(self, ledger: Ledger, inputs: NoticeInputs, changed: AbstractSet[CheckId]) -> Ledger:
        """Return the ledger after examining the checks that changed or are due."""
        if not may_use(UNSEEN_NOTICES, inputs.document):
            return ledger
        examined = self._due(inputs.now) | changed
        if inputs.document is not self._document:
            was, self._checks = self._checks, inputs.verdicts.checks
            self._document = inputs.document
            self._former = {i: c for i, c in was.items() if i not in self._checks}
            examined |= self._checks.keys() | {u.check for u in ledger.unjudged}
        if not examined:
            return ledger
        draft = Draft(
            ledger.last_sequence,
            {u.check: u for u in ledger.unjudged},
            {(u.channel, u.cause): u for u in ledger.unseen},
        )
        due = [entry for i in sorted(examined) if (entry := self._examine(i, draft, inputs))]
        self._add_notices(due, draft, inputs)
        _add_end_notices(draft, inputs)
        return _written(ledger, draft)

    def _due(self, now: Instant) -> set[CheckId]:
        due = set[CheckId]()
        while self._queue and self._queue[0][0] <= now:
            at, ident = heappop(self._queue)
            if self._planned.get(ident) == at:
                del self._planned[ident]
                due.add(ident)
        return due

    def _plan(self, ident: CheckId, at: Instant) -> None:
        """Plan to examine a check at `at`, unless an earlier time is planned."""
        if at < self._planned.get(ident, FOREVER):
            self._planned[ident] = at
            heappush(self._queue, (at, ident))

    def _examine(self, ident: CheckId, draft: Draft, inputs: NoticeInputs) -> Unjudged | None:
        """Add or remove the entry of a check, or return it if a notice is due."""
        check, entry = self._checks.get(ident), draft.unjudged.get(ident)
        if check is None or inputs.verdicts.state(ident) is not State.UNKNOWN:
            if entry is not None:
                del draft.unjudged[ident]
                state = None if check is None else inputs.verdicts.state(ident)
                listed = _listed(ident, check or self._former.get(ident), state)
                draft.left.append((entry, listed))
            return None
        if entry is None:
            self._add_unjudged(check, draft, inputs)
        return (
            None if entry is None or entry.told is not None else self._if_due(entry, check, inputs)
        )

    def _if_due(self, entry: Unjudged, check: Check, inputs: NoticeInputs) -> Unjudged | None:
        """Return an entry if its notice is due now; else plan when to examine it again."""
        age_s = inputs.ages.lasted(entry.id, inputs.now)
        left_s = self.bound_s(check, inputs.document)
        left_s -= entry.noted_s if age_s is None else age_s
        ripe = Instant(self._since + round_s(check, inputs.document))
        at = max(Instant(inputs.now + left_s), ripe)
        if at > inputs.now:
            self._plan(check.id, at)
            return None
        return entry if inputs.verdicts.undisputed(check.id) is State.UNKNOWN else None

    def _add_unjudged(self, check: Check, draft: Draft, inputs: NoticeInputs) -> None:
        bound = self.bound_s(check, inputs.document)
        wait_s = min(NOTED_AFTER_S_MAX, bound / NOTED_PART)
        stood_s = min(inputs.verdicts.state_age_s(check.id, inputs.now), inputs.now - self._since)
        if stood_s < wait_s:
            self._plan(check.id, Instant(inputs.now + wait_s - stood_s))
            return
        if draft.noted is None:
            draft.sequence += 1
            draft.noted = draft.sequence
        draft.unjudged[check.id] = Unjudged(
            check=check.id,
            number=draft.noted,
            since_unix=UnixTime(inputs.wall - stood_s),
            noted_s=stood_s,
        )
        self._plan(check.id, Instant(inputs.now + bound - stood_s))

    def _add_notices(self, due: Sequence[Unjudged], draft: Draft, inputs: NoticeInputs) -> None:
        """Add notices for the entries that are due, and for others with the same causes."""
        if not due:
            return
        for entry in due[CAUSES_PER_STEP_MAX:]:
            self._plan(entry.check, Instant(inputs.now + PAUSE_S))
        waiting = (u for u in draft.unjudged.values() if u.told is None)
        first = {u.check: u for u in (*due, *waiting) if u.check in self._checks}
        causes = {
            u.check: cause(self._checks[u.check], inputs)
            for u in list(first.values())[:CAUSES_PER_STEP_MAX]
        }
        for why in dict.fromkeys(causes[u.check] for u in due[:CAUSES_PER_STEP_MAX]):
            self._cover(why, [first[i] for i in causes if causes[i] == why], draft, inputs)

    def _cover(
        self, why: str, entries: Sequence[Unjudged], draft: Draft, inputs: NoticeInputs
    ) -> None:
        """Add a notice for each channel of these checks that has none for this cause."""
        listeners = dict[CheckId, list[IncidentId]]()
        by_channel = dict[ChannelId, list[Unjudged]]()
        for entry in sorted(entries, key=lambda u: self._checks[u.check].name):
            listeners[entry.check] = []
            for channel in channels_of(inputs.document, self._checks[entry.check]):
                by_channel.setdefault(channel.id, []).append(entry)
        for channel_id, covered in sorted(by_channel.items()):
            group = draft.unseen.get((channel_id, why))
            if group is None:
                group = self._add_unseen(why, channel_id, covered, draft, inputs)
            for entry in covered:
                listeners[entry.check].append(group.id)
        for entry in entries:
            entry_covered = evolve(entry, told=tuple(listeners[entry.check]))
            draft.unjudged[entry.check] = entry_covered

    def _add_unseen(
        self,
        why: str,
        channel: ChannelId,
        covered: Sequence[Unjudged],
        draft: Draft,
        inputs: NoticeInputs,
    ) -> Unseen:
        draft.sequence += 1
        oldest_s = max(inputs.ages.lasted(u.id, inputs.now) or u.noted_s for u in covered)
        group = Unseen(
            id=IncidentId(f"unseen-{draft.sequence}"),
            channel=channel,
            cause=why,
            since_unix=UnixTime(inputs.wall - oldest_s),
            noted_s=oldest_s,
        )
        draft.unseen[channel, why] = group
        listed = [_listed(u.check, self._checks[u.check], State.UNKNOWN) for u in covered]
        notice = _notice(NoticeKind.UNSEEN, group, listed, draft.sequence, oldest_s, inputs)
        draft.notices.append(Delivery(notice=notice, channel=channel))
        return group


def _add_end_notices(draft: Draft, inputs: NoticeInputs) -> None:
    """Add a notice of the end for each group that covers no check any more."""
    if not draft.left:
        return
    standing = {i for u in draft.unjudged.values() for i in u.told or ()}
    for key, group in sorted(draft.unseen.items()):
        if group.id in standing:
            continue
        del draft.unseen[key]
        draft.sequence += 1
        listed = [listed for entry, listed in draft.left if group.id in (entry.told or ())]
        lasted_s = inputs.ages.lasted(group.id, inputs.now)
        if lasted_s is None:
            lasted_s = group.noted_s
        notice = _notice(NoticeKind.SEEN, group, listed, draft.sequence, lasted_s, inputs)
        draft.notices.append(Delivery(notice=notice, channel=group.channel))


def _written(ledger: Ledger, draft: Draft) -> Ledger:
    unjudged = tuple(u for _, u in sorted(draft.unjudged.items()))
    unseen = tuple(u for _, u in sorted(draft.unseen.items()))
    if (unjudged, unseen) == (ledger.unjudged, ledger.unseen):
        return ledger
    return evolve(
        ledger,
        sequence=draft.sequence,
        unjudged=unjudged,
        unseen=unseen,
        outbox=(*ledger.outbox, *draft.notices),
    )


def _listed(ident: CheckId, check: Check | None, state: State | None) -> ListedCheck:
    name, target = (str(ident), "") if check is None else (check.name, check.target)
    return ListedCheck(id=ident, name=name, target=target, state=state)


def _notice(  # noqa: PLR0917 - all that a notice says
    kind: NoticeKind,
    group: Unseen,
    listed: Sequence[ListedCheck],
    sequence: int,
    lasted_s: Seconds,
    inputs: NoticeInputs,
) -> Notice:
    one = listed[0] if len(listed) == 1 else None
    seen = (inputs.verdicts.evidence(c.id, inputs.document, inputs.now) for c in listed[:1])
    return Notice(
        id=NoticeId(f"{group.id}.{kind.value}"),
        kind=kind,
        incident=group.id,
        check=CheckId(""),
        check_name=f"{len(listed)} checks" if one is None else one.name,
        target="" if one is None else one.target,
        term=inputs.term,
        sequence=sequence,
        since_unix=group.since_unix,
        at_unix=inputs.wall,
        evidence=next(seen, ()),
        lasted_s=lasted_s,
        unseen=UnseenChecks(
            cause=group.cause, count=len(listed), checks=tuple(listed[:CHECKS_LISTED_MAX])
        ),
    )
