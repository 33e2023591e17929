"""What a node shows: a small view after every step, and the full picture when asked for it."""

from qutrio.core.alerting import Courier
from qutrio.core.desk import hopeless
from qutrio.core.facts import NodeFact
from qutrio.core.minority import Minority
from qutrio.core.pager import Pager
from qutrio.core.quorum import majority
from qutrio.core.seat import Seat
from qutrio.core.view import ChannelStatus, CheckStatus, MemberStatus, Status, View
from qutrio.model.checks import Check
from qutrio.model.ids import ChannelId, Instant
from qutrio.model.incidents import Incident, Ledger
from qutrio.model.members import Member
from qutrio.model.unseen import Unjudged


def glimpse(
    seat: Seat,
    now: Instant,
    *,
    removed: bool,
    vacating: bool,
    minority: Minority,
) -> View:
    """Return the small view of a node that every other task may hold."""
    committed = seat.register.committed
    return View(
        node=seat.me,
        document=committed.document,
        position=committed.position,
        term=seat.known_term,
        master=seat.incumbent(now),
        acting_until=seat.acting_until(now),
        live=seat.roll.live(now),
        removed=removed,
        vacating=vacating,
        master_term=seat.incumbent_term(now),
        minority_until=None if removed else minority.until,
        ledger=committed.ledger,
        minority_ledger=minority.ledger,
    )


def describe(pager: Pager, now: Instant, *, removed: bool, last: NodeFact, disk: str) -> Status:
    """Return what the node of this pager knows at `now`.

    `removed` tells whether it was removed from the cluster, `last` is what it noted last, and
    `disk` is why its disk refuses writes, if so.
    """
    seat, register = pager.seat, pager.register
    courier = None if seat.acting_until(now) is None else pager.courier
    record = register.committed
    document = record.document
    voters = document.voters
    have = 0 if removed else len(seat.roll.contacts(now) & voters)
    master = seat.incumbent(now)
    me = document.member(seat.me)
    was_set = seat.clocks.last_set
    incidents = {i.check: i for i in record.ledger.incidents}
    unjudged = {u.check: u for u in record.ledger.unjudged}
    return Status(
        node=seat.me,
        name=me.name if me is not None else "",
        engine=document.settings.engine,
        term=seat.known_term,
        master=master,
        acting=seat.acting_until(now) is not None,
        holds_quorum=seat.roll.sees_majority(now) and not removed,
        have=have,
        need=majority(len(voters)),
        revision=document.revision,
        position=record.position,
        document=document,
        ledger=record.ledger,
        stale=master is None,
        removed=removed,
        hopeless=hopeless(seat, now, removed=removed) or "",
        last=last,
        disk=disk,
        role=seat.steering.role.value,
        knows_engine=bool(seat.steering.runs),
        leads_minority=pager.minority.leads and not removed,
        clock_set=None if was_set is None else (was_set[0], now - was_set[1]),
        level=seat.announcements.mine,
        held_back=seat.announcements.holding_back(document),
        members=tuple(_member(m, seat, now) for m in document.members),
        channels=tuple(_channel(c.id, record.ledger, courier, now) for c in document.channels),
        checks=tuple(
            _check(c, pager, incidents.get(c.id), unjudged.get(c.id), now) for c in document.checks
        ),
    )


def _member(member: Member, seat: Seat, now: Instant) -> MemberStatus:
    if member.id == seat.me:
        return MemberStatus(
            member=member,
            live=True,
            last_heard_s=0.0,
            skew_s=0.0,
            engine=seat.steering.runs,
            level=seat.announcements.mine,
        )
    last = seat.liveness.last_heard(member.id)
    return MemberStatus(
        member=member,
        live=seat.liveness.alive(member.id, now, seat.settings.dead_after_s),
        last_heard_s=None if last is None else now - last,
        skew_s=seat.clocks.skew.get(member.id),
        engine=seat.steering.engines.get(member.id),
        level=seat.announcements.of(member.id),
    )


def _channel(
    channel: ChannelId, ledger: Ledger, courier: Courier | None, now: Instant
) -> ChannelStatus:
    trying, next_at = (False, None) if courier is None else courier.tries(channel)
    return ChannelStatus(
        channel=channel,
        waiting=sum(d.channel == channel for d in ledger.outbox),
        trying=trying,
        next_try_s=None if next_at is None else max(0.0, next_at - now),
        error="" if courier is None else courier.errors.get(channel, ""),
        asked_until_unix=next((w.until_unix for w in ledger.waits if w.channel == channel), None),
        refusals=tuple(r for r in ledger.refusals if r.channel == channel),
    )


def _check(
    check: Check, pager: Pager, incident: Incident | None, unjudged: Unjudged | None, now: Instant
) -> CheckStatus:
    verdicts, register, ages = pager.watch.verdicts, pager.register, pager.ages
    count = verdicts.count(check.id, now)
    longest = incident or unjudged
    lasted_s = None if longest is None else ages.lasted(longest.id, now)
    return CheckStatus(
        check=check,
        state=verdicts.state(check.id),
        since_unix=verdicts.since(check.id),
        for_s=verdicts.stands_for(check.id, now) if lasted_s is None else lasted_s,
        ok=count.ok,
        fail=count.fail,
        abstain=count.abstain,
        evidence=verdicts.evidence(check.id, register.committed.document, now),
        incident=incident,
        unjudged=unjudged,
    )
