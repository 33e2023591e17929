"""Digests: many notices for one channel that wait become one.

Theory of operation.  When more than `SINGLES_MAX` notices wait for a channel, none of them is sent
by itself.  The master replaces them by one *digest*, which says how many of each kind there are and
lists the first of them.  It is a notice like others: with an id, committed before it is sent, the
same at every attempt.  What comes later waits until the digest has left the outbox, and goes into
the next one.  So each channel still receives what concerns one check in order.

Only whole lanes are replaced, and only if no attempt at them is under way or may still begin on
another member.  Notices that some of their recipients received stay as they are.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from attrs import evolve

from qutrio.core.alerting.lanes import Lane, is_single
from qutrio.model.ids import ChannelId, CheckId, IncidentId, NoticeId, Term, UnixTime
from qutrio.model.incidents import (
    AnyKind,
    Delivery,
    Digest,
    DigestLine,
    KindCount,
    Ledger,
    Notice,
    NoticeKind,
    UnknownKind,
)
from qutrio.model.results import Outcome, clip

SINGLES_MAX = 20
"""The most notices that wait for one channel and are sent one by one."""
LINES_MAX = 50
"""The most notices that a digest lists."""


def gather(
    ledger: Ledger,
    channel: ChannelId,
    may_join: Callable[[Lane], bool],
    *,
    above: int = SINGLES_MAX,
    term: Term,
    wall: UnixTime,
) -> Ledger:
    """Return the ledger with a digest for a channel, if more than `above` can join it.

    `may_join` returns whether the notices of a lane may be replaced now.  Digests that wait behind
    another one were never attempted, so the new one stands for them too.
    """
    lanes, digests = dict[Lane, bool](), list[Delivery]()
    for delivery in ledger.outbox:
        if delivery.channel != channel or isinstance(delivery.notice.kind, UnknownKind):
            continue
        if delivery.notice.digest is not None:
            digests.append(delivery)
        elif lanes.get(delivery.lane, True):
            lanes[delivery.lane] = is_single(delivery) and may_join(delivery.lane)
    replaced = [d for d in ledger.outbox if lanes.get(d.lane, False) and is_single(d)]
    if len(replaced) <= above:
        return ledger
    sequence = ledger.last_sequence + 1
    gone = {delivery.key for delivery in (*digests[1:], *replaced)}
    notice = _notice([d.notice for d in (*digests[1:], *replaced)], sequence, term, wall)
    kept = (d for d in ledger.outbox if d.key not in gone)
    outbox = (*kept, Delivery(notice=notice, channel=channel))
    return evolve(ledger, sequence=sequence, outbox=outbox)


def _notice(notices: Sequence[Notice], sequence: int, term: Term, wall: UnixTime) -> Notice:
    ident = f"digest-{sequence}"
    counts, lines = Counter[AnyKind](), list[DigestLine]()
    for notice in notices:
        if notice.digest is None:
            counts[notice.known_kind] += 1
            lines.append(_line(notice))
        else:
            counts.update({c.kind: c.count for c in notice.digest.counts})
            lines += notice.digest.lines
    digest = Digest(
        counts=tuple(KindCount(kind=k, count=counts[k]) for k in NoticeKind if counts[k]),
        lines=tuple(lines[:LINES_MAX]),
    )
    return Notice(
        id=NoticeId(ident),
        kind=NoticeKind.DIGEST,
        incident=IncidentId(ident),
        check=CheckId(""),
        check_name=f"{digest.total} notices",
        target="",
        term=term,
        sequence=sequence,
        since_unix=min(notice.since_unix for notice in notices),
        at_unix=wall,
        digest=digest,
    )


def _line(notice: Notice) -> DigestLine:
    details = (e.detail for e in notice.evidence if e.counted and e.outcome is Outcome.FAIL)
    detail = notice.unseen.cause if notice.unseen is not None else next(details, "")
    return DigestLine(
        kind=notice.kind,
        incident=notice.incident,
        check=notice.check,
        check_name=notice.check_name,
        target=notice.target,
        since_unix=notice.since_unix,
        at_unix=notice.at_unix,
        lasted_s=notice.lasted_s,
        detail=clip(detail),
    )
