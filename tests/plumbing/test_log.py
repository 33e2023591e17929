"""A bug is logged with its place and type, never with words that may quote a secret."""

from typing import NoReturn

from qutrio.plumbing.log import EXCEPTIONS_MAX, trace_of

SECRET = "Zx9planted"


def fail(word: str) -> NoReturn:
    raise KeyError(word)


def caught() -> BaseException:
    """Return a bug in a group, which has a cause of its own."""
    try:
        try:
            fail(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError as error:
        return ExceptionGroup(SECRET, [error])


def test_the_trace_of_a_bug_tells_where_and_what_but_quotes_nothing() -> None:
    trace = trace_of(caught())
    assert SECRET not in trace
    for part in ("in fail", "in caught", "KeyError", "ValueError", "ExceptionGroup"):
        assert part in trace
    assert trace.endswith("ExceptionGroup")


def test_causes_that_run_in_a_circle_or_are_very_many_are_told_once_and_in_part() -> None:
    inner = KeyError(SECRET)
    group = ExceptionGroup(SECRET, [inner])
    inner.__context__ = group
    assert trace_of(group).splitlines() == ["KeyError", "ExceptionGroup"]
    last = ValueError(SECRET)
    for _ in range(2 * EXCEPTIONS_MAX):
        before, last = last, ValueError(SECRET)
        last.__cause__ = before
    assert len(trace_of(last).splitlines()) == EXCEPTIONS_MAX
