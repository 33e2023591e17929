"""Facts about rounds: flips and doubts, and for each vote why it counted or did not."""

from qutrio.core.checks.verdicts import FACTS_MAX, Verdicts, freshness
from qutrio.model.ids import CheckId, NodeId, UnixTime
from qutrio.model.journal import Basis, Doubted, Judged, Standing, VoteCount
from qutrio.model.results import Outcome, State
from tests.core.samples import WALL, WEB, A, B, C, D, E, at, check, document, incidents_on, result

OK, FAIL, ABSTAIN = Outcome.OK, Outcome.FAIL, Outcome.ABSTAIN
CONFIRM_S = 1.0


class Counting:
    """Verdicts about one check, found up by three voters at second 0."""

    def __init__(self) -> None:
        self.verdicts = Verdicts()
        self.verdicts.set_document(document(A, B, C, learners=[D], checks=[check()]), WALL)
        self.open: frozenset[CheckId] = frozenset()
        self.facts: list[Judged | Doubted] = []
        self.vote(0, n1=OK, n2=OK, n3=OK)

    def vote(self, now: float, **votes: Outcome) -> State:
        for node, outcome in votes.items():
            self.verdicts.record(NodeId(node), result(outcome, detail=f"at {now}"), at(now))
        found = self.verdicts.evaluate(
            at(now), UnixTime(WALL + now), CONFIRM_S, incidents_on(*self.open)
        )
        self.facts += found.facts
        return self.verdicts.state(WEB)

    def told(self) -> list[Judged | Doubted]:
        told, self.facts = self.facts, []
        return told


def standings(hard_state: VoteCount) -> dict[str, Standing]:
    return {cast.node: cast.standing for cast in hard_state.casts}


def test_coming_up_from_unknown_is_not_reported() -> None:
    assert Counting().told() == []


def test_a_flip_is_reported_with_both_rounds_and_the_time_between() -> None:
    count = Counting()
    count.vote(5, n1=FAIL, n2=FAIL)
    assert count.told() == []
    assert count.vote(6.5, n1=FAIL, n2=FAIL, n3=OK) is State.DOWN
    (flip,) = count.told()
    assert isinstance(flip, Judged)
    assert (flip.was, flip.now, flip.basis) == (State.UP, State.DOWN, Basis.VOTES)
    assert (flip.after_s, flip.confirm_after_s) == (1.5, CONFIRM_S)
    assert flip.first is not None
    assert (flip.first.at_unix, flip.last.at_unix) == (WALL + 5, WALL + 6.5)
    assert (flip.first.ok, flip.first.fail, flip.first.voters, flip.first.needed) == (1, 2, 3, 2)
    ages = {cast.node: cast.age_s for cast in flip.first.casts}
    assert ages == {A: 0.0, B: 0.0, C: 5.0, D: 0.0}
    assert [cast.detail for cast in flip.last.casts] == ["at 6.5", "at 6.5", "at 6.5", ""]


def test_a_round_lists_every_member_and_why_its_vote_counted_or_did_not() -> None:
    verdicts = Verdicts()
    held = document(A, B, C, D, E, NodeId("n6"), learners=[NodeId("n7")], checks=[check()])
    verdicts.set_document(held, WALL)
    later = freshness(check())
    for node, outcome, moment in (
        ("n1", FAIL, later), ("n2", FAIL, later), ("n3", ABSTAIN, later), ("n4", FAIL, later),
        ("n5", FAIL, 0), ("n7", FAIL, later),
    ):  # fmt: skip
        verdicts.record(NodeId(node), result(outcome), at(moment))
    verdicts.set_live(frozenset(map(NodeId, ("n1", "n2", "n3", "n5", "n6", "n7"))))
    flip = verdicts.evaluate(at(later), WALL, CONFIRM_S, incidents_on(WEB)).facts[0]
    assert isinstance(flip, Judged)
    assert standings(flip.last) == {
        "n1": Standing.COUNTED,
        "n2": Standing.COUNTED,
        "n3": Standing.ABSTAINED,
        "n4": Standing.DEAD,
        "n5": Standing.STALE,
        "n6": Standing.SILENT,
        "n7": Standing.LEARNER,
    }
    assert (flip.last.fail, flip.last.abstain, flip.last.state) == (2, 1, State.UNKNOWN)


def test_one_bad_round_is_reported_as_a_doubt() -> None:
    count = Counting()
    count.vote(5, n1=FAIL, n2=FAIL)
    assert count.vote(5.5, n1=OK) is State.UP
    (doubt,) = count.told()
    assert isinstance(doubt, Doubted)
    assert (doubt.first.fail, doubt.last.fail, doubt.after_s) == (2, 1, 0.5)
    assert doubt.check_name == WEB


def test_a_bad_round_that_ends_with_too_few_votes_is_a_doubt_and_unknown_is_not_reported() -> None:
    count = Counting()
    count.vote(5, n1=FAIL, n2=FAIL)
    assert count.vote(6, n1=ABSTAIN, n2=ABSTAIN) is State.UNKNOWN
    (doubt,) = count.told()
    assert isinstance(doubt, Doubted)
    assert doubt.last.state is State.UNKNOWN


def test_a_doubt_about_a_recovery_is_not_reported() -> None:
    count = Counting()
    count.vote(5, n1=FAIL, n2=FAIL, n3=FAIL)
    count.vote(7, n1=FAIL, n2=FAIL, n3=FAIL)
    count.told()
    count.vote(9, n1=OK, n2=OK)
    assert count.vote(9.5, n1=FAIL) is State.DOWN
    assert count.told() == []


def test_a_flip_by_the_ledger_is_reported_with_the_rounds_that_were_counted_here() -> None:
    count = Counting()
    count.vote(5, n1=FAIL, n2=FAIL)
    count.open = frozenset({WEB})
    assert count.vote(5.5) is State.DOWN
    (flip,) = count.told()
    assert isinstance(flip, Judged)
    assert flip.basis is Basis.LEDGER
    assert flip.first is not None
    assert flip.after_s == 0.5
    count.open = frozenset()
    assert count.vote(6) is State.UP
    recovery = count.told()[0]
    assert isinstance(recovery, Judged)
    assert (recovery.was, recovery.first, recovery.after_s) == (State.DOWN, None, 0.0)


def test_a_node_without_votes_reports_no_flip_by_the_ledger() -> None:
    verdicts = Verdicts()
    verdicts.set_document(document(A, checks=[check()]), WALL)
    found = verdicts.evaluate(at(0), WALL, CONFIRM_S, incidents_on(WEB))
    assert verdicts.state(WEB) is State.UNKNOWN  # because no votes are no verdict
    assert found.facts == []


def test_unknown_and_its_end_are_reported_while_an_incident_is_open() -> None:
    count = Counting()
    count.open = frozenset({WEB})
    count.vote(5, n1=FAIL, n2=FAIL, n3=FAIL)
    count.told()
    assert count.vote(6, n1=ABSTAIN, n2=ABSTAIN) is State.UNKNOWN
    count.vote(7, n1=OK, n2=OK)
    assert count.vote(9, n1=OK, n2=OK, n3=OK) is State.UP
    flips = [(f.was, f.now, f.first is None) for f in count.told() if isinstance(f, Judged)]
    assert flips == [
        (State.DOWN, State.UNKNOWN, True),
        (State.UNKNOWN, State.UP, False),
    ]


def test_an_evaluation_reports_a_bounded_number_of_facts() -> None:
    many = [check(CheckId(f"c{n}")) for n in range(FACTS_MAX + 10)]
    verdicts = Verdicts()
    verdicts.set_document(document(A, checks=many), WALL)
    every = {c.id for c in many}
    for moment, outcome in ((0, OK), (5, FAIL), (7, OK)):
        for ident in every:
            verdicts.record(A, result(outcome, ident), at(moment))
        found = verdicts.evaluate(at(moment), WALL, CONFIRM_S)
    assert len(found.facts) == FACTS_MAX
    found = verdicts.evaluate(at(8), WALL, CONFIRM_S, incidents_on(*every))
    assert len(found.facts) == FACTS_MAX
