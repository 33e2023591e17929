"""Hooks: commands that one node runs after it became master, or stopped being master."""

from enum import Enum
from typing import Any

from attrs import field, frozen

from qutrio.errors import InvalidValueError
from qutrio.model.ids import Seconds, Term, UnixTime
from qutrio.model.rules import between

HOOK_TIMEOUT_S: Seconds = 30.0
HOOK_TIMEOUT_S_MIN: Seconds = 1.0
HOOK_TIMEOUT_S_MAX: Seconds = 600.0
WORDS_MAX = 64
WORD_CHARS_MAX = 4096


class HookEvent(Enum):
    """The event for which a hook runs."""

    GAIN = "gain"
    LOSS = "loss"


def _is_command(_: object, attribute: Any, words: tuple[str, ...]) -> None:
    if len(words) > WORDS_MAX:
        raise InvalidValueError(attribute.name, f"has {len(words)} words; at most {WORDS_MAX}")
    if words and not words[0].startswith("/"):
        problem = f"{words[0][:80]!r} is not a full path; begin the command with one, such as /bin/"
        raise InvalidValueError(attribute.name, problem)
    if any(len(word) > WORD_CHARS_MAX or "\0" in word for word in words):
        raise InvalidValueError(
            attribute.name, f"a word has at most {WORD_CHARS_MAX} characters, no NUL"
        )


@frozen(kw_only=True)
class Hooks:
    """The commands of one node, each a list of words that no shell reads; empty for none."""

    gain: tuple[str, ...] = field(default=(), validator=_is_command)
    loss: tuple[str, ...] = field(default=(), validator=_is_command)
    timeout_s: Seconds = field(
        default=HOOK_TIMEOUT_S,
        validator=between(HOOK_TIMEOUT_S_MIN, HOOK_TIMEOUT_S_MAX, "s"),
    )

    def command(self, event: HookEvent) -> tuple[str, ...]:
        """Return the command for an event."""
        return self.gain if event is HookEvent.GAIN else self.loss


NO_HOOKS = Hooks()


@frozen(kw_only=True)
class HookRun:
    """One run that ended.  `how` is a text for people; `output` is the end of its output."""

    event: HookEvent
    term: Term
    at_unix: UnixTime
    took_s: Seconds
    ok: bool
    how: str
    output: str


@frozen(kw_only=True)
class HookReport:
    """The hooks of a node: their commands, the one that runs now, and the last runs."""

    hooks: Hooks
    running: HookEvent | None
    runs: tuple[HookRun, ...]
