"""Each node records who was master and why that ended; a reader makes a history of it."""

import pytest

from qutrio.core.api.effects import Effect, Journal, LogFact
from qutrio.core.api.events import Event, Received, RemovalReported, Stop, Tick, YieldRequested
from qutrio.core.api.facts import Resigned, RoleClaimed
from qutrio.core.api.messages import Heartbeat, Resign
from qutrio.core.api.mutations import RemoveMember
from qutrio.core.journal.leadership_history import (
    EXPELLED,
    GAVE_UP,
    HIGHER_TERM,
    HOUR_S,
    RAN_OUT,
    REASON_CHARS_MAX,
    REMOVED,
    SILENT,
    TERMS_PER_HOUR_MAX,
    LeadershipHistory,
    MasterTerm,
    Outcome,
    master_terms,
)
from qutrio.model.ids import NodeId, Revision, Term
from qutrio.model.journal import Fact, Named, RoleLeft, RoleTaken
from tests.core.journal_facts import ALPHA, BRAVO, opened, role_left, role_taken, started, stopped
from tests.core.leaderships import leadership
from tests.core.node_cluster import HELD, NodeCluster, elected_cluster
from tests.core.samples import DEAD_S, WALL, A, B, C, at, document, heartbeat, record


def written(cluster: NodeCluster, name: NodeId) -> list[Fact]:
    facts = [j.entry.fact for n, j in cluster.effects_of(Journal) if n == name]
    return [fact for fact in facts if isinstance(fact, RoleTaken | RoleLeft)]


def named(node: NodeId) -> Named:
    return Named(node, f"node-{node}")


def took(node: NodeId, term: int, untold: int = 0) -> RoleTaken:
    return RoleTaken(master=named(node), term=Term(term), untold=untold)


def left(node: NodeId, term: int, reason: str) -> RoleLeft:
    return RoleLeft(master=named(node), term=Term(term), reason=reason)


# --- whole nodes ----------------------------------------------------------------------------


def test_every_node_records_a_new_master_once() -> None:
    cluster = NodeCluster(HELD)
    cluster.run(30)
    assert [written(cluster, n) for n in (A, B, C)] == [[took(A, 1)]] * 3


def test_a_master_that_dies_fell_silent_and_its_heir_follows() -> None:
    cluster = elected_cluster()
    cluster.crash(A)
    cluster.run(DEAD_S + 3)
    assert written(cluster, C) == [left(A, 1, SILENT), took(B, 2)]


def test_a_transfer_by_hand_is_recorded_as_one_by_all_nodes() -> None:
    cluster = elected_cluster()
    cluster.handle(B, YieldRequested(C))
    cluster.run(2)
    moved = [left(A, 1, "moved by hand"), took(C, 2)]
    assert [written(cluster, n) for n in (A, B, C)] == [moved] * 3


def test_a_master_that_stops_records_it_and_tells_the_others() -> None:
    cluster = elected_cluster()
    cluster.handle(A, Stop())
    assert written(cluster, A) == [left(A, 1, "stopping")]
    assert written(cluster, C)[0] == left(A, 1, "stopping")


def test_a_master_that_is_cut_off_records_its_own_reason() -> None:
    cluster = elected_cluster()
    cluster.cut_off(A)
    cluster.run(DEAD_S + 3)
    (end,) = written(cluster, A)
    assert isinstance(end, RoleLeft)
    assert end.reason in {RAN_OUT, "no longer hears a majority"}
    assert written(cluster, B) == [left(A, 1, SILENT), took(B, 2)]


def test_a_removed_node_records_that_and_nothing_after_it() -> None:
    cluster = elected_cluster()
    cluster.propose(B, RemoveMember(node=C))
    cluster.run(DEAD_S + 3)
    assert written(cluster, C) == [left(A, 1, EXPELLED)]
    cluster = elected_cluster()
    for teller in (B, C):
        cluster.handle(A, RemovalReported(teller, Revision(2)))
    assert written(cluster, A) == [left(A, 1, "is no longer a member")]


# --- one node -------------------------------------------------------------------------------


class Watcher:
    """Node C, which is told by the test who is master."""

    def __init__(self) -> None:
        self.leadership = leadership(C, document(A, B, C))
        self.history = LeadershipHistory(self.leadership)

    def hears(self, node: NodeId, term: int, now: float, event: Event | None = None) -> list[Fact]:
        """Hear that a node is master, and write."""
        self.leadership.observed_master.record(node, Term(term), DEAD_S, at(now))
        return self.history.update(event or Tick(), [], at(now))

    def ends(self, event: Event, *effects: Effect, node: NodeId = A) -> list[Fact]:
        """Let a node stop being master, and write."""
        self.leadership.observed_master.record_end(node, at(0))
        return self.history.update(event, effects, at(0))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Resign(term=Term(3), successor=B, reason="lower id"), "lower id"),
        (Resign(term=Term(3), successor=None), GAVE_UP),
        (Resign(term=Term(3), successor=None, reason="x" * 999), "x" * REASON_CHARS_MAX),
        (heartbeat(claim=None), GAVE_UP),
        (Resign(term=Term(2), successor=None, reason="late"), SILENT),
        (heartbeat(claim=Term(3)), SILENT),
    ],
)
def test_the_resignation_of_the_master_gives_the_reason(
    message: Resign | Heartbeat, reason: str
) -> None:
    watcher = Watcher()
    assert watcher.hears(A, 3, 0) == [took(A, 3)]
    assert watcher.ends(Received(A, message)) == [left(A, 3, reason)]


def test_a_resignation_in_the_name_of_another_node_gives_no_reason() -> None:
    for word in (Resign(term=Term(3), successor=None, reason="no"), heartbeat(claim=None)):
        watcher = Watcher()
        watcher.hears(A, 3, 0)
        assert watcher.ends(Received(B, word)) == [left(A, 3, SILENT)]


def test_a_higher_term_ends_the_period_of_another_and_of_the_same_node() -> None:
    watcher = Watcher()
    watcher.hears(A, 3, 0)
    assert watcher.hears(B, 5, 1) == [left(A, 3, HIGHER_TERM), took(B, 5)]
    assert watcher.hears(B, 6, 1) == [left(B, 5, HIGHER_TERM), took(B, 6)]
    assert watcher.hears(B, 6, 2) == []


def test_the_end_of_a_removed_master_is_recorded_under_its_id() -> None:
    watcher = Watcher()
    watcher.hears(A, 3, 0)
    watcher.leadership.register.committed = record(document(B, C))
    gone = RoleLeft(master=Named(A, A), term=Term(3), reason=REMOVED)
    assert watcher.ends(Tick()) == [gone]


def test_a_former_master_records_its_own_reason_or_that_its_lease_ran_out() -> None:
    for effects, reason in (
        ([], RAN_OUT),
        ([LogFact(RoleClaimed(Term(3)))], RAN_OUT),
        ([LogFact(Resigned(Term(3), "cannot write its disk"))], "cannot write"),
    ):
        watcher = Watcher()
        watcher.hears(C, 3, 0)
        (end,) = watcher.ends(Tick(), *effects, node=C)
        assert isinstance(end, RoleLeft)
        assert end.reason.startswith(reason)


def test_repeated_changes_are_written_up_to_a_limit_per_hour_and_then_counted() -> None:
    watcher = Watcher()
    for term in range(1, TERMS_PER_HOUR_MAX + 1):
        assert watcher.hears(A, term, 1)[-1] == took(A, term)
    term = TERMS_PER_HOUR_MAX + 1
    assert watcher.hears(A, term, 2) == [left(A, term - 1, HIGHER_TERM)]
    assert watcher.hears(A, term + 1, 3) == []
    assert watcher.hears(A, term + 2, HOUR_S + 1) == [took(A, term + 2, untold=2)]


# --- the reader -----------------------------------------------------------------------------


def master_term(
    master: Named, term: int, since: float | None, until: float | None, why: str = ""
) -> MasterTerm:
    """A period as master that ended, or goes on if there is neither a time nor a reason."""
    return MasterTerm(
        master=master,
        term=Term(term),
        since_unix=None if since is None else WALL + since,  # type: ignore[arg-type]
        until_unix=None if until is None else WALL + until,  # type: ignore[arg-type]
        outcome=Outcome.ENDED if why else Outcome.ACTING,
        reason=why,
    )


def test_a_journal_reads_as_a_history_of_terms_among_other_lines() -> None:
    lines = [started(0), role_taken(1, ALPHA, 1), opened(5), role_left(9, ALPHA, 1, "stopping")]
    lines += [role_taken(10, BRAVO, 2)]
    assert master_terms(lines) == (
        master_term(ALPHA, 1, 1, 9, "stopping"),
        master_term(BRAVO, 2, 10, None),
    )
    assert master_terms([]) == ()


def test_a_period_that_goes_on_after_a_restart_is_one_period() -> None:
    lines = [role_taken(1, ALPHA, 1), stopped(5), started(7), role_taken(8, ALPHA, 1)]
    assert master_terms(lines) == (master_term(ALPHA, 1, 1, None),)
    lines.append(role_left(9, ALPHA, 1, SILENT))
    assert master_terms(lines) == (master_term(ALPHA, 1, 1, 9, SILENT),)


def test_an_end_while_the_node_was_down_is_unseen() -> None:
    lines = [role_taken(1, ALPHA, 1), started(7), started(8), role_taken(9, BRAVO, 4)]
    first, second = master_terms(lines)
    assert (first.outcome, first.until_unix) == (Outcome.UNSEEN, None)
    assert second == master_term(BRAVO, 4, 9, None)


def test_lost_lines_leave_times_open() -> None:
    lost_end = [role_taken(1, ALPHA, 1), role_taken(9, BRAVO, 4)]
    assert [r.outcome for r in master_terms(lost_end)] == [Outcome.UNSEEN, Outcome.ACTING]
    lost_beginning = [role_left(2, ALPHA, 1, SILENT), role_left(9, BRAVO, 4, SILENT)]
    assert master_terms(lost_beginning) == (
        master_term(ALPHA, 1, None, 2, SILENT),
        master_term(BRAVO, 4, None, 9, SILENT),
    )
    twice = [role_taken(1, ALPHA, 1), *[role_left(n, ALPHA, 1, SILENT) for n in (2, 3)]]
    assert master_terms(twice) == (master_term(ALPHA, 1, 1, 2, SILENT),)


def test_a_node_that_acts_again_in_its_term_is_listed_twice() -> None:
    lines = [role_taken(1, ALPHA, 1), role_left(2, ALPHA, 1, RAN_OUT), role_taken(3, ALPHA, 1)]
    assert master_terms(lines) == (
        master_term(ALPHA, 1, 1, 2, RAN_OUT),
        master_term(ALPHA, 1, 3, None),
    )
