"""Incident reports from a journal, also when lines repeat or are missing."""

import pytest
from attrs import evolve

from qutrio.core.journal.reports import (
    BEFORE_MAX,
    BEFORE_S_MAX,
    End,
    Fate,
    IncidentReport,
    Page,
    incident_reports,
)
from qutrio.model.ids import UnixTime
from qutrio.model.incidents import NoticeKind
from qutrio.model.journal import Basis, ClockSet, Closed, Closing, Entry, Leaving, Opened
from tests.core.journal_facts import (
    ALPHA,
    BRAVO,
    CHANNEL,
    DOWN,
    INCIDENT,
    RECOVERED,
    began,
    came_up,
    closed,
    crossed,
    doubted,
    ended,
    led,
    noticed,
    opened,
    role_left,
    role_taken,
    started,
    stopped,
    went_down,
)
from tests.core.samples import WALL, WEB


def story(*entries: Entry) -> IncidentReport:
    (only,) = incident_reports(entries)
    return only


def test_a_whole_outage_is_one_report_of_all_its_lines_in_order() -> None:
    lines = [
        started(-100), went_down(), opened(), noticed(0), began(0), ended(1), crossed(1),
        came_up(60), closed(60), noticed(60, NoticeKind.RECOVERED),
    ]  # fmt: skip
    told = story(*lines)
    assert told.entries == tuple(lines[1:])
    assert (told.id, told.check, told.check_name) == (INCIDENT.id, WEB, "web")
    assert (told.target, told.since_unix, told.until_unix) == ("127.0.0.1:80", WALL, WALL + 60)
    assert told.end is End.RECOVERED
    assert told.pages == (
        Page(notice=DOWN.id, kind=NoticeKind.DOWN, channel=CHANNEL, fate=Fate.DELIVERED, by=ALPHA),
        Page(
            notice=RECOVERED.id,
            kind=NoticeKind.RECOVERED,
            channel=CHANNEL,
            fate=Fate.WAITING,
            by=None,
        ),
    )


def test_an_empty_journal_tells_nothing() -> None:
    assert incident_reports([started(0), doubted(1), stopped(2), led(3, None)]) == ()


def test_terms_as_master_are_no_part_of_an_incident_report() -> None:
    lines = [opened(), role_left(1, ALPHA, 1, "fell silent"), role_taken(2, BRAVO, 2), closed(9)]
    assert story(*lines).entries == (lines[0], lines[3])


def test_an_open_incident_has_no_end() -> None:
    told = story(opened())
    assert (told.end, told.until_unix, told.pages) == (End.OPEN, None, ())


def test_recent_doubts_belong_to_the_next_incident_and_old_ones_do_not() -> None:
    recent = [doubted(n - BEFORE_MAX) for n in range(BEFORE_MAX + 1)]
    told = story(doubted(-BEFORE_S_MAX - 1), *recent, opened(1))
    assert told.entries == (*recent[1:], opened(1))
    assert story(doubted(-BEFORE_S_MAX - 1), opened()).entries == (opened(),)


def test_votes_while_an_incident_is_open_are_its_own() -> None:
    told = story(opened(), doubted(5))
    assert told.entries == (opened(), doubted(5))


def test_a_recovery_that_is_counted_after_its_end_was_learned_is_part_of_it() -> None:
    lines = [opened(), closed(9), came_up(9, Basis.LEDGER)]
    told = incident_reports([*lines, doubted(20), opened(30, number=2)])
    assert [s.entries for s in told] == [tuple(lines), (doubted(20), opened(30, number=2))]


def test_lines_that_repeat_after_a_restart_are_used_once() -> None:
    told = story(opened(), noticed(0), started(5, INCIDENT.id), opened(5), noticed(5))
    assert told.entries == (opened(), noticed(0), started(5, INCIDENT.id))
    assert told.end is End.OPEN
    assert [page.fate for page in told.pages] == [Fate.WAITING]


def test_the_end_of_a_notice_while_the_node_was_away_is_not_guessed() -> None:
    told = story(opened(), noticed(0), stopped(3), started(50))
    assert (told.end, told.until_unix) == (End.UNHEARD, None)
    assert [page.fate for page in told.pages] == [Fate.UNHEARD]
    assert told.entries == (opened(), noticed(0), stopped(3), started(50))
    assert story(opened(), noticed(0), stopped(3), started(50), stopped(60)) == told


def test_an_incident_that_a_node_did_not_save_is_opened_again() -> None:
    told = story(opened(), noticed(0), started(5), opened(6), closed(9), crossed(9))
    assert told.end is End.RECOVERED
    assert told.entries[-2:] == (closed(9), crossed(9))
    assert story(opened(), started(5), opened(6)).end is End.OPEN
    assert story(opened(), closed(2), started(5), opened(6)).end is End.RECOVERED


def test_a_start_after_the_outage_began_explains_what_is_missing() -> None:
    told = story(doubted(-3), started(20), opened(21))
    assert told.entries == (doubted(-3), started(20), opened(21))


def test_a_notice_alone_shows_an_incident_that_ended_while_the_node_was_away() -> None:
    told = story(noticed(50, NoticeKind.RECOVERED))
    assert (told.end, told.until_unix, told.since_unix) == (End.RECOVERED, WALL + 50, WALL)
    assert told.target == "127.0.0.1:80"


def test_a_delegated_delivery_may_begin_before_its_incident_is_learned() -> None:
    lines = [began(0, by=BRAVO, errand=True), opened(0), noticed(0), ended(1, by=BRAVO)]
    told = story(*lines)
    assert told.entries == tuple(lines)
    assert told.pages[0].by == BRAVO


def test_a_failed_attempt_delivers_nothing() -> None:
    told = story(opened(), noticed(0), began(0), ended(1, delivered=False))
    assert (told.pages[0].fate, told.pages[0].by) == (Fate.WAITING, None)


@pytest.mark.parametrize("cause", list(Leaving))
def test_every_reason_to_leave_the_outbox_is_a_fate(cause: Leaving) -> None:
    told = story(opened(), noticed(0), crossed(1, cause))
    assert told.pages[0].fate.value == cause.value


def test_a_check_that_was_removed_ends_its_incident() -> None:
    assert story(opened(), closed(4, Closing.FORGOTTEN)).end is End.FORGOTTEN


def test_changes_of_master_are_reported_until_the_last_notice_is_settled() -> None:
    lines = [opened(), noticed(0), closed(5), led(6, None)]
    told = story(*lines, crossed(7), led(8, BRAVO))
    assert told.entries == (*lines, crossed(7))


def test_lines_whose_beginning_was_rotated_away_are_left_out() -> None:
    assert incident_reports([closed(1), ended(2), crossed(3)]) == ()
    assert incident_reports([began(0), ended(1), crossed(2)]) == ()


def test_a_second_end_is_left_out() -> None:
    assert story(opened(), closed(1), closed(2)).entries == (opened(), closed(1))


def test_a_notice_settled_before_the_node_went_away_stays_settled() -> None:
    told = story(opened(), noticed(0), crossed(1), started(5, INCIDENT.id), noticed(6))
    assert [page.fate for page in told.pages] == [Fate.DELIVERED]


def test_a_delivery_to_a_channel_that_was_never_named_changes_no_notice() -> None:
    lines = [opened(), began(1), ended(2), crossed(3)]
    told = story(*lines)
    assert (told.pages, told.entries) == ((), tuple(lines))


def test_an_incident_began_by_the_clock_as_it_is_set_now_and_lasted_as_measured() -> None:
    """The clock was set forward by an hour between its two lines."""
    begun, over = opened(5), closed(3660)
    assert isinstance(begun.fact, Opened)
    assert isinstance(over.fact, Closed)
    begun = evolve(begun, fact=evolve(begun.fact, age_s=2.0))
    over = evolve(over, fact=evolve(over.fact, lasted_s=57.0))
    was_set = Entry(UnixTime(WALL + 3630), ClockSet(by_s=3600.0))
    told = story(begun, was_set, over)
    assert (told.began_unix, told.lasted_s) == (WALL + 3603, 57.0)
    assert told.entries == (begun, was_set, over)
