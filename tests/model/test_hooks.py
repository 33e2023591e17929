"""Hooks are plain commands with full paths and a limit."""

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.hooks import NO_HOOKS, WORD_CHARS_MAX, WORDS_MAX, HookEvent, Hooks


def test_each_event_has_its_command() -> None:
    hooks = Hooks(gain=("/bin/a", "1"), loss=("/bin/b",))
    assert hooks.command(HookEvent.GAIN) == ("/bin/a", "1")
    assert hooks.command(HookEvent.LOSS) == ("/bin/b",)
    assert NO_HOOKS.command(HookEvent.GAIN) == ()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("echo", "a"), "not a full path"),
        (("/bin/x",) * (WORDS_MAX + 1), "at most 64"),
        (("/bin/x", "a" * (WORD_CHARS_MAX + 1)), "at most 4096"),
        (("/bin/x", "a\0b"), "a word has"),
    ],
)
def test_a_command_that_could_not_run_is_refused(words: tuple[str, ...], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as caught:
        Hooks(loss=words)
    assert caught.value.field == "loss"


@pytest.mark.parametrize("timeout_s", [0.5, 601.0])
def test_the_limit_of_a_hook_is_bounded(timeout_s: float) -> None:
    with pytest.raises(InvalidValueError, match="out of range"):
        Hooks(timeout_s=timeout_s)
