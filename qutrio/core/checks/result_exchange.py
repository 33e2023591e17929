"""The watch: this node's own results and its peers', and when each is told to whom.

Every node tells every other what it saw, so each can show all votes, and a new master has
them at once.  What is as before travels with the next heartbeat; what turned, or was asked
for, travels at once.
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
"""A peer's requests to probe one check now are heeded at most this often."""


LIVES = 2**48


def new_life(rng: Rng) -> int:
    """Return a number that a node's next life will hardly draw again."""
    return int(rng.random() * LIVES)


@define
class ResultExchange:
    """Results on their way."""

    me: NodeId
    life: int = 0
    """A number that no other life of this node has."""
    results_per_report: int = RESULTS_PER_REPORT_MAX
    verdicts: Verdicts = field(factory=Verdicts)
    beside: Verdicts | None = None
    """A second count of the same votes, while this node leads a minority."""
    probes: int = 0
    """How many results of its own this life has taken in."""
    _unsent: dict[CheckId, Vote] = field(factory=dict)
    _urgent: bool = False
    _demanded: set[CheckId] = field(factory=set)
    _heeded: dict[CheckId, Instant] = field(factory=dict)

    def observed(self, result: Result, now: Instant) -> set[CheckId]:
        """Take in a result of this node's own; return its check if everybody should probe it."""
        turned = self._turned(result)
        self.probes += 1
        serial = (self.life, self.probes)
        alarm = self._record(self.me, result, now, serial)
        self._unsent[result.check] = Vote(result, now, serial)
        self._urgent = self._urgent or turned or result.check in self._demanded
        self._demanded.discard(result.check)
        return {result.check} if alarm else set()

    def on_report(self, sender: NodeId, report: Report, now: Instant) -> set[CheckId]:
        """Take in a peer's results; return the checks that everybody should probe.

        The age of a result counts from when it arrives here.
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
        """Heed a peer's request, but for no check more often than every `pause` seconds."""
        heeded = tuple(
            check
            for check in dict.fromkeys(checks[:CHECKS_PER_REQUEST_MAX])
            if self.verdicts.follows(check)
            and now - self._heeded.get(check, Instant(float("-inf"))) >= pause
        )
        for check in heeded:
            self._heeded[check] = now
        if len(self._heeded) > CHECKS_MAX:
            self._heeded.clear()  # most of them are of checks long gone
        return self.demand(heeded) if heeded else []

    def demand(self, checks: tuple[CheckId, ...]) -> list[Effect]:
        """Probe these now, and report at once what comes of it."""
        asked = checks[:CHECKS_PER_REQUEST_MAX]
        self._demanded.update(c for c in asked if self.verdicts.follows(c))
        return [Probe(asked)]

    def demand_of_all(
        self,
        checks: tuple[CheckId, ...],
        peers: Sequence[NodeId],
        of: AbstractSet[NodeId] | None = None,
    ) -> list[Effect]:
        """Ask everybody, this node included, to probe these now; with `of` only those in it."""
        effects: list[Effect] = []
        asked = [peer for peer in peers if of is None or peer in of]
        for start in range(0, len(checks), CHECKS_PER_REQUEST_MAX):
            part = checks[start : start + CHECKS_PER_REQUEST_MAX]
            effects += self.demand(part) if of is None or self.me in of else []
            effects += [Send(peer, ProbeNow(checks=part)) for peer in asked]
        return effects

    @property
    def urgent(self) -> bool:
        """Tell whether a report is to be sent at once: something turned, or was asked for."""
        return self._urgent

    def tell(self, peers: Sequence[NodeId], now: Instant, *, all_of_it: bool) -> list[Effect]:
        """Return the reports to send now: with `all_of_it` also what can wait."""
        if not self._unsent or not (self._urgent or all_of_it):
            return []
        votes, self._unsent, self._urgent = list(self._unsent.values()), {}, False
        return self._reports(votes, peers, now)

    def tell_newcomer(self, peer: NodeId, now: Instant) -> list[Effect]:
        """Return reports of this node's newest result of every check."""
        return self._reports(self.verdicts.votes_of(self.me), [peer], now)

    def _record(self, node: NodeId, result: Result, at: Instant, serial: Serial | None) -> bool:
        """Tell whether this is the first vote against the state, in one of the counts."""
        alarm = self.verdicts.record(node, result, at, serial)
        if self.beside is not None:
            alarm |= self.beside.record(node, result, at, serial)
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

    def _turned(self, result: Result) -> bool:
        last = self.verdicts.vote(self.me, result.check)
        return last is None or last.result.outcome is not result.outcome
