"""What a node shows: a small view after every step, and its full status on request."""

from qutrio.core.alerting.alert_manager import AlertManager
from qutrio.core.alerting.partition import PartitionAlerting
from qutrio.core.alerting.scheduler import DeliveryScheduler
from qutrio.core.api.facts import NodeFact
from qutrio.core.api.view import ChannelStatus, CheckStatus, MemberStatus, Status, View
from qutrio.core.leadership.leadership import Leadership
from qutrio.core.proposals import hopeless
from qutrio.core.quorum.majorities import majority
from qutrio.model.checks import Check
from qutrio.model.ids import ChannelId, Instant
from qutrio.model.incidents import Incident, Ledger
from qutrio.model.members import Member
from qutrio.model.unseen import Unjudged


def view_of(
    leadership: Leadership,
    now: Instant,
    *,
    removed: bool,
    vacating: bool,
    minority: PartitionAlerting,
) -> View:
    """Return the small view of a node, which any other task may hold."""
    committed = leadership.register.committed
    return View(
        node=leadership.me,
        document=committed.document,
        position=committed.position,
        term=leadership.known_term,
        master=leadership.master(now),
        acting_until=leadership.acting_until(now),
        live=leadership.membership.live(now),
        removed=removed,
        vacating=vacating,
        master_term=leadership.master_term(now),
        minority_until=None if removed else minority.until,
        ledger=committed.ledger,
        minority_ledger=minority.ledger,
        holder=leadership.lease.promise.holder,
    )


def describe(
    alerts: AlertManager, now: Instant, *, removed: bool, last: NodeFact, disk: str
) -> Status:
    """Return the full status of the node at `now`.

    `removed` tells whether it was removed from the cluster, `last` is its last fact, and `disk` is
    why its disk refuses writes, or empty.
    """
    leadership, register = alerts.leadership, alerts.register
    scheduler = None if leadership.acting_until(now) is None else alerts.scheduler
    record = register.committed
    document = record.document
    voters = document.voters
    have = 0 if removed else len(leadership.membership.contacts(now) & voters)
    master = leadership.master(now)
    me = document.member(leadership.me)
    was_set = leadership.clocks.last_set
    incidents = {i.check: i for i in record.ledger.incidents}
    unjudged = {u.check: u for u in record.ledger.unjudged}
    return Status(
        node=leadership.me,
        name=me.name if me is not None else "",
        engine=document.settings.engine,
        term=leadership.known_term,
        master=master,
        acting=leadership.acting_until(now) is not None,
        holds_quorum=leadership.membership.sees_majority(now) and not removed,
        have=have,
        need=majority(len(voters)),
        revision=document.revision,
        position=record.position,
        document=document,
        ledger=record.ledger,
        stale=master is None,
        removed=removed,
        hopeless=hopeless(leadership, now, removed=removed) or "",
        last=last,
        disk=disk,
        role=leadership.engine_host.role.value,
        knows_engine=bool(leadership.engine_host.runs),
        leads_minority=alerts.partition.leads and not removed,
        clock_set=None if was_set is None else (was_set[0], now - was_set[1]),
        level=leadership.announcements.mine,
        held_back=leadership.announcements.holding_back(document),
        members=tuple(_member(m, leadership, now) for m in document.members),
        channels=tuple(_channel(c.id, record.ledger, scheduler, now) for c in document.channels),
        checks=tuple(
            _check(c, alerts, incidents.get(c.id), unjudged.get(c.id), now) for c in document.checks
        ),
    )


def _member(member: Member, leadership: Leadership, now: Instant) -> MemberStatus:
    if member.id == leadership.me:
        return MemberStatus(
            member=member,
            live=True,
            last_heard_s=0.0,
            skew_s=0.0,
            engine=leadership.engine_host.runs,
            level=leadership.announcements.mine,
        )
    last = leadership.liveness.last_heard(member.id)
    return MemberStatus(
        member=member,
        live=leadership.liveness.alive(member.id, now, leadership.settings.dead_after_s),
        last_heard_s=None if last is None else now - last,
        skew_s=leadership.clocks.skew.get(member.id),
        engine=leadership.engine_host.engines.get(member.id),
        level=leadership.announcements.of(member.id),
    )


def _channel(
    channel: ChannelId, ledger: Ledger, scheduler: DeliveryScheduler | None, now: Instant
) -> ChannelStatus:
    trying, next_at = (False, None) if scheduler is None else scheduler.attempt_status(channel)
    return ChannelStatus(
        channel=channel,
        waiting=sum(d.channel == channel for d in ledger.outbox),
        trying=trying,
        next_try_s=None if next_at is None else max(0.0, next_at - now),
        error="" if scheduler is None else scheduler.errors.get(channel, ""),
        asked_until_unix=next((w.until_unix for w in ledger.waits if w.channel == channel), None),
        refusals=tuple(r for r in ledger.refusals if r.channel == channel),
    )


def _check(
    check: Check,
    alerts: AlertManager,
    incident: Incident | None,
    unjudged: Unjudged | None,
    now: Instant,
) -> CheckStatus:
    verdicts, register, ages = alerts.exchange.verdicts, alerts.register, alerts.ages
    count = verdicts.count(check.id, now)
    longest = incident or unjudged
    lasted_s = None if longest is None else ages.lasted(longest.id, now)
    return CheckStatus(
        check=check,
        state=verdicts.state(check.id),
        since_unix=verdicts.since(check.id),
        for_s=verdicts.state_age_s(check.id, now) if lasted_s is None else lasted_s,
        ok=count.ok,
        fail=count.fail,
        abstain=count.abstain,
        evidence=verdicts.evidence(check.id, register.committed.document, now),
        incident=incident,
        unjudged=unjudged,
    )
