"""Correctness of notices: invariant 7.

A notice is judged when a node first wants to write it.  Each vote in its evidence must be a real
probe of the current version of the check, have the outcome that the evidence says, and be no
older than it claims, apart from the time that its report took.  The majorities must exist.  And
enough voters must have had the same outcome before, in a first round that began at least
`confirm_after_s` before the votes that count now.
"""

from attrs import define, field

from qutrio.core.checks.verdicts import freshness
from qutrio.core.quorum.majorities import majority
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, NoticeId, Seconds
from qutrio.model.incidents import Ledger, Notice, NoticeKind
from qutrio.model.results import Evidence, Outcome
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken
from qutrio.sim.invariants.probes import Probe, Probes
from qutrio.sim.invariants.unseen import UNDISTURBED_S, judged_by_majority

LATE_S_MAX: Seconds = 45.0
"""The longest time that a report takes in a world with faults; a vote's age excludes it."""
PROMPT_S_MAX: Seconds = 1.5
"""The same if nothing was wrong since the probe."""
DRIFT = 0.12
"""The largest error of an age: two clocks, each up to 5 % off, and a margin for rounding."""
ROUNDING_S: Seconds = 0.01
STEADY_S: Seconds = 180.0
"""How long the members must be unchanged for both rounds to have the same voters."""
VOTES = (Outcome.OK, Outcome.FAIL)
VOTED = frozenset({NoticeKind.DOWN, NoticeKind.RECOVERED})
"""The notices that depend on votes."""


@define
class NoticeCheck:
    """Judges a notice of a check that a node wants to write."""

    host: Host
    true: Seconds
    check: Check
    voters: frozenset[NodeId]
    probes: Probes
    troubled_until: Seconds
    steady: bool
    pause_s: Seconds
    """The shortest time from the first round to the second."""

    def problem(self, notice: Notice) -> str | None:
        """Return why the notice may not be written, if so."""
        down = notice.kind is NoticeKind.DOWN
        counted = [e for e in notice.evidence if e.counted and e.outcome in VOTES]
        strangers = {e.node for e in counted} - self.voters
        if strangers:
            return f"{sorted(strangers)} have no vote"
        fails = sum(e.outcome is Outcome.FAIL for e in counted)
        enough = majority(len(self.voters))
        if len(counted) < enough or (fails * 2 > len(counted)) is not down:
            return f"{fails} fails of {len(counted)} votes, {len(self.voters)} voters"
        if self._edited_at_once():
            return None  # the edit dropped the votes to compare with
        made = dict[NodeId, Probe]()
        for evidence in counted:
            probe = self._behind(evidence)
            if isinstance(probe, str):
                return probe
            made[evidence.node] = probe
        if not self.steady:
            return None
        needed = enough // 2 + 1 if down else (enough + 1) // 2
        return self._first_round(Outcome.FAIL if down else Outcome.OK, made, needed)

    def _edited_at_once(self) -> bool:
        """Return whether the step that writes the notice also committed an edit of the check."""
        assert self.host.node is not None
        checks = self.host.node.register.committed.document.checks
        now = next((c for c in checks if c.id == self.check.id), None)
        return now is None or now.changed != self.check.changed

    def _behind(self, evidence: Evidence) -> Probe | str:
        """Return the probe behind a vote, or what is wrong with the vote."""
        assert self.host.node is not None
        node = evidence.node
        vote = self.host.node.exchange.verdicts.vote(node, self.check.id)
        probe = self.probes.behind(node, vote.serial) if vote is not None else None
        if vote is None or probe is None:
            return f"no probe of {node} is behind the evidence"
        if (probe.check, probe.changed) != (self.check.id, self.check.changed):
            return f"the probe of {node} was of another check"
        if probe.outcome is not evidence.outcome:
            return f"the probe of {node} found {probe.outcome.value}"
        late = self.host.clock.true(vote.at) - probe.at
        limit = PROMPT_S_MAX if self.troubled_until < probe.at else LATE_S_MAX
        if not -self._drift(probe) <= late <= limit + self._drift(probe):
            return f"the vote of {node} is taken for {late:.3f} s younger than it is"
        return probe

    def _first_round(self, outcome: Outcome, made: dict[NodeId, Probe], needed: int) -> str | None:
        """Return what is wrong with the round before the one that counts, if anything.

        A vote that counts now may belong to the first round, because others confirmed it, or to
        the second.  In the first case only the time of the probe tells whether others confirmed it.
        """
        before = dict[NodeId, Seconds]()
        for node, last in made.items():  # one of another outcome may have been reported again
            if last.outcome is outcome and self.troubled_until < last.at:
                before[node] = last.at  # else the voter may have missed the confirmation
        problem = self._rounds(outcome, made, needed, before, by_vote=True)
        return problem and self._rounds(outcome, made, needed, {}, by_vote=False)

    def _rounds(
        self,
        outcome: Outcome,
        made: dict[NodeId, Probe],
        needed: int,
        before: dict[NodeId, Seconds],
        *,
        by_vote: bool,
    ) -> str | None:
        """Return what is wrong, if the first round of some voters was `before` these times."""
        oldest = self.true - 2 * (freshness(self.check) * (1 + DRIFT) + LATE_S_MAX)
        first = list[Seconds]()
        for node in sorted(self.voters):
            seen = (p.at for p in self.probes.of(node, self.check) if p.outcome is outcome)
            first += [at for at in seen if oldest <= at < before.get(node, self.true)][:1]
        if len(first) < needed:
            return f"only {len(first)} saw it before the last round, {needed} are needed"
        began = sorted(first)[needed - 1]
        again = [
            n for n in self.voters if self._saw_again(n, outcome, made, began, by_vote=by_vote)
        ]
        decisive = len(made) // 2 + 1 if outcome is Outcome.FAIL else (len(made) + 1) // 2
        enough = decisive if self.troubled_until < began else needed
        if len(again) < min(enough, sum(p.outcome is outcome for p in made.values())):
            return f"only {len(again)} saw it again in a second round"
        return None

    def _saw_again(
        self,
        node: NodeId,
        outcome: Outcome,
        made: dict[NodeId, Probe],
        began: Seconds,
        *,
        by_vote: bool,
    ) -> bool:
        """Return whether a voter saw the same in a second round.

        The votes that count now may be older or newer than that round: the state has been certain
        since then, but there was no master to write it.  A vote that may belong to the first round
        counts from when its probe began.
        """
        assert self.host.node is not None
        due = began + self.pause_s * (1 - DRIFT) - ROUNDING_S
        vote = self.host.node.exchange.verdicts.vote(node, self.check.id)
        moments, counted = list[Seconds](), made.get(node)
        if counted is not None and counted.outcome is outcome and vote is not None:
            moments = [self.host.clock.true(vote.at) if by_vote else counted.at]
        late = 0.0 if self.troubled_until < began else LATE_S_MAX
        seen = [p.at for p in self.probes.of(node, self.check) if p.outcome is outcome]
        moments += [at + late for at in seen[1:]]
        return any(moment >= due for moment in moments)

    def _drift(self, probe: Probe) -> Seconds:
        return DRIFT * (self.true - probe.at) + ROUNDING_S


@define
class Rounds:
    """The judged notices, and the probes behind them."""

    probes: Probes = field(factory=Probes)
    _ledgers: dict[NodeId, Ledger] = field(factory=dict)
    _documents: dict[NodeId, ClusterDocument] = field(factory=dict)
    _judged: set[NoticeId] = field(factory=set)
    tuned_at: Seconds = float("-inf")
    """When the settings last changed at any node."""

    def stepped(
        self, host: Host, true: Seconds, *, troubled_until: Seconds, changed_at: Seconds
    ) -> None:
        """Judge the notices that a host is the first to write.

        `changed_at` is when the members last changed.
        """
        assert host.node is not None
        register = host.node.register
        ledger, document = register.accepted.ledger, register.committed.document
        before = self._documents.setdefault(host.name, document)
        if before is not document:
            self._documents[host.name] = document
            if before.settings != document.settings:
                self.tuned_at = true
        if self._ledgers.get(host.name) is ledger:
            return
        self._ledgers[host.name] = ledger
        steady = true - changed_at > STEADY_S
        tuned = true - self.tuned_at <= STEADY_S
        pause_s = 0.0 if tuned else document.settings.confirm_after_s
        undisturbed = max(troubled_until, changed_at, self.tuned_at) < true - UNDISTURBED_S
        self._judge_unseen(host, ledger, true, undisturbed=undisturbed)
        for notice in {d.notice.id: d.notice for d in ledger.outbox}.values():
            if notice.id in self._judged or notice.kind not in VOTED:
                continue
            self._judged.add(notice.id)
            if notice.minority:
                raise broken(7, true, f"{notice.id} comes from a minority, and is to be written")
            problems = list[str | None]()
            for known in (before, document):  # a step may replace the document
                check = next((c for c in known.checks if c.id == notice.check), None)
                if check is None or not check.enabled:
                    problems.append("there is no such check")
                    continue
                notice_check = NoticeCheck(
                    host,
                    true,
                    check,
                    known.voters,
                    self.probes,
                    troubled_until,
                    steady,
                    pause_s,
                )
                problems.append(notice_check.problem(notice))
            if all(problems):
                raise broken(7, true, f"{notice.id}: {problems[-1]}")

    def _judge_unseen(
        self, host: Host, ledger: Ledger, true: Seconds, *, undisturbed: bool
    ) -> None:
        """Judge the notices that a host wants to write of checks without a verdict."""
        assert host.node is not None
        document = host.node.register.committed.document
        live = host.node.leadership.membership.live(host.clock.at(true))
        for notice in (d.notice for d in ledger.outbox if d.notice.kind is NoticeKind.UNSEEN):
            if notice.id in self._judged:
                continue
            self._judged.add(notice.id)
            problem = judged_by_majority(notice, document, live, self.probes, true)
            if problem and undisturbed:
                raise broken(7, true, f"{notice.id}: {problem}")
