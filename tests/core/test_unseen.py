"""UNSEEN and SEEN are sent once for each channel and cause of checks without a verdict."""

from collections.abc import Iterable

import pytest
from attrs import evolve

from qutrio.core.alerting.ages import IncidentAges
from qutrio.core.alerting.notices import NoticeInputs
from qutrio.core.alerting.outbox import drop_unreachable
from qutrio.core.alerting.unseen import CAUSES_PER_STEP_MAX, UnseenTracker
from qutrio.core.checks.verdicts import Verdicts
from qutrio.core.consensus.applying import keep_former
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import CheckId, IncidentId, Term, UnixTime
from qutrio.model.incidents import Ledger, Notice, NoticeKind
from qutrio.model.results import Outcome, Result, State
from qutrio.model.unseen import CHECKS_LISTED_MAX, Unseen
from tests.core.samples import (
    DB,
    HOOK,
    MAIL,
    WALL,
    WEB,
    A,
    B,
    C,
    at,
    check,
    delivery,
    document,
    hook,
)

HELD = document(A, B, C, checks=[check(), check(DB)], channels=[hook()])
ALL = frozenset({A, B, C})
NO_ANSWER = "this node's resolver gives no answers, not only for example.org (timed out)"
SILENT = "node-n1: no result; node-n2: no result; node-n3: no result"


class Watcher:
    """A master alone with its ledger: every write is committed at once, in memory."""

    def __init__(self, held: ClusterDocument = HELD, ledger: Ledger | None = None) -> None:
        self.held, self.ledger, self.now = held, ledger or Ledger(), 0.0
        self.verdicts, self.ages, self.unseen_tracker = Verdicts(), IncidentAges(), UnseenTracker()
        self.ages.update(self.ledger, at(0), WALL)
        self.unseen_tracker.take_over(at(0))
        self.look()

    @property
    def inputs(self) -> NoticeInputs:
        """Return what the master knows now."""
        return NoticeInputs(
            document=self.held,
            verdicts=self.verdicts,
            term=Term(1),
            now=at(self.now),
            wall=UnixTime(WALL + self.now),
            ages=self.ages,
            live=ALL,
        )

    def look(self) -> None:
        """Count the votes, and bring the ledger up to date."""
        wall = UnixTime(WALL + self.now)
        self.verdicts.set_document(self.held, wall)
        found = self.verdicts.evaluate(at(self.now), wall, 1.0)
        self.verdicts.take_due_probes(at(self.now), set(), 1.0)
        self.ledger = self.unseen_tracker.update(self.ledger, self.inputs, found.changed)
        self.ages.update(self.ledger, at(self.now), wall)

    def run(self, seconds: float) -> None:
        """Let time pass, and evaluate at each deadline."""
        until = self.now + seconds
        while (soon := min(self.unseen_tracker.deadline(), self.verdicts.deadline())) <= until:
            self.now = max(self.now + 0.001, soon)
            self.look()
        self.now = until
        self.look()

    def vote(self, outcome: Outcome, *checks: CheckId, detail: str = "") -> None:
        """Let every node cast this vote now."""
        for ident in checks or (WEB, DB):
            changed = next(c.changed for c in self.held.checks if c.id == ident)
            said = Result(check=ident, changed=changed, outcome=outcome, detail=detail)
            for node in sorted(ALL):
                self.verdicts.record(node, said, at(self.now))
        self.look()

    @property
    def told(self) -> list[Notice]:
        """Return all waiting notices."""
        return [d.notice for d in self.ledger.outbox]


def kinds(notices: Iterable[Notice]) -> list[tuple[str, str]]:
    """Return the kind and the checks of each notice."""
    return [(n.kind.value, n.check_name) for n in notices]


# --- when ------------------------------------------------------------------------------------


def test_checks_without_a_verdict_are_announced_once_and_together() -> None:
    watcher = Watcher()
    watcher.run(119)
    assert watcher.told == []
    watcher.run(2)
    (notice,) = watcher.told
    assert (notice.kind, notice.check_name, notice.lasted_s) == (NoticeKind.UNSEEN, "2 checks", 120)
    assert (notice.id, notice.incident, notice.since_unix) == ("unseen-2.unseen", "unseen-2", WALL)
    assert notice.unseen is not None
    assert [(c.name, c.state) for c in notice.unseen.checks] == [
        ("db", State.UNKNOWN),
        ("web", State.UNKNOWN),
    ]
    assert notice.unseen.cause == SILENT
    watcher.run(4000)
    assert watcher.told == [notice]


def test_the_end_is_announced_when_the_last_of_them_has_a_verdict_again() -> None:
    watcher = Watcher()
    watcher.run(130)
    watcher.vote(Outcome.OK, WEB)
    assert len(watcher.told) == 1
    watcher.vote(Outcome.OK, DB)
    seen = watcher.told[-1]
    assert (seen.kind, seen.id, seen.check_name) == (NoticeKind.SEEN, "unseen-2.seen", "db")
    assert seen.lasted_s == 130.0
    assert seen.unseen is not None
    assert [(c.id, c.state) for c in seen.unseen.checks] == [(DB, State.UP)]
    assert (watcher.ledger.unjudged, watcher.ledger.unseen) == ((), ())
    first, second = watcher.ledger.outbox
    assert first.lane == second.lane


def test_a_verdict_that_is_lost_again_is_announced_again() -> None:
    watcher = Watcher()
    watcher.run(110)
    watcher.vote(Outcome.OK)
    watcher.run(100)  # stale after 30 s
    assert watcher.told == []
    watcher.run(60)
    assert kinds(watcher.told) == [("unseen", "2 checks")]
    assert watcher.told[0].lasted_s == pytest.approx(120.0)


@pytest.mark.parametrize(
    ("interval_s", "setting_s", "bound"),
    [(10, 0, 120), (60, 0, 300), (1000, 0, 3600), (60, 600, 600), (1000, 120, 120)],
)
def test_the_bound_is_five_intervals_or_what_is_set(
    interval_s: float, setting_s: float, bound: float
) -> None:
    held = document(A, settings=Settings(unseen_after_s=setting_s))
    assert UnseenTracker().bound_s(check(interval_s=interval_s), held) == bound


def test_a_shorter_setting_counts_for_what_waits_already() -> None:
    slow = [check(interval_s=600.0, timeout_s=1.0)]
    watcher = Watcher(document(A, B, C, checks=slow, channels=[hook()]))
    watcher.run(700)
    assert watcher.told == []
    watcher.held = evolve(watcher.held, settings=Settings(unseen_after_s=900.0))
    watcher.run(199)
    assert watcher.told == []
    watcher.run(2)
    assert kinds(watcher.told) == [("unseen", "web")]
    watcher.run(3000)
    assert len(watcher.told) == 1


def test_a_check_that_is_about_to_get_a_verdict_is_not_announced() -> None:
    """Most vote already that it is down; the second round is still to come."""
    watcher = Watcher()
    watcher.run(110)
    watcher.vote(Outcome.FAIL)
    watcher.run(20)
    assert watcher.told == []


def test_below_its_level_nothing_is_sent_or_written() -> None:
    watcher = Watcher(evolve(HELD, level=1))
    watcher.run(1000)
    assert watcher.ledger == Ledger()


def test_another_master_goes_on_where_the_last_one_stopped() -> None:
    first = Watcher()
    first.run(100)
    assert [u.told for u in first.ledger.unjudged] == [None, None]
    first.unseen_tracker.take_over(at(first.now))
    first.run(19)
    assert first.told == []
    first.run(10)
    assert kinds(first.told) == [("unseen", "2 checks")]


def test_a_new_master_sends_nothing_before_a_whole_round_of_probes() -> None:
    """It has not heard all votes yet, however old the ledger says that it is."""
    first = Watcher()
    first.run(60)
    late = Watcher(ledger=first.ledger)
    late.ages.record_reports(B, tuple((u.id, 900.0) for u in first.ledger.unjudged), at(0))
    late.unseen_tracker.invalidate()
    late.run(20)
    assert late.told == []
    late.run(40)
    assert kinds(late.told) == [("unseen", "2 checks")]


def test_a_node_that_is_not_master_evaluates_nothing() -> None:
    watcher = Watcher()
    watcher.unseen_tracker.stop()
    assert watcher.unseen_tracker.deadline() == float("inf")


# --- notices and channels -------------------------------------------------------------------


def test_later_checks_of_the_same_cause_are_covered_and_the_end_waits_for_them() -> None:
    watcher = Watcher()
    watcher.run(25)
    watcher.vote(Outcome.OK, DB)
    watcher.run(55)
    watcher.vote(Outcome.OK, DB)
    watcher.run(45)
    assert kinds(watcher.told) == [("unseen", "web")]
    watcher.run(200)
    assert [len(u.told or ()) for u in watcher.ledger.unjudged] == [1, 1]
    watcher.vote(Outcome.OK, WEB)
    assert len(watcher.told) == 1
    watcher.vote(Outcome.OK, DB)
    assert kinds(watcher.told) == [("unseen", "web"), ("seen", "db")]


def test_another_cause_is_another_notice() -> None:
    watcher = Watcher()
    watcher.run(110)
    watcher.vote(Outcome.ABSTAIN, DB, detail=NO_ANSWER)
    watcher.run(15)
    assert kinds(watcher.told) == [("unseen", "db"), ("unseen", "web")]
    assert len({d.lane for d in watcher.ledger.outbox}) == 2


def test_each_channel_is_notified_of_its_own_checks() -> None:
    checks = [check(), check(DB, alerts=("mail",))]
    channels = [hook(), hook(MAIL, default=False)]
    watcher = Watcher(document(A, B, C, checks=checks, channels=channels))
    watcher.run(130)
    assert [(d.channel, d.notice.check_name) for d in watcher.ledger.outbox] == [
        (HOOK, "2 checks"),
        (MAIL, "db"),
    ]
    watcher.vote(Outcome.OK, DB)
    assert [d.channel for d in watcher.ledger.outbox[2:]] == [MAIL]
    watcher.vote(Outcome.OK, WEB)
    assert [d.channel for d in watcher.ledger.outbox[3:]] == [HOOK]


def test_a_check_without_channels_is_recorded_and_not_sent() -> None:
    watcher = Watcher(document(A, B, C, checks=[check()]))
    watcher.run(500)
    assert [u.told for u in watcher.ledger.unjudged] == [()]
    watcher.vote(Outcome.OK, WEB)
    assert watcher.ledger == Ledger(sequence=watcher.ledger.sequence)


@pytest.mark.parametrize("waited_s", [60, 130])
def test_a_disabled_check_ends_its_announcement_if_there_was_one(waited_s: float) -> None:
    watcher = Watcher()
    watcher.run(waited_s)
    watcher.held = evolve(HELD, checks=(check(DB, enabled=False),))
    watcher.look()
    assert watcher.ledger.unjudged == ()
    if waited_s < 120:
        assert watcher.told == []
        return
    seen = watcher.told[-1]
    assert seen.unseen is not None
    assert [(c.name, c.state) for c in seen.unseen.checks] == [("db", None), ("web", None)]


def test_a_new_master_names_a_check_that_is_gone_by_its_id() -> None:
    first = Watcher()
    first.run(130)
    late = Watcher(document(A, B, C, channels=[hook()]), ledger=first.ledger)
    assert late.told[-1].unseen is not None
    assert [c.name for c in late.told[-1].unseen.checks] == [DB, WEB]


def test_thousands_of_checks_are_one_notice_with_a_bounded_list_and_a_count() -> None:
    many = CAUSES_PER_STEP_MAX + 20
    checks = [check(CheckId(f"c{n:04}")) for n in range(many)]
    watcher = Watcher(document(A, B, C, checks=checks, channels=[hook()]))
    watcher.run(130)
    (notice,) = watcher.told
    assert notice.unseen is not None
    assert (notice.unseen.count, len(notice.unseen.checks)) == (500, CHECKS_LISTED_MAX)
    assert all(u.told == (notice.incident,) for u in watcher.ledger.unjudged)


def test_an_end_that_lists_no_checks_is_sent_anyway() -> None:
    """A later version may have written it so."""
    first = Watcher(document(A, B, C, checks=[check()]))
    first.run(130)
    stray = Unseen(id=IncidentId("unseen-9"), channel=HOOK, cause="", since_unix=WALL, noted_s=5.0)
    watcher = Watcher(document(A, B, C), ledger=evolve(first.ledger, unseen=(stray,)))
    (seen,) = watcher.told
    assert (seen.id, seen.check_name, seen.evidence) == ("unseen-9.seen", "0 checks", ())


def test_the_end_of_a_notice_that_is_not_committed_yet_lasted_as_long_as_it_says() -> None:
    watcher = Watcher()
    watcher.run(130)
    watcher.ages = IncidentAges()
    watcher.vote(Outcome.OK)
    assert watcher.told[-1].lasted_s == 120.0


# --- channels that are removed ---------------------------------------------------------------

GROUP = Unseen(id=IncidentId("unseen-1"), channel=HOOK, cause="", since_unix=WALL, noted_s=120.0)
BEGIN = delivery(CheckId("unseen"), 1, kind=NoticeKind.UNSEEN)


def test_the_settings_of_a_removed_channel_are_kept_for_the_end() -> None:
    gone = evolve(HELD, channels=())
    kept = keep_former(Ledger(unseen=(GROUP,)), HELD, gone)
    assert kept.former == (hook(),)
    assert keep_former(Ledger(), HELD, gone).former == ()


@pytest.mark.parametrize("tried", [True, False])
def test_a_beginning_that_nobody_tried_is_dropped_with_its_end(tried: bool) -> None:
    ledger = Ledger(unseen=(GROUP,), outbox=(BEGIN,))
    left = drop_unreachable(ledger, evolve(HELD, channels=()), lambda _: tried)
    assert left == Ledger(unseen=(GROUP,) if tried else ())
