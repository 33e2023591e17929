"""Paging from a minority: what the gossip engine's leader may do where no majority is.

Theory of operation.  By default only a node that a majority confirms pages.  With the setting
`acting: partition` the leader of a minority pages as well, if a majority has been out of its
sight for `dead_after`, and nobody is heard who acts.  Beside the usual count it keeps a second
one, in which a majority of the voters it hears is enough; the rounds are the same.  What comes
of it is kept in memory only: a ledger of its own, which nobody else holds.  Every notice says
that it comes from a minority, and its incident has an id that no other node gives.

What the committed ledger calls down was announced before: it is not announced again, nor is its
end.  When a majority is in sight again, or another leads, all of this is forgotten, and what a
majority then finds is announced by the usual rules.  Each of several minorities may page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.alerting.ages import IncidentAges
from qutrio.core.alerting.notices import NoticeInputs, reconcile
from qutrio.core.api.effects import Effect, Note, Notify
from qutrio.core.api.facts import MinorityLed, MinorityLeft
from qutrio.core.checks.verdicts import Verdicts
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
"""After so many times `dead_after` without a look around a node must have been asleep."""


@define
class PartitionAlerting:
    """What a node does while it leads a minority.  It never writes."""

    leadership: Leadership
    register: Register
    exchange: ResultExchange
    scheduler: DeliveryScheduler
    ledger: Ledger = field(factory=Ledger)
    """The incidents that this node alone opened, and what it has not told yet."""
    until: Instant | None = None
    """Up to when what was found last is good enough to page; None when this node may not."""
    ages: IncidentAges = field(factory=IncidentAges)
    _lost_at: Instant | None = None
    """Since when no majority is in sight."""
    _advanced_at: Instant = NEVER
    _may_alert_at: Instant = FOREVER

    @property
    def leads(self) -> bool:
        """Whether this node leads a minority, and may page."""
        return self.exchange.minority_verdicts is not None

    def advance(self, alarms: AbstractSet[CheckId], now: Instant, wall: UnixTime) -> list[Effect]:
        """Begin to lead a minority, go on, or end it, as things stand at `now`.

        `alarms` are the checks with a first vote against their state.
        """
        count = self.exchange.minority_verdicts
        if not self._may_alert(now):
            return [] if count is None else self._end(now)
        effects = list[Effect]()
        if count is None:
            count = self.exchange.minority_verdicts = self._begin(now, wall)
            effects.append(Note(MinorityLed(self._voters_in_touch(now))))
        self.until = Instant(now + self.leadership.settings.dead_after_s)
        changed = self._count(count, now, wall)
        asked = count.take_due_probes(now, set(alarms), self.leadership.settings.confirm_after_s)
        effects += self.exchange.probe_everywhere(asked, self.leadership.membership.live_peers(now))
        return effects + self._update_ledger(count, changed, now, wall)

    def on_attempted(self, event: Attempted, recipients: tuple[str, ...], now: Instant) -> None:
        """Note how an attempt ended, unless all is forgotten by now."""
        if self.leads:
            self.scheduler.on_attempted(event, recipients, now)

    def deadline(self) -> Instant:
        """Return when something may change without an event."""
        count = self.exchange.minority_verdicts
        return (
            self._may_alert_at
            if count is None
            else min(count.deadline(), self.scheduler.deadline())
        )

    # --- in detail --------------------------------------------------------------------------

    def _may_alert(self, now: Instant) -> bool:
        leadership, settings = self.leadership, self.leadership.settings
        slept = now - self._advanced_at >= SLEPT_DEADS * settings.dead_after_s
        self._advanced_at = now
        if leadership.membership.sees_majority(now):
            self._lost_at = None
        elif self._lost_at is None or slept:
            self._lost_at = now  # one that slept has heard nobody yet
        self._may_alert_at = FOREVER
        wanted = settings.engine == "gossip" and settings.acting == "partition"
        leads = (
            wanted and leadership.engine_host.role is Role.LEADER and leadership.master(now) is None
        )
        if self._lost_at is None or not leads:
            return False
        self._may_alert_at = Instant(self._lost_at + settings.dead_after_s)
        return now >= self._may_alert_at

    def _begin(self, now: Instant, wall: UnixTime) -> Verdicts:
        """Return a second count, with the votes that are known; they make the first round."""
        document, known = self.register.committed.document, self.exchange.verdicts
        self.ages = IncidentAges()
        self.ages.update(self.ledger, now, wall)
        count = Verdicts(majority_of_live=True)
        count.set_document(document, wall)
        for check in document.checks:
            for node in sorted(self.leadership.membership.live(now)):
                vote = known.vote(node, check.id)
                if vote is not None:
                    count.record(node, vote.result, vote.at, vote.serial)
        return count

    def _end(self, now: Instant) -> list[Effect]:
        self.exchange.minority_verdicts = self.until = None
        self.ledger = Ledger(sequence=self.ledger.sequence)
        self.scheduler.on_committed(self.ledger)
        return [Note(MinorityLeft(self._voters_in_touch(now)))]

    def _count(self, count: Verdicts, now: Instant, wall: UnixTime) -> AbstractSet[CheckId]:
        """Count, and return the checks that changed.

        The facts are left out: the journal tells of what a majority of all voters would find.
        """
        committed = self.register.committed
        count.set_document(committed.document, wall)
        count.set_live(self.leadership.membership.live(now))
        incidents = committed.ledger.incidents + self.ledger.incidents
        open_ = frozenset(i.check for i in incidents)
        return count.evaluate(now, wall, self.leadership.settings.confirm_after_s, open_).changed

    def _update_ledger(
        self, count: Verdicts, changed: AbstractSet[CheckId], now: Instant, wall: UnixTime
    ) -> list[Effect]:
        committed = self.register.committed
        inputs = NoticeInputs(
            document=committed.document,
            verdicts=count,
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
        self.scheduler.on_committed(self.ledger)
        self.ages.update(self.ledger, now, wall)
        delegated = self.scheduler.due(self.ledger, (), now)
        return [Notify(delegated.delivery, inputs.term, delegated=False) for delegated in delegated]

    def _voters_in_touch(self, now: Instant) -> str:
        """Return how many voters this node is in touch with, itself included, of how many.

        While the members change, this is about those of whom there is no majority.
        """
        joint_config, contacts = (
            self.register.joint_config,
            self.leadership.membership.contacts(now),
        )
        voters = joint_config.committed
        if holds_quorum(contacts, voters):
            voters = joint_config.accepted
        return f"{len(contacts & voters)} of {len(voters)}"
