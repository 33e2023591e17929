"""The check of samples reports only what they prove."""

from tests.chaos.leadership import judge, periods_as_master, without_master
from tests.cluster.watching import Sample


def sample(
    node: str,
    asked: float,
    term: int,
    *,
    acting: bool = True,
    revision: int = 1,
    digest: str = "d1",
    took: float = 0.1,
) -> Sample:
    return Sample(node, asked, asked + took, acting, term, revision, digest)


def test_the_role_may_move_to_a_higher_term() -> None:
    assert judge([sample("a", 1, 1), sample("b", 2, 2), sample("a", 3, 3)], {}) == []


def test_acting_in_a_lower_term_after_another_acted_in_a_higher_one_is_two_masters() -> None:
    [wrong] = judge([sample("a", 1, 1), sample("b", 2, 2), sample("a", 3, 1)], {})
    assert wrong.startswith("a acted at 3.00")


def test_samples_that_overlap_prove_no_order() -> None:
    assert judge([sample("b", 2, 2, took=1.5), sample("a", 3, 1)], {}) == []


def test_a_term_that_goes_to_and_fro_has_two_holders() -> None:
    assert len(judge([sample("a", 1, 1), sample("b", 2, 1), sample("a", 3, 1)], {})) == 1


def test_a_master_may_show_a_term_that_it_claims_and_another_gets() -> None:
    assert judge([sample("a", 1, 2), sample("b", 2, 2), sample("b", 3, 2)], {}) == []


def test_neither_a_term_nor_a_revision_falls() -> None:
    seen = [sample("a", 1, 5, acting=False, revision=9, digest="d9")]
    lower_term = sample("a", 2, 4, acting=False, revision=9, digest="d9")
    assert len(judge([*seen, lower_term], {"a": [(0, 9)]})) == 1
    assert len(judge([*seen, sample("a", 2, 5, acting=False)], {"b": [(0, 9)]})) == 1


def test_a_killed_node_may_forget_that_a_revision_was_committed() -> None:
    seen = [sample("a", 1, 5, acting=False, revision=9, digest="d9")]
    assert judge([*seen, sample("a", 2, 5, acting=False)], {"a": [(1.2, 1.5)]}) == []


def test_one_revision_has_one_content() -> None:
    seen = [sample("a", 1, 1, acting=False), sample("b", 5, 1, acting=False, digest="d2")]
    assert len(judge(seen, {})) == 1


def test_the_time_without_a_master_is_between_samples_that_act() -> None:
    seen = [sample("a", 1, 1), sample("b", 2, 1, acting=False), sample("b", 4, 2)]
    assert without_master(seen, 0, 5)[0] == (1.1, 4)


def test_a_reign_ends_where_samples_are_missing_or_say_so() -> None:
    seen = [sample("a", at, 1) for at in (1, 2, 3)]
    assert periods_as_master(seen, 1.5) == [("a", 1.1, 3)]
    assert periods_as_master([*seen, sample("a", 6, 1), sample("a", 7, 1)], 1.5) == [
        ("a", 1.1, 3),
        ("a", 6.1, 7),
    ]
    stood_by = sample("a", 4, 1, acting=False)
    assert periods_as_master([*seen, stood_by, sample("a", 5, 2), sample("a", 6, 2)], 1.5) == [
        ("a", 1.1, 3),
        ("a", 5.1, 6),
    ]
