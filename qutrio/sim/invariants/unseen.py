"""Unseen checks are reported, once, and never while a majority judges them.

The judge sees every real probe.  So it knows since when no node could judge a check, and the last
results of the voters for a check that is reported.
"""

from attrs import define, field, frozen

from qutrio.core.alerting.unseen import UnseenTracker, round_s
from qutrio.core.checks.verdicts import freshness
from qutrio.core.limits import Limits
from qutrio.core.quorum.majorities import majority
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, CheckId, NodeId, NoticeId, Revision, Seconds
from qutrio.model.incidents import Ledger, Notice, NoticeKind
from qutrio.model.levels import UNSEEN_NOTICES, may_use
from qutrio.model.results import Outcome, Result
from qutrio.sim.invariants.error import broken
from qutrio.sim.invariants.probes import Probe, Probes

SEVERAL = frozenset({NoticeKind.UNSEEN, NoticeKind.SEEN})
"""The notices about several checks."""
UNDISTURBED_S: Seconds = 60.0
"""After this long without trouble every possible vote has arrived."""
HEARD_S: Seconds = 5.0
"""After this long without trouble a vote has reached all nodes."""
DRIFT = 0.12
CHECK_EVERY_S: Seconds = 1.0


def due(before: Ledger, after: Ledger) -> dict[NoticeId, ChannelId]:
    """Return the notices that must be written for unseen checks that begin or end."""
    was, now = ({u.id: u for u in ledger.unseen} for ledger in (before, after))
    begun = {NoticeId(f"{u.id}.unseen"): u.channel for i, u in now.items() if i not in was}
    ended = {NoticeId(f"{u.id}.seen"): u.channel for i, u in was.items() if i not in now}
    return begun | ended


def excused(channel: ChannelId, documents: tuple[ClusterDocument, ...]) -> bool:
    """Return whether the notice of the end may be missing, because its channel is off."""
    enabled = [{c.id for c in document.channels if c.enabled} for document in documents]
    return not all(channel in there for there in enabled)


@frozen
class _Abstaining:
    """Since when every probe of a check abstained."""

    since: Seconds
    changed: Revision


@define
class UnseenChecks:
    """The checks that no node can judge."""

    limits: Limits = Limits()
    check_at: Seconds = 0.0
    _abstaining: dict[CheckId, _Abstaining] = field(factory=dict)

    def due(self, true: Seconds) -> bool:
        """Return whether to check now."""
        return bool(self._abstaining) and true >= self.check_at

    def probed(self, result: Result, true: Seconds) -> None:
        """Record a real probe that ended."""
        if result.outcome is not Outcome.ABSTAIN:
            self._abstaining.pop(result.check, None)
            return
        abstaining = self._abstaining.get(result.check)
        if abstaining is None or abstaining.changed != result.changed:
            self._abstaining[result.check] = _Abstaining(true, result.changed)

    def check_reported(
        self,
        document: ClusterDocument | None,
        ledger: Ledger,
        true: Seconds,
        undisturbed_since: Seconds,
    ) -> None:
        """Check that every check without a vote for long was reported.

        `undisturbed_since` is since when nothing was wrong and there was one master.
        """
        self.check_at = true + CHECK_EVERY_S
        if document is None or not may_use(UNSEEN_NOTICES, document):
            return
        told = {u.check for u in ledger.unjudged if u.told is not None}
        unseen_tracker = UnseenTracker(self.limits.unseen_after_s, self.limits.unseen_intervals)
        for check in document.checks:
            abstaining = self._abstaining.get(check.id)
            if abstaining is None or check.id in told or not check.enabled:
                continue
            if abstaining.changed != check.changed:
                continue
            bound = unseen_tracker.bound_s(check, document) + freshness(check)
            ripe = undisturbed_since + (1 + DRIFT) * round_s(check, document) + HEARD_S
            if true > max(abstaining.since + (1 + DRIFT) * bound + HEARD_S, ripe):
                what = f"nobody has judged {check.id} for {true - abstaining.since:.0f} s"
                raise broken(8, true, f"{what}, and people were not told")


def judged_by_majority(
    notice: Notice,
    document: ClusterDocument,
    live: frozenset[NodeId],
    probes: Probes,
    true: Seconds,
) -> str | None:
    """Return which check of a notice a majority can judge, if any; valid without trouble."""
    listed = {c.id for c in notice.unseen.checks} if notice.unseen is not None else set()
    for check in (c for c in document.checks if c.id in listed):
        limit = freshness(check) * (1 - DRIFT)
        judged = [
            node
            for node in document.voters & live
            if (made := probes.of(node, check))
            and made[-1].outcome is not Outcome.ABSTAIN
            and any(_judges(probe, true, limit) for probe in made)
        ]
        if len(judged) >= majority(len(document.voters)):
            return f"{len(judged)} voters judge {check.id}"
    return None


def _judges(probe: Probe, true: Seconds, limit: Seconds) -> bool:
    """Return whether a probe gave a vote that has reached all nodes and is still fresh."""
    return probe.outcome is not Outcome.ABSTAIN and HEARD_S < true - probe.at < limit
