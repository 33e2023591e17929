"""Partition alerting: the part of invariants 7 and 8 about pages without a majority.

A notice of a minority is judged when a node makes it, and at each attempt to send it: the document
must allow it, the node must be leader by its own engine and hear no majority, and the votes must
be real votes of members that it hears.
"""

from attrs import define, field

from qutrio.core.api.effects import Effect, Notify
from qutrio.core.election.engines import minority_leads
from qutrio.core.election.interface import Role
from qutrio.model.ids import Instant, NodeId, NoticeId, Seconds
from qutrio.model.incidents import Notice
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken
from qutrio.sim.invariants.probes import Probes
from qutrio.sim.invariants.rounds import NoticeCheck

ROUNDING_S: Seconds = 1e-6


@define
class Minorities:
    """The judged notices of minorities, and the hosts that hear no majority."""

    _made: dict[NoticeId, Notice] = field(factory=dict)
    _lost: dict[NodeId, Instant] = field(factory=dict)
    """Since when each host hears no majority, by its own clock."""

    def forget(self, name: NodeId) -> None:
        """Record that a machine lost its memory."""
        self._lost.pop(name, None)

    def stepped(
        self,
        host: Host,
        effects: list[Effect],
        true: Seconds,
        *,
        probes: Probes,
        troubled_until: Seconds,
    ) -> None:
        """Track whether a host hears a majority, and judge its new notices of a minority."""
        assert host.node is not None
        leadership, now = host.node.leadership, host.clock.at(true)
        if leadership.settings.acting == "partition":
            if leadership.membership.sees_majority(now):
                self._lost.pop(host.name, None)
            else:
                self._lost.setdefault(host.name, now)
        outbox = host.node.alerts.partition.ledger.outbox
        for notice in {d.notice.id: d.notice for d in outbox}.values():
            made = self._made.get(notice.id)
            if made is not None and made.at_unix != notice.at_unix:
                raise broken(8, true, f"{notice.id} was made twice, for two outages")
            if made is None:
                self._made[notice.id] = notice
                self._judge(_unfounded(host, notice, true, probes, troubled_until), notice, true)
        for effect in effects:
            if isinstance(effect, Notify) and effect.delivery.notice.minority:
                self._judge(self._unfit(host, now), effect.delivery.notice, true)

    def delivered(self, notice: Notice, true: Seconds) -> None:
        """Judge a notice that reached its channel."""
        if notice.minority and notice.id not in self._made:
            raise broken(8, true, f"{notice.id} was sent, and no leader of a minority made it")

    @staticmethod
    def _judge(problem: str | None, notice: Notice, true: Seconds) -> None:
        if problem is not None:
            raise broken(7, true, f"{notice.id}: {problem}")

    def _unfit(self, host: Host, now: Instant) -> str | None:
        """Return why this host may not page for a minority now, if so."""
        assert host.node is not None
        leadership = host.node.leadership
        if not minority_leads(leadership.settings):
            return "the document does not let a minority page"
        if leadership.engine_host.role is not Role.LEADER:
            return f"its engine takes it for a {leadership.engine_host.role.value}"
        if leadership.acting_until(now) is not None:
            return "it acts, so it has no need"
        lost_at = self._lost.get(host.name)
        if lost_at is None or now - lost_at < leadership.settings.dead_after_s - ROUNDING_S:
            return f"it has been without a majority only since {lost_at}"
        return None


def _unfounded(
    host: Host, notice: Notice, true: Seconds, probes: Probes, troubled_until: Seconds
) -> str | None:
    """Return what is wrong with the votes behind a notice, if anything."""
    assert host.node is not None
    document = host.node.register.committed.document
    check = next((c for c in document.checks if c.id == notice.check and c.enabled), None)
    if check is None:
        return "there is no such check"
    have, _, all_ = notice.minority.partition(" of ")
    if not 0 < 2 * int(have or 0) <= int(all_ or 0):
        return f"{notice.minority!r} is no minority"
    notice_check = NoticeCheck(
        host=host,
        true=true,
        check=check,
        voters=document.voters & host.node.leadership.membership.live(host.clock.at(true)),
        probes=probes,
        troubled_until=troubled_until,
        steady=False,  # the voters change with the members that are heard
        pause_s=document.settings.confirm_after_s,
    )
    return notice_check.problem(notice)
