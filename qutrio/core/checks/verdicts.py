"""What the cluster makes of its members' votes on each check.

Theory of operation.  A vote counts while it is fresh, by the receiver's clock, while its
caster is alive, and while it is about the check as it stands now.  With fewer than a majority
of the voters counted the state is UNKNOWN; else DOWN needs more than half of the counted
votes, and a tie is UP.  A flip needs two *rounds*: the votes that first gave the new state,
and then a new vote of every counted voter, cast `confirm_after` seconds later or more.  So one
bad round on every node pages nobody.  Going to UNKNOWN, and coming up from it without an open
incident, announces nothing and takes one round.

The first vote against the state makes the master ask everybody to probe at once, and so does
the beginning of a second round: it takes a moment, not an interval.
"""

from attrs import define, field

from qutrio.core.checks.votes import Count, Serial, Vote, VoteCollection, state_of
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import FOREVER, CheckId, Instant, NodeId, Revision, Seconds, UnixTime
from qutrio.model.journal import Basis, Doubted, Judged, VoteCount
from qutrio.model.results import Evidence, Outcome, Result, State

FRESH_INTERVALS = 3
FRESH_S_MIN: Seconds = 30.0
SWEEP_S_MIN: Seconds = 1.0
"""Votes are looked over for stale ones at most this often."""
FACTS_MAX = 1000
"""Flips and doubts of one evaluation, and of one step, that are written down."""


def freshness(check: Check) -> Seconds:
    """Return for how long a vote counts: three intervals, at least 30 s.

    A check whose attempts take longer than its interval gets the time for two of them.
    """
    attempt = check.interval_s + (check.retries + 1) * check.timeout_s
    return max(FRESH_S_MIN, FRESH_INTERVALS * check.interval_s, 2 * attempt)


@define
class Evaluation:
    """One evaluation of the tallies, and what came of it."""

    now: Instant
    wall: UnixTime
    confirm_after: Seconds
    changed: set[CheckId] = field(factory=set)
    """Checks to announce, or to look at again."""
    facts: list[Judged | Doubted] = field(factory=list)
    """What is worth writing down, at most `FACTS_MAX`."""


@define
class Tally:
    """The votes on one check, the state that stands, and the one that may replace it."""

    votes: dict[NodeId, Vote] = field(factory=dict)
    state: State = State.UNKNOWN
    since_unix: UnixTime = UnixTime(0.0)
    since: Instant | None = None
    """Since when the state stands; None until the tally is looked at."""
    candidate: State | None = None
    candidate_at: Instant = Instant(0.0)
    first: VoteCount | None = None
    confirm_at: Instant | None = None
    asked_at: Instant | None = None
    up_in: Revision | None = None
    """The revision of the check in which it was seen up last."""

    def stands(self, state: State, changed: Revision, now: Instant, wall: UnixTime) -> None:
        """Let a state stand from now on, of the check as of revision `changed`."""
        self.state, self.since_unix, self.since, self.candidate = state, wall, now, None
        if state is State.UP:
            self.up_in = changed


@define
class Verdicts:
    """All tallies of one node.  Every node counts; only the acting master announces."""

    _tallies: dict[CheckId, Tally] = field(factory=dict)
    checks: dict[CheckId, Check] = field(factory=dict)  # those that are enabled; replaced whole
    _voters: frozenset[NodeId] = frozenset()
    _document: ClusterDocument | None = None
    parted: dict[CheckId, State] = field(factory=dict)
    """The last states of what the newest document does not let this node watch any more."""
    _touched: set[CheckId] = field(factory=set)
    _confirming: dict[CheckId, Instant] = field(factory=dict)
    _stale_at: dict[CheckId, Instant] = field(factory=dict)
    _sweep_at: Instant = FOREVER
    _open: frozenset[CheckId] = frozenset()
    _live: frozenset[NodeId] | None = None
    among_living: bool = False
    """Whether a majority of the living voters is enough, as in a minority that pages."""

    def follow(self, document: ClusterDocument, wall: UnixTime) -> None:
        """Take over a document: votes on checks that changed are forgotten."""
        if document is self._document:
            return
        self._document = document
        self._voters = document.voters
        self.checks = {c.id: c for c in document.checks if c.enabled}
        self.parted = {}
        for gone in [i for i in self._tallies if i not in self.checks]:
            self.parted[gone] = self._tallies.pop(gone).state
            self._stale_at.pop(gone, None)
            self._confirming.pop(gone, None)
        members = {m.id for m in document.members}
        for ident, check in self.checks.items():
            tally = self._tallies.setdefault(ident, Tally(since_unix=wall))
            tally.votes = {
                node: vote
                for node, vote in tally.votes.items()
                if node in members and vote.result.changed == check.changed
            }
            self._touched.add(ident)

    def attend(self, live: frozenset[NodeId]) -> None:
        """Count the votes of living members only: a dead one could never confirm its vote."""
        if live != self._live:
            self._live = live
            self._touched |= self._tallies.keys()

    def record(
        self, node: NodeId, result: Result, at: Instant, serial: Serial | None = None
    ) -> bool:
        """Take in a vote cast at `at`; tell whether it is the first against the state.

        A vote on a check that is not there, or on an older version of it, is dropped, and so is
        one that was taken in before: coming again makes no vote younger.
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
        self, now: Instant, wall: UnixTime, confirm_after: Seconds, open_: frozenset[CheckId]
    ) -> Evaluation:
        """Bring every tally that may have changed up to `now`, and return what came of it.

        `open_` are the checks with an open incident, as a majority knows.  An incident that
        opens or closes decides the state on every node: a follower counts a moment later, and
        must not take its own belated count for a flip when it becomes master.
        """
        found = Evaluation(now, wall, confirm_after)
        found.changed = {i for i in self._touched if self._is_new(i)}
        for ident in sorted((open_ ^ self._open) & self._tallies.keys()):
            tally = self._tallies[ident]
            agreed = State.DOWN if ident in open_ else State.UP
            if tally.state is not agreed:
                self._tell_flip(ident, agreed, Basis.LEDGER, found)
                tally.stands(agreed, self.checks[ident].changed, now, wall)
            self._touched.add(ident)
        self._open = open_
        if now >= self._sweep_at:
            self._touched |= {i for i, at in self._stale_at.items() if at <= now}
            soonest = min((at for at in self._stale_at.values() if at > now), default=FOREVER)
            self._sweep_at = max(soonest, Instant(now + SWEEP_S_MIN))
        touched, self._touched = self._touched, set()
        for ident in sorted(touched):
            if ident in self._tallies:
                self._judge(ident, found, announced=ident in open_)
        return found

    @property
    def uncounted(self) -> bool:
        """Tell whether votes were taken in that no evaluation has counted."""
        return bool(self._touched)

    def _is_new(self, ident: CheckId) -> bool:
        """Tell whether no evaluation has looked at a check yet."""
        return ident in self._tallies and self._tallies[ident].since is None

    def _judge(self, ident: CheckId, found: Evaluation, *, announced: bool) -> None:
        tally, now = self._tallies[ident], found.now
        tally.since = now if tally.since is None else tally.since
        fresh = self._fresh(ident, now)
        limit = freshness(self.checks[ident])
        stale = Instant(min((v.at + limit for v in fresh.values()), default=FOREVER))
        self._stale_at[ident] = stale
        self._sweep_at = min(self._sweep_at, stale)
        counted = {n: v for n, v in fresh.items() if v.result.outcome is not Outcome.ABSTAIN}
        state = self._count(fresh).state
        if tally.candidate is State.DOWN is not state:
            self._tell_doubt(ident, found)
        if state is tally.state:
            if tally.candidate is not None:
                found.changed.add(ident)  # the doubt is over: what stands may be announced
            tally.candidate = None
            self._confirming.pop(ident, None)
            return
        quiet = state is State.UNKNOWN or (
            tally.state is State.UNKNOWN and state is State.UP and not announced
        )
        if tally.candidate is not state:
            tally.candidate, tally.candidate_at = state, now
            tally.confirm_at = Instant(now + found.confirm_after)
            tally.first = None if quiet else self._vote_count(ident, now, found.wall)
            self._confirming[ident] = tally.confirm_at
        assert tally.confirm_at is not None
        second = max(tally.candidate_at, tally.confirm_at)
        confirmed = all(v.at >= second and v.at > tally.candidate_at for v in counted.values())
        if quiet or confirmed:
            if announced or State.DOWN in {tally.state, state}:
                self._tell_flip(ident, state, Basis.VOTES, found)
            tally.stands(state, self.checks[ident].changed, now, found.wall)
            self._confirming.pop(ident, None)
            found.changed.add(ident)

    def _tell_flip(self, ident: CheckId, state: State, basis: Basis, found: Evaluation) -> None:
        tally = self._tallies[ident]
        if not tally.votes or len(found.facts) >= FACTS_MAX:
            return
        began = tally.candidate is state and tally.first is not None
        flip = Judged(
            check=ident,
            check_name=self.checks[ident].name,
            was=tally.state,
            now=state,
            basis=basis,
            first=tally.first if began else None,
            last=self._vote_count(ident, found.now, found.wall),
            after_s=found.now - tally.candidate_at if began else 0.0,
            confirm_after_s=found.confirm_after,
        )
        found.facts.append(flip)

    def _tell_doubt(self, ident: CheckId, found: Evaluation) -> None:
        if len(found.facts) >= FACTS_MAX:
            return
        tally = self._tallies[ident]
        assert tally.first is not None
        doubt = Doubted(
            check=ident,
            check_name=self.checks[ident].name,
            first=tally.first,
            last=self._vote_count(ident, found.now, found.wall),
            after_s=found.now - tally.candidate_at,
            untold=0,
        )
        found.facts.append(doubt)

    def _vote_count(self, ident: CheckId, now: Instant, wall: UnixTime) -> VoteCount:
        assert self._document is not None
        poll = VoteCollection(
            document=self._document,
            voters=self._voters,
            live=self._voters if self._live is None else self._live,
            votes=self._tallies[ident].votes,
            limit_s=freshness(self.checks[ident]),
        )
        return poll.vote_count(self._count(self._fresh(ident, now)), now, wall)

    def to_probe(self, now: Instant, alarms: set[CheckId], pause: Seconds) -> tuple[CheckId, ...]:
        """Return the checks that everybody should probe now, and note that they were told.

        These are the ones in `alarms` that were not asked about within `pause` seconds, and
        the ones whose second round is due.
        """
        due = {i for i, at in self._confirming.items() if at <= now}
        for ident in due:
            del self._confirming[ident]
        for ident in alarms & self._tallies.keys():
            asked = self._tallies[ident].asked_at
            if asked is None or now - asked >= pause:
                due.add(ident)
        for ident in due:
            self._tallies[ident].asked_at = now
        return tuple(sorted(due))

    def deadline(self) -> Instant:
        """Return when the next vote may go stale or the next second round is due."""
        return min(self._sweep_at, min(self._confirming.values(), default=FOREVER))

    def state(self, check: CheckId) -> State:
        """Return the state that stands."""
        tally = self._tallies.get(check)
        return tally.state if tally is not None else State.UNKNOWN

    def certain(self, check: CheckId) -> State | None:
        """Return the state that stands, or None while the newest votes speak against it."""
        tally = self._tallies.get(check)
        return tally.state if tally is not None and tally.candidate is None else None

    def seen_up(self, check: Check) -> bool:
        """Tell whether a check was seen up as it is configured now."""
        tally = self._tallies.get(check.id)
        return tally is not None and tally.up_in == check.changed

    def since(self, check: CheckId) -> UnixTime:
        """Return since when the state stands, by this node's wall clock."""
        tally = self._tallies.get(check)
        return tally.since_unix if tally is not None else UnixTime(0.0)

    def stands_for(self, check: CheckId, now: Instant) -> Seconds:
        """Return for how long the state has stood, by this node's boot clock."""
        tally = self._tallies.get(check)
        return 0.0 if tally is None or tally.since is None else max(0.0, now - tally.since)

    def count(self, check: CheckId, now: Instant) -> Count:
        """Return the fresh votes by kind, and the state they alone would give."""
        return self._count(self._fresh(check, now) if check in self.checks else {})

    def evidence(
        self, check: CheckId, document: ClusterDocument, now: Instant
    ) -> tuple[Evidence, ...]:
        """Return every member's newest vote, by node id; `counted` are the ones that count."""
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

    def follows(self, check: CheckId) -> bool:
        """Tell whether the check exists and is enabled."""
        return check in self.checks

    def vote(self, node: NodeId, check: CheckId) -> Vote | None:
        """Return a node's newest vote on a check, if it cast any."""
        tally = self._tallies.get(check)
        return tally.votes.get(node) if tally is not None else None

    def votes_of(self, node: NodeId) -> list[Vote]:
        """Return the newest votes of one node, for telling a peer that may have missed them."""
        return [t.votes[node] for _, t in sorted(self._tallies.items()) if node in t.votes]

    @property
    def _living(self) -> frozenset[NodeId]:
        return self._voters if self._live is None else self._voters & self._live

    def _fresh(self, ident: CheckId, now: Instant) -> dict[NodeId, Vote]:
        limit = freshness(self.checks[ident])
        voters, votes = self._living, self._tallies[ident].votes
        return {n: v for n, v in votes.items() if n in voters and now - v.at < limit}

    def _count(self, fresh: dict[NodeId, Vote]) -> Count:
        outcomes = [v.result.outcome for v in fresh.values()]
        ok, fail = outcomes.count(Outcome.OK), outcomes.count(Outcome.FAIL)
        voters = len(self._living if self.among_living else self._voters)
        return Count(ok, fail, len(outcomes) - ok - fail, state_of(outcomes, voters))
