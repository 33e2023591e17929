"""A sentence of a scenario, read word by word, with complaints that say what would be right."""

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
"""How alike two words must be for one to be suggested in place of the other."""
EVERYBODY, NOBODY = "all", "nobody"
_TOKEN = re.compile(r"<->|->|,|[^\s,]+?(?=<?->|,|\s|$)|[^\s,]+")
_USAGE_END = re.compile(r" \| |\n")
_ENTRY = re.compile(r"((?:\S.*\n)+)((?:    .*\n)+)")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%?")


class SentenceError(Exception):
    """A sentence does not say anything that can be played; the message says what would."""


@frozen(kw_only=True)
class Scope:
    """The names that a sentence may use, and what they stand for."""

    nodes: tuple[str, ...]
    checks: Mapping[str, Check]
    channels: Mapping[str, Channel]
    settings: Settings

    def attached(self, check: str) -> tuple[str, ...]:
        """Return the channels that hear of a check; without a name, those that hear of any."""
        alerts = self.checks[check].alerts if check else ()
        return tuple(
            name
            for name, channel in self.channels.items()
            if channel.enabled and (not check or channel.default or name in alerts)
        )


def listed(words: Iterable[str]) -> str:
    """Return words as a list for people, cut short when there are many."""
    known = list(words)
    shown = ", ".join(known[:LISTED_MAX])
    return f"{shown} and {len(known) - LISTED_MAX} more" if len(known) > LISTED_MAX else shown


def shown(word: str) -> str:
    """Return a word in quotes as it may appear in a complaint."""
    return repr(word if len(word) <= SHOWN_CHARS_MAX else word[: SHOWN_CHARS_MAX - 3] + "...")


def unknown(kind: str, word: str, known: Collection[str], plural: str = "") -> SentenceError:
    """Return the complaint about a word that is none of `known`."""
    near = get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=NEAR)
    meant = [k for k in known if k.lower() in near][:1]
    hint = f"; did you mean {meant[0]!r}?" if meant else ""
    there = f" ({plural or kind + 's'}: {listed(known)})" if known else f" (there are no {kind}s)"
    return SentenceError(f"there is no {kind} {shown(word)}{hint}{there}")


def split(text: str) -> tuple[str, ...]:
    """Return the words of a sentence; commas and arrows are words of their own."""
    return tuple(_TOKEN.findall(text))


def is_duration(word: str) -> bool:
    """Tell whether a word is a span of time with a unit."""
    try:
        parse_duration(word)
    except InvalidValueError:
        return False
    return True


@define
class Tokens:
    """The words that are still to be read.  Every complaint is a `SentenceError`."""

    scope: Scope
    _words: tuple[str, ...] = field(converter=split)
    _next: int = 0

    @property
    def left(self) -> bool:
        """Whether anything is left."""
        return self._next < len(self._words)

    def peek(self, ahead: int = 0) -> str:
        """Return the next word without taking it; empty at the end."""
        place = self._next + ahead
        return self._words[place] if place < len(self._words) else ""

    def rest(self) -> tuple[str, ...]:
        """Return the words that are left without taking them."""
        return self._words[self._next :]

    def skip(self) -> None:
        """Take everything that is left."""
        self._next = len(self._words)

    def next_word(self, wanted: str) -> str:
        """Take the next word; `wanted` says for a complaint what it should be."""
        word = self.peek()
        if not word:
            raise SentenceError(f"it ends where {wanted} should follow")
        self._next += 1
        return word

    def accept(self, *words: str) -> bool:
        """Take these words if they come next."""
        if any(self.peek(k) != word for k, word in enumerate(words)):
            return False
        self._next += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Take these words, which must come next."""
        for word in words:
            found = self.next_word(shown(word))
            if found != word:
                raise SentenceError(f"{shown(found)} stands where {word!r} should")

    def choose(self, kind: str, choices: Collection[str], plural: str = "") -> str:
        """Take one of several words."""
        word = self.next_word(f"a {kind}" if kind[0] not in "aeiou" else f"an {kind}")
        if word not in choices:
            raise unknown(kind, word, choices, plural)
        return word

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self.left:
            raise SentenceError(f"{shown(self.peek())} is not understood; leave it out")

    # --- names ------------------------------------------------------------------------------

    def node(self) -> str:
        """Take the name of a node."""
        return self.choose("node", self.scope.nodes)

    def check(self) -> str:
        """Take the name of a check."""
        return self.choose("check", self.scope.checks)

    def channel(self) -> str:
        """Take the name of a channel."""
        return self.choose("channel", self.scope.channels)

    def nodes(self) -> tuple[str, ...]:
        """Take one or more nodes, with commas between them, or `all`."""
        if self.accept(EVERYBODY):
            return self.scope.nodes
        names = [self.node()]
        while self.accept(","):
            names.append(self.node())
        return tuple(dict.fromkeys(names))

    # --- amounts ----------------------------------------------------------------------------

    def duration(self) -> Seconds:
        """Take a span of time such as 30s, 1m30s or 2h."""
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
        """Take a share such as `20%` or `20 %`, and return it as a part of one."""
        word = self.next_word("a share such as 20%")
        found = _PERCENT.fullmatch(word)
        if found is None or (not word.endswith("%") and not self.accept("%")):
            raise SentenceError(f"{shown(word)} is not a share such as 20%")
        if float(found[1]) > highest:
            raise SentenceError(f"{word} is too much; at most {highest:g}%")
        return float(found[1]) / 100

    def number(self, kind: str) -> int:
        """Take a whole number."""
        word = self.next_word(kind)
        if not (word.isascii() and word.isdigit() and len(word) <= len("1000000")):
            raise SentenceError(f"{shown(word)} is not {kind}")
        return int(word)


@frozen
class Sentence(Generic[T]):
    """One kind of sentence: how it is written, what it means, and what reads it."""

    usage: tuple[str, ...]
    meaning: str
    read: Callable[[Tokens], T]


def sentences(text: str, readers: Mapping[str, Callable[[Tokens], T]]) -> Mapping[str, Sentence[T]]:
    """Return the sentences of a table, each by the key of its reader.

    Each entry of `text` is its usages, one on each line or with ` | ` between them, and its
    meaning in indented lines.  The entries are in the order of `readers`.
    """
    entries = _ENTRY.findall(text)
    return MappingProxyType(
        {
            key: Sentence(tuple(_USAGE_END.split(usage.strip())), " ".join(meaning.split()), read)
            for (key, read), (usage, meaning) in zip(readers.items(), entries, strict=True)
        }
    )
