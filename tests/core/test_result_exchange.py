"""The result exchange: changed results are sent at once, others with the heartbeat."""

from qutrio.core.api.effects import Probe, Send
from qutrio.core.api.messages import ProbeNow, Report
from qutrio.core.checks.result_exchange import (
    AGE_S_MAX,
    CHECKS_PER_REQUEST_MAX,
    RESULTS_PER_REPORT_MAX,
    ResultExchange,
)
from qutrio.core.checks.votes import Vote
from qutrio.model.document import CHECKS_MAX
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from tests.core.samples import DB, WALL, WEB, A, B, C, at, check, document, result

OK, FAIL = result(Outcome.OK), result(Outcome.FAIL)
LIFE = 7


def exchange_of(*checks: CheckId) -> ResultExchange:
    watching = ResultExchange(A, LIFE)
    held = document(A, B, C, checks=[check(c) for c in checks or (WEB,)])
    watching.verdicts.set_document(held, WALL)
    return watching


def told(watching: ResultExchange, now: float, *, all_of_it: bool = False) -> list[Report]:
    effects = watching.reports_due([B], at(now), all_of_it=all_of_it)
    return [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, Report)]


def test_a_changed_result_is_sent_at_once_with_its_age() -> None:
    watching = exchange_of()
    watching.on_result(OK, at(1))
    assert told(watching, 3) == [Report(results=((OK, 2.0),), life=LIFE, numbers=(1,))]
    assert told(watching, 3) == []


def test_an_unchanged_result_waits_for_the_heartbeat() -> None:
    watching = exchange_of()
    watching.on_result(OK, at(1))
    told(watching, 1)
    watching.on_result(OK, at(2))
    assert told(watching, 2) == []
    again = Report(results=((OK, 0.0),), life=LIFE, numbers=(2,))
    assert told(watching, 2, all_of_it=True) == [again]
    assert told(watching, 2, all_of_it=True) == []


def test_a_requested_result_is_sent_at_once() -> None:
    watching = exchange_of(WEB, DB)
    watching.on_result(OK, at(1))
    told(watching, 1)
    assert watching.probe_now((WEB, CheckId("unknown"))) == [Probe((WEB, CheckId("unknown")))]
    watching.on_result(OK, at(2))
    assert len(told(watching, 2)) == 1
    watching.on_result(OK, at(3))
    assert told(watching, 3) == []  # asked for once, sent at once once


def test_the_first_vote_against_the_state_raises_an_alarm() -> None:
    watching = exchange_of()
    assert watching.on_result(OK, at(1)) == set()
    assert watching.on_result(FAIL, at(2)) == {WEB}


def test_a_peers_result_raises_an_alarm_and_counts_from_its_arrival() -> None:
    watching = exchange_of()
    assert watching.on_report(B, Report(results=((FAIL, 5.0),)), at(100)) == {WEB}
    assert watching.verdicts.vote(B, WEB) == Vote(FAIL, at(95))
    assert watching.on_report(C, Report(results=((OK, 5.0),)), at(100)) == set()
    assert watching.verdicts.vote(C, WEB) == Vote(OK, at(95))


def test_an_impossible_age_is_bounded() -> None:
    watching = exchange_of()
    watching.on_report(B, Report(results=((OK, -50.0),)), at(100))
    assert watching.verdicts.vote(B, WEB) == Vote(OK, at(100))
    watching.on_report(C, Report(results=((OK, 1e12),)), at(100))
    assert watching.verdicts.vote(C, WEB) == Vote(OK, at(100 - AGE_S_MAX))


def test_a_report_that_is_too_long_is_cut() -> None:
    watching = exchange_of()
    filler = tuple((result(Outcome.OK, DB), 0.0) for _ in range(RESULTS_PER_REPORT_MAX))
    watching.on_report(B, Report(results=(*filler, (OK, 0.0))), at(1))
    assert watching.verdicts.vote(B, WEB) is None


def test_many_results_are_sent_in_several_reports() -> None:
    idents = [CheckId(f"c{n:04}") for n in range(RESULTS_PER_REPORT_MAX + 1)]
    watching = exchange_of(*idents)
    for ident in idents:
        watching.on_result(result(Outcome.OK, ident), at(1))
    assert [len(r.results) for r in told(watching, 1)] == [RESULTS_PER_REPORT_MAX, 1]


def test_a_new_peer_is_sent_the_newest_result_of_every_check() -> None:
    watching = exchange_of(WEB, DB)
    for now in (1, 2):
        watching.on_result(OK, at(now))
        watching.on_result(result(Outcome.FAIL, DB), at(now))
    told(watching, 2, all_of_it=True)
    watching.on_report(B, Report(results=((FAIL, 0.0),)), at(2))
    seen = ((result(Outcome.FAIL, DB), 3.0), (OK, 3.0))
    expected = Report(results=seen, life=LIFE, numbers=(4, 3))
    assert watching.reports_for_new_peer(C, at(5)) == [Send(C, expected)]


def test_a_peers_request_is_followed_at_most_once_per_check_and_pause() -> None:
    watching = exchange_of(WEB, DB)
    assert watching.on_probe_now((WEB,), 0.5, at(1)) == [Probe((WEB,))]
    assert watching.on_probe_now((WEB,), 0.5, at(1.49)) == []
    assert watching.on_probe_now((WEB, DB), 0.5, at(1.49)) == [Probe((DB,))]
    assert watching.on_probe_now((WEB, DB), 0.5, at(1.5)) == [Probe((WEB,))]
    assert watching.on_probe_now((WEB, WEB), 0.5, at(3)) == [Probe((WEB,))]


def test_the_result_of_a_followed_request_is_sent_at_once() -> None:
    watching = exchange_of()
    watching.on_result(OK, at(1))
    told(watching, 1)
    watching.on_probe_now((WEB,), 0.5, at(2))
    watching.on_result(OK, at(2))
    assert len(told(watching, 2)) == 1


def test_a_request_for_unknown_checks_probes_nothing() -> None:
    watching = exchange_of()
    assert watching.on_probe_now((CheckId("unknown"),), 0.5, at(1)) == []
    assert watching.on_probe_now((CheckId("unknown"), WEB), 0.5, at(1)) == [Probe((WEB,))]


def test_a_request_that_is_too_long_is_cut() -> None:
    watching = exchange_of()
    filler = tuple(CheckId(f"c{n:04}") for n in range(CHECKS_PER_REQUEST_MAX))
    assert watching.on_probe_now((*filler, WEB), 0.5, at(1)) == []


def test_the_checks_of_old_requests_are_forgotten() -> None:
    idents = [CheckId(f"c{n:05}") for n in range(CHECKS_MAX)]
    watching = exchange_of(*idents)
    for start in range(0, CHECKS_MAX, CHECKS_PER_REQUEST_MAX):
        part = tuple(idents[start : start + CHECKS_PER_REQUEST_MAX])
        assert watching.on_probe_now(part, 0.5, at(1)) == [Probe(part)]
    assert watching.on_probe_now((idents[0],), 0.5, at(1)) == []
    watching.verdicts.set_document(document(A, B, C, checks=[check(WEB)], revision=2), WALL)
    assert watching.on_probe_now((WEB,), 0.5, at(1)) == [Probe((WEB,))]
    assert watching.on_probe_now((WEB,), 0.5, at(1)) == [Probe((WEB,))]  # all were forgotten


def test_requests_to_probe_are_bounded() -> None:
    idents = tuple(CheckId(f"c{n:04}") for n in range(CHECKS_PER_REQUEST_MAX + 1))
    watching = exchange_of(*idents)
    effects = watching.probe_everywhere(idents, [B, C])
    head, tail = idents[:CHECKS_PER_REQUEST_MAX], idents[CHECKS_PER_REQUEST_MAX:]
    assert effects == [
        Probe(head),
        Send(B, ProbeNow(checks=head)),
        Send(C, ProbeNow(checks=head)),
        Probe(tail),
        Send(B, ProbeNow(checks=tail)),
        Send(C, ProbeNow(checks=tail)),
    ]
    assert watching.probe_everywhere((), [B]) == []


def heard(watching: ResultExchange, report: Report, now: float) -> Vote | None:
    watching.on_report(B, report, at(now))
    return watching.verdicts.vote(B, WEB)


def test_a_probe_that_is_reported_again_is_the_same_vote_as_before() -> None:
    watching = exchange_of()
    report = Report(results=((FAIL, 0.0),), life=3, numbers=(5,))
    first = heard(watching, report, 1)
    assert heard(watching, report, 60) == first  # coming again makes it no younger


def test_a_report_older_than_the_last_one_changes_nothing() -> None:
    watching = exchange_of()
    newer = heard(watching, Report(results=((OK, 0.0),), life=3, numbers=(6,)), 1)
    late = Report(results=((FAIL, 0.0),), life=3, numbers=(5,))
    assert heard(watching, late, 5) == newer


def test_a_newer_probe_counts_though_the_one_before_it_came_late() -> None:
    watching = exchange_of()
    heard(watching, Report(results=((FAIL, 0.0),), life=3, numbers=(5,)), 9)
    vote = heard(watching, Report(results=((OK, 4.0),), life=3, numbers=(6,)), 9.5)
    assert vote == Vote(OK, at(5.5), (3, 6))


def test_the_numbers_begin_again_after_a_restart() -> None:
    watching = exchange_of()
    heard(watching, Report(results=((OK, 0.0),), life=3, numbers=(500,)), 1)
    vote = heard(watching, Report(results=((FAIL, 0.0),), life=4, numbers=(1,)), 2)
    assert vote == Vote(FAIL, at(2), (4, 1))


def test_results_without_numbers_count_by_their_arrival() -> None:
    watching = exchange_of()
    heard(watching, Report(results=((OK, 0.0),), life=3, numbers=(500,)), 1)
    vote = heard(watching, Report(results=((FAIL, 0.0),)), 2)  # from an older version
    assert vote == Vote(FAIL, at(2))
    assert heard(watching, Report(results=((OK, 3.0),)), 3) == vote


def test_too_many_numbers_are_ignored() -> None:
    watching = exchange_of()
    vote = heard(watching, Report(results=((OK, 0.0),), life=3, numbers=(1, 2, 3)), 1)
    assert vote == Vote(OK, at(1), (3, 1))
