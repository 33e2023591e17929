"""Partition alerting: notices from the leader of a minority that hears no majority.

Theory of operation.  By default only the master sends notices.  With the gossip engine and the
setting `acting: partition` the leader of a minority sends notices as well, if it has not heard a
majority for `dead_after` and hears no master.  It derives a second set of verdicts, for which a
majority of the voters that it hears is enough; the rounds are the same.  The incidents and notices
are in a ledger of its own, which is kept in memory only.  Every notice says that it comes from a
minority, and the ids of the incidents are unique to this node.

Outages in the committed ledger were announced before: neither they nor their ends are announced
again.  When the node hears a majority again, or another node leads, all of this is dropped, and
the verdicts of a majority are announced by the usual rules.  Alerts sent by several minorities may
be duplicated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.alerting.ages import IncidentAges
from qutrio.core.alerting.notices import NoticeInputs, reconcile
from qutrio.core.api.effects import Effect, LogFact, Notify
from qutrio.core.api.facts import MinorityLed, MinorityLeft
from qutrio.core.checks.verdicts import Verdicts
from qutrio.core.election.engines import minority_leads
from qutrio.core.election.interface import Role
from qutrio.core.quorum.majorities import holds_quorum
from qutrio.model.ids import FOREVER, NEVER, CheckId, Instant, UnixTime
from qutrio.model.incidents import Ledger

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from qutrio.core.alerting.scheduler import DeliveryScheduler
    from qutrio.core.api.events import Attempted
    from qutrio.core.checks.result_exchange import ResultExchange
    from qutrio.core.consensus.register import Register
    from qutrio.core.leadership.leadership import Leadership

SLEPT_DEADS = 2
"""A node that did not `advance` for this many times `dead_after` must have been suspended."""


@define
class PartitionAlerting:
    """The alerting of a node that leads a minority.  It never writes to the register."""

    leadership: Leadership
    register: Register
    exchange: ResultExchange
    scheduler: DeliveryScheduler
    ledger: Ledger = field(factory=Ledger)
    """The incidents that this node alone opened, and the notices that are not delivered."""
    until: Instant | None = None
    """Until when this node may send notices; None if it may not."""
    ages: IncidentAges = field(factory=IncidentAges)
    _lost_at: Instant | None = None
    """Since when no majority is heard."""
    _advanced_at: Instant = NEVER
    _may_alert_at: Instant = FOREVER

    @property
    def leads(self) -> bool:
        """Whether this node leads a minority, and may send notices."""
        return self.exchange.minority_verdicts is not None

    def advance(self, alarms: AbstractSet[CheckId], now: Instant, wall: UnixTime) -> list[Effect]:
        """Start, continue or end leading a minority, whichever applies at `now`.

        `alarms` are the checks with a first vote against their verdict.
        """
        verdicts = self.exchange.minority_verdicts
        if not self._may_alert(now):
            return [] if verdicts is None else self._end(now)
        effects = list[Effect]()
        if verdicts is None:
            verdicts = self.exchange.minority_verdicts = self._begin(now, wall)
            effects.append(LogFact(MinorityLed(self._voters_in_touch(now))))
        self.until = Instant(now + self.leadership.settings.dead_after_s)
        changed = self._count(verdicts, now, wall)
        asked = verdicts.take_due_probes(now, set(alarms), self.leadership.settings.confirm_after_s)
        effects += self.exchange.probe_everywhere(asked, self.leadership.membership.live_peers(now))
        return effects + self._update_ledger(verdicts, changed, now, wall)

    def on_attempted(self, event: Attempted, recipients: tuple[str, ...], now: Instant) -> None:
        """Record how an attempt ended, if this node still leads a minority."""
        if self.leads:
            self.scheduler.on_attempted(event, recipients, now)

    def deadline(self) -> Instant:
        """Return when something may change without an event."""
        verdicts = self.exchange.minority_verdicts
        if verdicts is None:
            return self._may_alert_at
        return min(verdicts.deadline(), self.scheduler.deadline())

    # --- in detail --------------------------------------------------------------------------

    def _may_alert(self, now: Instant) -> bool:
        leadership, settings = self.leadership, self.leadership.settings
        slept = now - self._advanced_at >= SLEPT_DEADS * settings.dead_after_s
        self._advanced_at = now
        if leadership.membership.sees_majority(now):
            self._lost_at = None
        elif self._lost_at is None or slept:
            self._lost_at = now  # after a suspension it has heard nobody yet
        self._may_alert_at = FOREVER
        leads = leadership.engine_host.role is Role.LEADER and leadership.master(now) is None
        leads = leads and minority_leads(settings)
        if self._lost_at is None or not leads:
            return False
        self._may_alert_at = Instant(self._lost_at + settings.dead_after_s)
        return now >= self._may_alert_at

    def _begin(self, now: Instant, wall: UnixTime) -> Verdicts:
        """Return new verdicts with the known votes, which make the first round."""
        document, known = self.register.committed.document, self.exchange.verdicts
        self.ages = IncidentAges()
        self.ages.update(self.ledger, now, wall)
        verdicts = Verdicts(majority_of_live=True)
        verdicts.set_document(document, wall)
        for check in document.checks:
            for node in sorted(self.leadership.membership.live(now)):
                vote = known.vote(node, check.id)
                if vote is not None:
                    verdicts.record(node, vote.result, vote.at, vote.serial)
        return verdicts

    def _end(self, now: Instant) -> list[Effect]:
        self.exchange.minority_verdicts = self.until = None
        self.ledger = Ledger(sequence=self.ledger.sequence)
        self.scheduler.on_committed(self.ledger)
        return [LogFact(MinorityLeft(self._voters_in_touch(now)))]

    def _count(self, verdicts: Verdicts, now: Instant, wall: UnixTime) -> AbstractSet[CheckId]:
        """Count the votes, and return the checks whose verdict changed.

        The facts are dropped: the journal records the verdicts of a majority of all voters.
        """
        committed = self.register.committed
        verdicts.set_document(committed.document, wall)
        verdicts.set_live(self.leadership.membership.live(now))
        incidents = committed.ledger.incidents + self.ledger.incidents
        confirm_after_s = self.leadership.settings.confirm_after_s
        return verdicts.evaluate(now, wall, confirm_after_s, incidents).changed

    def _update_ledger(
        self, verdicts: Verdicts, changed: AbstractSet[CheckId], now: Instant, wall: UnixTime
    ) -> list[Effect]:
        committed = self.register.committed
        inputs = NoticeInputs(
            document=committed.document,
            verdicts=verdicts,
            term=self.leadership.known_term,
            now=now,
            wall=wall,
            series=f"minority-{self.exchange.life:x}-",
            minority=self._voters_in_touch(now),
            ages=self.ages,
        )
        announced = {i.check for i in committed.ledger.incidents}
        ledger = self.scheduler.set_channels(committed.document, self.ledger, now)
        ledger = reconcile(ledger, inputs, changed - announced)
        self.ledger = self.scheduler.prune(ledger, committed.document, parts=True)
        self.ages.update(self.ledger, now, wall)
        due = self.scheduler.due(self.ledger, (), now)
        return [Notify(attempt.delivery, inputs.term, delegated=False) for attempt in due]

    def _voters_in_touch(self, now: Instant) -> str:
        """Return how many voters this node hears, itself included, as "2 of 5".

        While the members change, this is about the configuration without a majority.
        """
        joint_config, contacts = (
            self.register.joint_config,
            self.leadership.membership.contacts(now),
        )
        voters = joint_config.committed
        if holds_quorum(contacts, voters):
            voters = joint_config.accepted
        return f"{len(contacts & voters)} of {len(voters)}"
