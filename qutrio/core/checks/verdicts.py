"""The verdict on each check, derived from the members' votes.

Theory of operation.  A vote counts while it is fresh by the receiver's clock, while the node that
cast it is alive, and while the check is unchanged.  The state is UNKNOWN if fewer than a majority
of the voters have a counted vote; else it is DOWN if more than half of the counted votes say so,
and UP otherwise, also in a tie.  A verdict changes after two *rounds*: the votes that first gave
the new state, and then new votes, cast at least `confirm_after` seconds later, of so many voters
that the others cannot change the result.  So one bad round on every node pages nobody, and one
voter that stays silent delays nothing.  A change to UNKNOWN, or from UNKNOWN to UP without an
open incident, takes one round and sends no notice.

At the first vote against the verdict, and when a second round begins, the master asks all
nodes to probe at once, so that a round does not take an interval.

`Verdicts.evaluate` returns the checks whose verdict changed.  `core.node` passes them to
`core.alerting.alert_manager`, where the question whether somebody is paged goes on.
"""

from attrs import define, field

from qutrio.core.checks.open_checks import OpenChecks
from qutrio.core.checks.time_queue import TimeQueue
from qutrio.core.checks.votes import Count, Serial, Vote, VoteCollection, state_of
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import FOREVER, CheckId, Instant, NodeId, Revision, Seconds, UnixTime
from qutrio.model.incidents import Incident
from qutrio.model.journal import Basis, Doubted, Judged, VoteCount
from qutrio.model.results import Evidence, Outcome, Result, State

AGAINST = {State.DOWN: Outcome.OK, State.UP: Outcome.FAIL}
"""What a vote against each state says."""
FRESH_INTERVALS = 3
FRESH_S_MIN: Seconds = 30.0
SWEEP_S_MIN: Seconds = 1.0
"""The least time between two searches for stale votes."""
FACTS_MAX = 1000
"""The most facts for the journal from one evaluation, and from one step."""


def freshness(check: Check) -> Seconds:
    """Return for how long a vote counts: three intervals, at least 30 s.

    A check whose attempts take longer than its interval gets the time for two of them.
    """
    attempt = check.interval_s + (check.retries + 1) * check.timeout_s
    return max(FRESH_S_MIN, FRESH_INTERVALS * check.interval_s, 2 * attempt)


@define
class Evaluation:
    """One evaluation of the votes, and its results."""

    now: Instant
    wall: UnixTime
    confirm_after: Seconds
    changed: set[CheckId] = field(factory=set)
    """Checks whose verdict changed, is new, or is no longer in doubt."""
    facts: list[Judged | Doubted] = field(factory=list)
    """Facts for the journal, at most `FACTS_MAX`."""


@define
class Tally:
    """The votes on one check, its verdict, and the pending state that may replace it."""

    votes: dict[NodeId, Vote] = field(factory=dict)
    state: State = State.UNKNOWN
    since_unix: UnixTime = UnixTime(0.0)
    since: Instant | None = None
    """Since when `state` holds; None before the first evaluation."""
    pending: State | None = None
    pending_since: Instant = Instant(0.0)
    first: VoteCount | None = None
    confirm_at: Instant | None = None
    first_at: dict[NodeId, Instant] = field(factory=dict)
    """When each voter first voted for the pending state."""
    asked_at: Instant | None = None
    up_revision: Revision | None = None
    """The revision of the check that was last UP."""

    def set_state(self, state: State, changed: Revision, now: Instant, wall: UnixTime) -> None:
        """Set the verdict on the check, which is of revision `changed`."""
        self.state, self.since_unix, self.since, self.pending = state, wall, now, None
        if state is State.UP:
            self.up_revision = changed


@define
class Verdicts:
    """The verdicts of one node.  Every node counts votes; only the master sends notices."""

    _tallies: dict[CheckId, Tally] = field(factory=dict)
    checks: dict[CheckId, Check] = field(factory=dict)  # those that are enabled; replaced whole
    _voters: frozenset[NodeId] = frozenset()
    _document: ClusterDocument | None = None
    last_states: dict[CheckId, State] = field(factory=dict)
    """The last verdicts on the checks that the newest document removed or disabled."""
    _touched: set[CheckId] = field(factory=set)
    _confirming: TimeQueue[CheckId] = field(factory=TimeQueue)
    _stale_at: TimeQueue[CheckId] = field(factory=TimeQueue)
    _sweep_at: Instant = FOREVER
    _open: OpenChecks = field(factory=OpenChecks)
    _live: frozenset[NodeId] | None = None
    majority_of_live: bool = False
    """Whether a majority of the live voters is enough (partition alerting)."""

    def set_document(self, document: ClusterDocument, wall: UnixTime) -> None:
        """Use a new document.  Votes on checks that changed are dropped."""
        if document is self._document:
            return
        self._document = document
        self._voters = document.voters
        self.checks = {c.id: c for c in document.checks if c.enabled}
        self.last_states = {}
        for gone in [i for i in self._tallies if i not in self.checks]:
            self.last_states[gone] = self._tallies.pop(gone).state
            self._stale_at.drop(gone)
            self._confirming.drop(gone)
        members = {m.id for m in document.members}
        for ident, check in self.checks.items():
            tally = self._tallies.setdefault(ident, Tally(since_unix=wall))
            tally.votes = {
                node: vote
                for node, vote in tally.votes.items()
                if node in members and vote.result.changed == check.changed
            }
            self._touched.add(ident)

    def set_live(self, live: frozenset[NodeId]) -> None:
        """Count only the votes of live members: a dead one could never confirm its vote."""
        if live != self._live:
            self._live = live
            self._touched |= self._tallies.keys()

    def record(
        self, node: NodeId, result: Result, at: Instant, serial: Serial | None = None
    ) -> bool:
        """Record a vote cast at `at`; return True if it is a node's first against the verdict.

        A vote on a check that does not exist, or on an older version of it, is dropped.  So is
        a vote that was recorded before: a repeated message does not make a vote newer.
        """
        check = self.checks.get(result.check)
        if check is None or result.changed != check.changed:
            return False
        tally = self._tallies[result.check]
        last, vote = tally.votes.get(node), Vote(result, at, serial)
        if last is not None and not vote.outdates(last):
            return False
        tally.votes[node] = vote
        self._touched.add(result.check)
        against = Outcome.OK if tally.state is State.DOWN else Outcome.FAIL
        turned = last is None or last.result.outcome is not result.outcome
        return result.outcome is against and turned

    def evaluate(
        self,
        now: Instant,
        wall: UnixTime,
        confirm_after: Seconds,
        incidents: tuple[Incident, ...] = (),
    ) -> Evaluation:
        """Count the votes again where the verdict may change, and return the changes.

        `incidents` are those of the committed ledger.  An incident that opens or closes sets the
        verdict on every node: a follower counts a little later, and must not announce its own
        late change when it becomes master.
        """
        found = Evaluation(now, wall, confirm_after)
        found.changed = {i for i in self._touched if self._is_new(i)}
        toggled = self._open.follow(incidents)
        open_ = self._open.checks
        for ident in sorted(toggled & self._tallies.keys()):
            tally = self._tallies[ident]
            agreed = State.DOWN if ident in open_ else State.UP
            if tally.state is not agreed:
                self._record_change(ident, agreed, Basis.LEDGER, found)
                tally.set_state(agreed, self.checks[ident].changed, now, wall)
            self._touched.add(ident)
        if now >= self._sweep_at:
            self._touched.update(self._stale_at.take_due(now))  # `_update` puts them back
            self._sweep_at = max(self._stale_at.first(), Instant(now + SWEEP_S_MIN))
        touched, self._touched = self._touched, set()
        for ident in sorted(touched):
            if ident in self._tallies:
                self._update(ident, found, announced=ident in open_)
        return found

    @property
    def has_uncounted(self) -> bool:
        """Whether votes were recorded since the last evaluation."""
        return bool(self._touched)

    def _is_new(self, ident: CheckId) -> bool:
        """Return True if a check was not evaluated yet."""
        return ident in self._tallies and self._tallies[ident].since is None

    def _update(self, ident: CheckId, found: Evaluation, *, announced: bool) -> None:
        tally, now = self._tallies[ident], found.now
        tally.since = now if tally.since is None else tally.since
        fresh = self._fresh(ident, now)
        limit = freshness(self.checks[ident])
        stale = Instant(min((v.at + limit for v in fresh.values()), default=FOREVER))
        self._stale_at.put(ident, stale)
        self._sweep_at = min(self._sweep_at, stale)
        counted = {n: v for n, v in fresh.items() if v.result.outcome is not Outcome.ABSTAIN}
        state = self._count(fresh).state
        if tally.pending is State.DOWN is not state:
            self._record_doubt(ident, found)
        if state is tally.state:
            if tally.pending is not None:
                found.changed.add(ident)  # the doubt is over: the verdict may be announced
            tally.pending = None
            self._confirming.drop(ident)
            return
        quiet = state is State.UNKNOWN or (
            tally.state is State.UNKNOWN and state is State.UP and not announced
        )
        if tally.pending is not state:
            tally.pending, tally.pending_since = state, now
            tally.confirm_at, tally.first_at = Instant(now + found.confirm_after), {}
            tally.first = None if quiet else self._vote_count(ident, now, found.wall)
            self._confirming.put(ident, tally.confirm_at)
        if quiet or self._is_confirmed(tally, state, counted):
            if announced or State.DOWN in {tally.state, state}:
                self._record_change(ident, state, Basis.VOTES, found)
            tally.set_state(state, self.checks[ident].changed, now, found.wall)
            self._confirming.drop(ident)
            found.changed.add(ident)

    def _is_confirmed(self, tally: Tally, state: State, counted: dict[NodeId, Vote]) -> bool:
        """Return whether a second round gives the pending state.

        Either all have voted anew, or so many have voted for the state twice that the others
        cannot change the result.
        """
        assert tally.confirm_at is not None
        second, against = max(tally.pending_since, tally.confirm_at), AGAINST[state]
        anew = {n for n, v in counted.items() if v.at >= second and v.at > tally.pending_since}
        first = tally.first_at
        tally.first_at = {
            n: first.get(n, v.at) for n, v in counted.items() if v.result.outcome is not against
        }
        twice = {n for n in anew & tally.first_at.keys() if counted[n].at > tally.first_at[n]}
        worst = [v.result.outcome if n in twice else against for n, v in counted.items()]
        return anew == counted.keys() or state_of(worst, self._voters_count()) is state

    def _voters_count(self) -> int:
        return len(self._live_voters if self.majority_of_live else self._voters)

    def _record_change(self, ident: CheckId, state: State, basis: Basis, found: Evaluation) -> None:
        tally = self._tallies[ident]
        if not tally.votes or len(found.facts) >= FACTS_MAX:
            return
        began = tally.pending is state and tally.first is not None
        change = Judged(
            check=ident,
            check_name=self.checks[ident].name,
            was=tally.state,
            now=state,
            basis=basis,
            first=tally.first if began else None,
            last=self._vote_count(ident, found.now, found.wall),
            after_s=found.now - tally.pending_since if began else 0.0,
            confirm_after_s=found.confirm_after,
        )
        found.facts.append(change)

    def _record_doubt(self, ident: CheckId, found: Evaluation) -> None:
        if len(found.facts) >= FACTS_MAX:
            return
        tally = self._tallies[ident]
        assert tally.first is not None
        doubt = Doubted(
            check=ident,
            check_name=self.checks[ident].name,
            first=tally.first,
            last=self._vote_count(ident, found.now, found.wall),
            after_s=found.now - tally.pending_since,
            untold=0,
        )
        found.facts.append(doubt)

    def _vote_count(self, ident: CheckId, now: Instant, wall: UnixTime) -> VoteCount:
        assert self._document is not None
        votes = VoteCollection(
            document=self._document,
            voters=self._voters,
            live=self._voters if self._live is None else self._live,
            votes=self._tallies[ident].votes,
            limit_s=freshness(self.checks[ident]),
        )
        return votes.vote_count(self._count(self._fresh(ident, now)), now, wall)

    def take_due_probes(
        self, now: Instant, alarms: set[CheckId], pause: Seconds
    ) -> tuple[CheckId, ...]:
        """Return the checks that all nodes should probe now, and record that they were asked.

        These are the ones in `alarms` for which the last request is at least `pause` seconds
        old, and the ones whose second round is due.
        """
        due = set(self._confirming.take_due(now))
        for ident in alarms & self._tallies.keys():
            asked = self._tallies[ident].asked_at
            if asked is None or now - asked >= pause:
                due.add(ident)
        for ident in due:
            self._tallies[ident].asked_at = now
        return tuple(sorted(due))

    def deadline(self) -> Instant:
        """Return the time at which the next vote may go stale or a second round is due."""
        return min(self._sweep_at, self._confirming.first())

    def state(self, check: CheckId) -> State:
        """Return the verdict on a check."""
        tally = self._tallies.get(check)
        return tally.state if tally is not None else State.UNKNOWN

    def undisputed(self, check: CheckId) -> State | None:
        """Return the verdict on a check, or None while a different one is pending."""
        tally = self._tallies.get(check)
        return tally.state if tally is not None and tally.pending is None else None

    def was_up(self, check: Check) -> bool:
        """Return True if a check was UP as it is configured now."""
        tally = self._tallies.get(check.id)
        return tally is not None and tally.up_revision == check.changed

    def since(self, check: CheckId) -> UnixTime:
        """Return since when the verdict holds, by this node's wall clock."""
        tally = self._tallies.get(check)
        return tally.since_unix if tally is not None else UnixTime(0.0)

    def state_age_s(self, check: CheckId, now: Instant) -> Seconds:
        """Return how old the verdict is, by this node's boot clock."""
        tally = self._tallies.get(check)
        return 0.0 if tally is None or tally.since is None else max(0.0, now - tally.since)

    def count(self, check: CheckId, now: Instant) -> Count:
        """Return the number of fresh votes of each kind, and the state that they give."""
        return self._count(self._fresh(check, now) if check in self.checks else {})

    def evidence(
        self, check: CheckId, document: ClusterDocument, now: Instant
    ) -> tuple[Evidence, ...]:
        """Return every member's newest vote, by node id, and whether it is counted."""
        tally = self._tallies.get(check)
        if tally is None:
            return ()
        fresh = self._fresh(check, now)
        return tuple(
            Evidence(
                node=member.id,
                name=member.name,
                outcome=vote.result.outcome,
                latency_ms=vote.result.latency_ms,
                detail=vote.result.detail,
                age_s=max(0.0, now - vote.at),
                counted=member.id in fresh,
            )
            for member in document.members
            if (vote := tally.votes.get(member.id)) is not None
        )

    def is_enabled(self, check: CheckId) -> bool:
        """Return True if the check exists and is enabled."""
        return check in self.checks

    def vote(self, node: NodeId, check: CheckId) -> Vote | None:
        """Return a node's newest vote on a check, or None."""
        tally = self._tallies.get(check)
        return tally.votes.get(node) if tally is not None else None

    def votes_of(self, node: NodeId) -> list[Vote]:
        """Return the newest votes of one node, for a peer that may have missed them."""
        return [t.votes[node] for _, t in sorted(self._tallies.items()) if node in t.votes]

    @property
    def _live_voters(self) -> frozenset[NodeId]:
        return self._voters if self._live is None else self._voters & self._live

    def _fresh(self, ident: CheckId, now: Instant) -> dict[NodeId, Vote]:
        limit = freshness(self.checks[ident])
        voters, votes = self._live_voters, self._tallies[ident].votes
        return {n: v for n, v in votes.items() if n in voters and now - v.at < limit}

    def _count(self, fresh: dict[NodeId, Vote]) -> Count:
        outcomes = [v.result.outcome for v in fresh.values()]
        ok, fail = outcomes.count(Outcome.OK), outcomes.count(Outcome.FAIL)
        state = state_of(outcomes, self._voters_count())
        return Count(ok, fail, len(outcomes) - ok - fail, state)
