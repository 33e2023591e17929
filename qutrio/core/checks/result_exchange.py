"""The exchange of probe results between nodes, and the requests to probe at once.

Every node sends its results to every other node, so that each can show all votes and a new
master has them at once.  An unchanged result is sent with the next heartbeat.  A result whose
outcome changed, or that was requested, is sent at once.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.api.effects import Effect, Probe, Send
from qutrio.core.api.messages import ProbeNow, Report
from qutrio.core.checks.verdicts import Verdicts
from qutrio.core.checks.votes import Serial, Vote
from qutrio.model.document import CHECKS_MAX
from qutrio.model.ids import CheckId, Instant, NodeId, Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from qutrio.model.dice import Rng
    from qutrio.model.results import Result

RESULTS_PER_REPORT_MAX = 500
CHECKS_PER_REQUEST_MAX = 500
AGE_S_MAX: Seconds = 86_400.0
REQUEST_PAUSE_S: Seconds = 0.5
"""The least time between two probes of one check that peers request."""


LIVES = 2**48


def new_life(rng: Rng) -> int:
    """Return a random number that identifies one run of a node."""
    return int(rng.random() * LIVES)


@define
class ResultExchange:
    """Records results as votes, and sends this node's own results to its peers."""

    me: NodeId
    life: int = 0
    """A number that differs in each run of this node."""
    results_per_report: int = RESULTS_PER_REPORT_MAX
    verdicts: Verdicts = field(factory=Verdicts)
    minority_verdicts: Verdicts | None = None
    """A second set of verdicts from the same votes, while this node leads a minority."""
    probes: int = 0
    """The number of own results that this run has recorded."""
    _unsent: dict[CheckId, Vote] = field(factory=dict)
    _urgent: bool = False
    _requested: set[CheckId] = field(factory=set)
    _requested_at: dict[CheckId, Instant] = field(factory=dict)

    def on_result(self, result: Result, now: Instant) -> set[CheckId]:
        """Record an own result; return its check if all nodes should probe it now."""
        turned = self._outcome_changed(result)
        self.probes += 1
        serial = (self.life, self.probes)
        alarm = self._record(self.me, result, now, serial)
        self._unsent[result.check] = Vote(result, now, serial)
        self._urgent = self._urgent or turned or result.check in self._requested
        self._requested.discard(result.check)
        return {result.check} if alarm else set()

    def on_report(self, sender: NodeId, report: Report, now: Instant) -> set[CheckId]:
        """Record a peer's results; return the checks that all nodes should probe now.

        The age of a result is counted back from its arrival here.
        """
        alarms = set[CheckId]()
        results = report.results[:RESULTS_PER_REPORT_MAX]
        for (result, age_s), number in zip_longest(results, report.numbers[: len(results)]):
            at = Instant(now - min(max(age_s, 0.0), AGE_S_MAX))
            serial = None if number is None else (report.life, number)
            if self._record(sender, result, at, serial):
                alarms.add(result.check)
        return alarms

    def on_probe_now(
        self, checks: tuple[CheckId, ...], pause: Seconds, now: Instant
    ) -> list[Effect]:
        """Probe what a peer requests, each check at most once in `pause` seconds."""
        heeded = tuple(
            check
            for check in dict.fromkeys(checks[:CHECKS_PER_REQUEST_MAX])
            if self.verdicts.is_enabled(check)
            and now - self._requested_at.get(check, Instant(float("-inf"))) >= pause
        )
        for check in heeded:
            self._requested_at[check] = now
        if len(self._requested_at) > CHECKS_MAX:
            self._requested_at.clear()  # most of these checks no longer exist
        return self.probe_now(heeded) if heeded else []

    def probe_now(self, checks: tuple[CheckId, ...]) -> list[Effect]:
        """Probe these checks now, and report the results at once."""
        asked = checks[:CHECKS_PER_REQUEST_MAX]
        self._requested.update(c for c in asked if self.verdicts.is_enabled(c))
        return [Probe(asked)]

    def probe_everywhere(
        self,
        checks: tuple[CheckId, ...],
        peers: Sequence[NodeId],
        of: AbstractSet[NodeId] | None = None,
    ) -> list[Effect]:
        """Have this node and `peers` probe these checks now; with `of`, only the nodes in it."""
        effects: list[Effect] = []
        asked = [peer for peer in peers if of is None or peer in of]
        for start in range(0, len(checks), CHECKS_PER_REQUEST_MAX):
            part = checks[start : start + CHECKS_PER_REQUEST_MAX]
            effects += self.probe_now(part) if of is None or self.me in of else []
            effects += [Send(peer, ProbeNow(checks=part)) for peer in asked]
        return effects

    @property
    def urgent(self) -> bool:
        """Whether a report is to be sent at once: an outcome changed, or was requested."""
        return self._urgent

    def reports_due(
        self, peers: Sequence[NodeId], now: Instant, *, all_of_it: bool
    ) -> list[Effect]:
        """Return the reports to send now; with `all_of_it`, also those that could wait."""
        if not self._unsent or not (self._urgent or all_of_it):
            return []
        votes, self._unsent, self._urgent = list(self._unsent.values()), {}, False
        return self._reports(votes, peers, now)

    def reports_for_new_peer(self, peer: NodeId, now: Instant) -> list[Effect]:
        """Return reports of this node's newest result for every check."""
        return self._reports(self.verdicts.votes_of(self.me), [peer], now)

    def _record(self, node: NodeId, result: Result, at: Instant, serial: Serial | None) -> bool:
        """Record a vote; return True if it is the first against a verdict."""
        alarm = self.verdicts.record(node, result, at, serial)
        if self.minority_verdicts is not None:
            alarm |= self.minority_verdicts.record(node, result, at, serial)
        return alarm

    def _reports(self, votes: list[Vote], peers: Sequence[NodeId], now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for start in range(0, len(votes), self.results_per_report):
            part = votes[start : start + self.results_per_report]
            report = Report(
                results=tuple((v.result, now - v.at) for v in part),
                life=self.life,
                numbers=tuple(v.serial[1] for v in part if v.serial is not None),
            )
            effects += [Send(peer, report) for peer in peers]
        return effects

    def _outcome_changed(self, result: Result) -> bool:
        last = self.verdicts.vote(self.me, result.check)
        return last is None or last.result.outcome is not result.outcome
