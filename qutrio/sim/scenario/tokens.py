"""Reads sentences of scenarios word by word, with helpful error messages."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Generic, TypeVar

from attrs import define, field, frozen

from qutrio.codec.duration import DURATION_S_MAX, parse_duration
from qutrio.errors import InvalidValueError
from qutrio.model.channels import Channel
from qutrio.model.checks import Check
from qutrio.model.document import Settings
from qutrio.model.ids import Seconds

T = TypeVar("T")
SENTENCE_CHARS_MAX = 500
NODES_MAX = 25
LISTED_MAX = 25
SHOWN_CHARS_MAX = 60
NEAR = 0.6
"""How similar a word must be to be suggested instead of another."""
EVERYBODY, NOBODY = "all", "nobody"
_TOKEN = re.compile(r"<->|->|,|[^\s,]+?(?=<?->|,|\s|$)|[^\s,]+")
_USAGE_END = re.compile(r" \| |\n")
_ENTRY = re.compile(r"((?:\S.*\n)+)((?:    .*\n)+)")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%?")


class SentenceError(Exception):
    """A sentence is not valid; the message says how to correct it."""


@frozen(kw_only=True)
class Scope:
    """The names that a sentence may use, and their objects."""

    nodes: tuple[str, ...]
    checks: Mapping[str, Check]
    channels: Mapping[str, Channel]
    settings: Settings

    def attached(self, check: str) -> tuple[str, ...]:
        """Return the channels that get notices of a check, or of any check without a name."""
        alerts = self.checks[check].alerts if check else ()
        return tuple(
            name
            for name, channel in self.channels.items()
            if channel.enabled and (not check or channel.default or name in alerts)
        )


def listed(words: Iterable[str]) -> str:
    """Return words as a list for people, shortened if there are many."""
    known = list(words)
    shown = ", ".join(known[:LISTED_MAX])
    return f"{shown} and {len(known) - LISTED_MAX} more" if len(known) > LISTED_MAX else shown


def shown(word: str) -> str:
    """Return a word in quotes for an error message, shortened if it is long."""
    return repr(word if len(word) <= SHOWN_CHARS_MAX else word[: SHOWN_CHARS_MAX - 3] + "...")


def unknown(kind: str, word: str, known: Collection[str], plural: str = "") -> SentenceError:
    """Return the error for a word that is none of `known`."""
    near = get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=NEAR)
    meant = [k for k in known if k.lower() in near][:1]
    hint = f"; did you mean {meant[0]!r}?" if meant else ""
    there = f" ({plural or kind + 's'}: {listed(known)})" if known else f" (there are no {kind}s)"
    return SentenceError(f"there is no {kind} {shown(word)}{hint}{there}")


def split(text: str) -> tuple[str, ...]:
    """Return the words of a sentence; commas and arrows are separate words."""
    return tuple(_TOKEN.findall(text))


def is_duration(word: str) -> bool:
    """Return whether a word is a duration with a unit."""
    try:
        parse_duration(word)
    except InvalidValueError:
        return False
    return True


@define
class Tokens:
    """The words that are not read yet.  All methods raise `SentenceError`."""

    scope: Scope
    _words: tuple[str, ...] = field(converter=split)
    _next: int = 0

    @property
    def left(self) -> bool:
        """Whether anything is left."""
        return self._next < len(self._words)

    def peek(self, ahead: int = 0) -> str:
        """Return the next word without reading it; empty at the end."""
        place = self._next + ahead
        return self._words[place] if place < len(self._words) else ""

    def rest(self) -> tuple[str, ...]:
        """Return the words that are left without reading them."""
        return self._words[self._next :]

    def skip(self) -> None:
        """Skip all words that are left."""
        self._next = len(self._words)

    def next_word(self, wanted: str) -> str:
        """Read the next word; `wanted` says in the error what it should be."""
        word = self.peek()
        if not word:
            raise SentenceError(f"it ends where {wanted} should follow")
        self._next += 1
        return word

    def accept(self, *words: str) -> bool:
        """Read these words if they come next; return whether they do."""
        if any(self.peek(k) != word for k, word in enumerate(words)):
            return False
        self._next += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these words, which must come next."""
        for word in words:
            found = self.next_word(shown(word))
            if found != word:
                raise SentenceError(f"{shown(found)} stands where {word!r} should")

    def choose(self, kind: str, choices: Collection[str], plural: str = "") -> str:
        """Read one of several words."""
        word = self.next_word(f"a {kind}" if kind[0] not in "aeiou" else f"an {kind}")
        if word not in choices:
            raise unknown(kind, word, choices, plural)
        return word

    def end(self) -> None:
        """Raise if any word is left."""
        if self.left:
            raise SentenceError(f"{shown(self.peek())} is not understood; leave it out")

    # --- names ------------------------------------------------------------------------------

    def node(self) -> str:
        """Read the name of a node."""
        return self.choose("node", self.scope.nodes)

    def check(self) -> str:
        """Read the name of a check."""
        return self.choose("check", self.scope.checks)

    def channel(self) -> str:
        """Read the name of a channel."""
        return self.choose("channel", self.scope.channels)

    def nodes(self) -> tuple[str, ...]:
        """Read one or more nodes, separated by commas, or `all`."""
        if self.accept(EVERYBODY):
            return self.scope.nodes
        names = [self.node()]
        while self.accept(","):
            names.append(self.node())
        return tuple(dict.fromkeys(names))

    # --- amounts ----------------------------------------------------------------------------

    def duration(self) -> Seconds:
        """Read a duration such as 30s, 1m30s or 2h."""
        word = self.next_word("a time such as 30s or 1m30s")
        try:
            seconds = parse_duration(word)
        except InvalidValueError:
            raise SentenceError(
                f"{shown(word)} is not a time such as 30s, 1m30s, 2h or 500ms"
            ) from None
        if seconds > DURATION_S_MAX:
            raise SentenceError(f"{shown(word)} is too long")
        return seconds

    def percent(self, highest: float) -> float:
        """Read a share such as `20%` or `20 %`, and return it as a fraction."""
        word = self.next_word("a share such as 20%")
        found = _PERCENT.fullmatch(word)
        if found is None or (not word.endswith("%") and not self.accept("%")):
            raise SentenceError(f"{shown(word)} is not a share such as 20%")
        if float(found[1]) > highest:
            raise SentenceError(f"{word} is too much; at most {highest:g}%")
        return float(found[1]) / 100

    def number(self, kind: str) -> int:
        """Read a whole number."""
        word = self.next_word(kind)
        if not (word.isascii() and word.isdigit() and len(word) <= len("1000000")):
            raise SentenceError(f"{shown(word)} is not {kind}")
        return int(word)


@frozen
class Sentence(Generic[T]):
    """A kind of sentence: its usages, its meaning, and its reader."""

    usage: tuple[str, ...]
    meaning: str
    read: Callable[[Tokens], T]


def sentences(text: str, readers: Mapping[str, Callable[[Tokens], T]]) -> Mapping[str, Sentence[T]]:
    """Return the sentences of a table, each by the key of its reader.

    An entry of `text` lists the usages, one on each line or separated by ` | `, and then the
    meaning in indented lines.  The entries are in the order of `readers`.
    """
    entries = _ENTRY.findall(text)
    return MappingProxyType(
        {
            key: Sentence(tuple(_USAGE_END.split(usage.strip())), " ".join(meaning.split()), read)
            for (key, read), (usage, meaning) in zip(readers.items(), entries, strict=True)
        }
    )
