"""The age of an incident is measured on boot clocks and sent to peers."""

import pytest

from qutrio.core.alerting.ages import AGE_S_MAX, AGES_KNOWN_MAX, AGES_PER_MESSAGE_MAX, IncidentAges
from qutrio.model.ids import CheckId, IncidentId, UnixTime
from qutrio.model.incidents import Ledger
from tests.core.samples import DB, WALL, WEB, A, B, C, at, incident

NONE, BOTH = Ledger(), Ledger(incidents=(incident(DB, 2), incident(WEB, 1)))
ONE = Ledger(incidents=(incident(WEB, 1),))
OUTAGE, OTHER = IncidentId("web-1"), IncidentId("db-2")
HOUR_S = 3600.0


def running(ledger: Ledger = ONE, now: float = 100.0) -> IncidentAges:
    """Return the ages of a running node that learns of these incidents at 100 s."""
    ages = IncidentAges()
    ages.update(NONE, at(0), WALL)
    ages.update(ledger, at(now), WALL)
    return ages


@pytest.mark.parametrize("jump_s", [-HOUR_S, 0.0, HOUR_S])
def test_the_age_of_an_incident_follows_the_boot_clock(jump_s: float) -> None:
    ages = running()
    ages.update(ONE, at(110), UnixTime(WALL + jump_s))
    assert ages.lasted(OUTAGE, at(115)) == 15.0
    assert ages.lasted(OTHER, at(115)) is None


def test_an_incident_that_ended_is_forgotten_and_its_length_kept_for_the_journal() -> None:
    ages = running(BOTH)
    ages.update(ONE, at(130), WALL)
    assert dict(ages.ended) == {OTHER: 30.0}
    assert ages.lasted(OTHER, at(130)) is None
    assert ages.lasted(OUTAGE, at(130)) == 30.0


@pytest.mark.parametrize(("off_s", "estimated_s"), [(60.0, 60.0), (-HOUR_S, 0.0)])
def test_a_node_that_starts_in_an_outage_estimates_an_age_of_at_least_zero(
    off_s: float, estimated_s: float
) -> None:
    ages = IncidentAges()
    ages.update(ONE, at(7), UnixTime(WALL + off_s))
    assert ages.lasted(OUTAGE, at(7)) == estimated_s
    assert ages.measured(at(8)) == ()


def test_an_age_that_a_peer_measured_replaces_an_estimate() -> None:
    ages = IncidentAges()
    ages.update(ONE, at(7), UnixTime(WALL + HOUR_S))
    ages.record_reports(B, ((OUTAGE, 20.0),), at(8))
    assert ages.lasted(OUTAGE, at(8)) == 20.0
    assert ages.measured(at(9)) == ((OUTAGE, 21.0),)


def test_the_highest_age_that_two_members_measured_counts() -> None:
    ages = running()
    ages.record_reports(B, ((OUTAGE, 50.0),), at(110))
    ages.record_reports(C, ((OUTAGE, 30.0),), at(110))
    assert ages.lasted(OUTAGE, at(110)) == 30.0
    ages.record_reports(A, ((OUTAGE, 5.0),), at(110))
    assert ages.lasted(OUTAGE, at(110)) == 30.0


@pytest.mark.parametrize("age_s", [-1e18, 0.0, 5.0, HOUR_S, 1e18])
def test_one_member_alone_changes_no_age(age_s: float) -> None:
    ages = running()
    ages.record_reports(C, ((OUTAGE, age_s),), at(110))
    ages.record_reports(C, ((OUTAGE, age_s),), at(111))
    assert ages.lasted(OUTAGE, at(111)) == 11.0


def test_a_false_age_is_outvoted_where_this_node_only_estimates() -> None:
    ages = IncidentAges()
    ages.update(ONE, at(7), UnixTime(WALL + HOUR_S))
    for hostile, other in ((B, C), (C, B)):
        ages.record_reports(hostile, ((OUTAGE, 1e9 if hostile == B else 20.0),), at(8))
        ages.record_reports(other, ((OUTAGE, 20.0 if hostile == B else 1e9),), at(8))
        assert ages.lasted(OUTAGE, at(8)) == 20.0


def test_the_master_that_this_node_granted_is_believed_alone() -> None:
    ages = running()
    ages.record_reports(A, ((OUTAGE, 50.0),), at(110), trusted=True)
    ages.record_reports(A, ((OUTAGE, 20.0), (OTHER, 30.0)), at(110), trusted=True)
    assert ages.lasted(OUTAGE, at(110)) == 50.0
    ages.update(BOTH, at(120), WALL)
    assert ages.lasted(OTHER, at(120)) == 40.0


def test_an_outage_that_begins_here_does_not_take_an_age_that_one_member_sent_before() -> None:
    ages = running(NONE)
    ages.record_reports(C, ((OUTAGE, HOUR_S),), at(99))
    ages.update(ONE, at(100), WALL)
    assert ages.lasted(OUTAGE, at(101)) == 1.0


def test_an_age_may_arrive_before_its_incident_and_is_bounded() -> None:
    ages = running(NONE)
    for peer in (A, B):
        ages.record_reports(peer, ((OUTAGE, 40.0), (OTHER, 10 * AGE_S_MAX)), at(110))
    ages.update(BOTH, at(111), WALL)
    assert ages.lasted(OUTAGE, at(111)) == 41.0
    assert ages.lasted(OTHER, at(110)) == AGE_S_MAX


def test_ages_of_incidents_that_never_come_are_forgotten() -> None:
    ages = running()
    for part in range(3):
        many = tuple((IncidentId(f"a-{part}-{n}"), 1.0) for n in range(AGES_PER_MESSAGE_MAX))
        ages.record_reports(B, many, at(110))
    for peer, age_s in ((B, 5.0), (C, 4.0)):
        ages.record_reports(peer, ((OTHER, age_s), (OUTAGE, age_s)), at(110))
    assert len(ages._reported) <= AGES_KNOWN_MAX
    ages.update(BOTH, at(110), WALL)
    assert ages.lasted(OTHER, at(110)) == 4.0


def test_a_bounded_number_of_ages_is_sent() -> None:
    incidents = tuple(incident(CheckId(f"c{n}"), n) for n in range(AGES_PER_MESSAGE_MAX + 1))
    assert len(running(Ledger(incidents=incidents)).measured(at(101))) == AGES_PER_MESSAGE_MAX
