"""Causes: why a check has no verdict, in the same words for all checks with that cause."""

from collections.abc import Mapping

import pytest
from attrs import evolve

from qutrio.core.alerting.causes import CAUSE_CHARS_MAX, cause, reason
from qutrio.core.alerting.notices import NoticeInputs
from qutrio.core.checks.verdicts import Verdicts
from qutrio.model.ids import NodeId, Term
from qutrio.model.results import Outcome, Result
from tests.core.samples import WALL, WEB, A, B, C, at, check, document

HELD = document(A, B, C, checks=[check()])
NO_ANSWER = "this node's resolver gives no answers, not only for example.org (timed out)"


@pytest.mark.parametrize(
    ("detail", "left"),
    [
        (NO_ANSWER, "this node's resolver gives no answers"),
        ("this node has no route to 127.0.0.1: [Errno 101]", "this node has no route to"),
        ("this node itself stood still for 2.3s (frozen)", "this node itself stood still for"),
        (
            "the resolver of this node gave no answer for web: x",
            "the resolver of this node gave no answer for",
        ),
        ("", "abstains"),
        ("42", "abstains"),
    ],
)
def test_a_reason_keeps_what_it_has_in_common_with_those_of_other_checks(
    detail: str, left: str
) -> None:
    assert reason(detail, check()) == left


def voted(outcomes: Mapping[NodeId, Outcome], now: float = 5.0) -> NoticeInputs:
    """Return a master's verdicts after these votes at 0 s; C is not heard."""
    verdicts = Verdicts()
    verdicts.set_document(HELD, WALL)
    for node, outcome in outcomes.items():
        said = Result(check=WEB, changed=check().changed, outcome=outcome, detail=NO_ANSWER)
        verdicts.record(node, said, at(0))
    return NoticeInputs(
        document=HELD,
        verdicts=verdicts,
        term=Term(1),
        now=at(now),
        wall=WALL,
        live=frozenset({A, B}),
    )


def test_a_cause_says_of_each_voter_why_it_gives_no_vote() -> None:
    inputs = voted({A: Outcome.ABSTAIN, B: Outcome.OK, C: Outcome.OK})
    expected = "node-n1: this node's resolver gives no answers; node-n2: votes; node-n3: not heard"
    assert cause(check(), inputs) == expected
    late = voted({A: Outcome.ABSTAIN, B: Outcome.OK}, now=1000.0)
    assert cause(check(), late) == "node-n1: no result; node-n2: no result; node-n3: not heard"


def test_a_cause_is_one_line_of_bounded_length() -> None:
    crowd = document(*(NodeId(f"n{n:03}") for n in range(100)))
    line = cause(check(), evolve(voted({}), document=crowd))
    assert (len(line), line[-1]) == (CAUSE_CHARS_MAX, "…")
