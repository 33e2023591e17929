"""Reads and checks a whole scenario file before it is played."""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from attrs import define, evolve, frozen

from qutrio.codec.duration import parse_duration
from qutrio.codec.yaml_text import Path, read_yaml
from qutrio.errors import InvalidDocumentError, InvalidValueError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Seconds
from qutrio.sim.scenario.actions import Entry, Request
from qutrio.sim.scenario.expectations import read_predicate, read_window
from qutrio.sim.scenario.predicates import Expectation
from qutrio.sim.scenario.problems import Problems, text, without_secrets
from qutrio.sim.scenario.requests import request_text, scope_after
from qutrio.sim.scenario.setup import OpenFile, declared, narrowed, playable
from qutrio.sim.scenario.story import time_text
from qutrio.sim.scenario.timeline import read_action
from qutrio.sim.scenario.tokens import (
    SENTENCE_CHARS_MAX,
    Scope,
    SentenceError,
    Tokens,
    shown,
    split,
    unknown,
)

FILE_BYTES_MAX = 256 * 1024
ENTRIES_MAX = 1000
EXPECTATIONS_MAX = 500
UNTIL_S_MAX: Seconds = 24 * 3600.0
AFTERWARDS_S: Seconds = 60.0
"""How long the play continues after the last time in the file."""
TITLE_CHARS_MAX = 120
FIELDS: Final = (
    "title",
    "nodes",
    "cluster",
    "settings",
    "checks",
    "channels",
    "until",
    "timeline",
    "expect",
)
_INDENTED_BY_TAB = re.compile(r"^ *\t+ *\S", re.MULTILINE)

_EXAMPLES: Final = MappingProxyType(
    {"timeline": "at 10s: cut alpha -> bravo", "expect": "by 55s: paged web down once"}
)

FIRST_LINE: Final = "nodes: [alpha, bravo, charlie]"


@frozen(kw_only=True)
class Scenario:
    """A scenario: the initial cluster, what happens, and what is expected."""

    title: str
    source: str
    document: ClusterDocument
    scope: Scope
    """All names that occur anywhere."""
    entries: tuple[Entry, ...]
    expectations: tuple[Expectation, ...]
    until_s: Seconds


def decode(data: bytes, source: str) -> str:
    """Return the text of a file.  Raises `InvalidDocumentError` if it cannot be a scenario."""
    if len(data) > FILE_BYTES_MAX:
        problem = f"is larger than {FILE_BYTES_MAX // 1024} KiB; a scenario is a short text"
        raise InvalidDocumentError(f"{source}: {problem}")
    try:
        decoded = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded:
        raise InvalidDocumentError(f"{source}: is not a text in UTF-8")
    return decoded


def read(text: str, source: str, open_file: OpenFile) -> Scenario:
    """Read a scenario.

    Args:
        text: the contents of the file.
        source: its name in messages.
        open_file: opens the file that `cluster` names.

    Raises `InvalidDocumentError` that lists up to `PROBLEMS_MAX` problems, one on each line,
    each with source and line.
    """
    tab = _INDENTED_BY_TAB.search(text)
    if tab is not None:
        line = text.count("\n", 0, tab.start()) + 1
        problem = "is indented with a tab; YAML wants spaces"
        raise InvalidDocumentError(f"{source}:{line}: {problem}")
    try:
        yaml = read_yaml(text, source)
    except InvalidDocumentError as error:
        if not str(error).endswith(("is empty", "holds no settings")):
            raise
        raise InvalidDocumentError(f"{error}; write {FIRST_LINE!r} to begin with") from None
    return _Reader(Problems(yaml, source), open_file).read()


@define
class _Reader:
    """Reads part by part, and continues after a problem, to report several at once."""

    problems: Problems
    open_file: OpenFile

    def read(self) -> Scenario:
        data = self.problems.data
        for name in [name for name in data if name not in FIELDS]:
            self.problems.add((name,), str(unknown("field", name, FIELDS)))
        title = self.problems.attempt(("title",), lambda: _title(data.get("title")))
        document = declared(self.problems, self.open_file)
        if document is None or title is None:
            raise self.problems.refusal()
        checks, channels = playable(document)
        scope = Scope(
            nodes=tuple(m.name for m in document.members),
            checks=checks,
            channels=channels,
            settings=document.settings,
        )
        entries, everybody = self._timeline(scope)
        expectations = self._expectations(everybody, entries)
        until_s = self._until(entries, expectations)
        if until_s is None or self.problems.found:
            raise self.problems.refusal()
        if "cluster" in data:
            texts = [*(e.text for e in entries), *(e.text for e in expectations)]
            document = narrowed(document, {word for text in texts for word in split(text)})
        return Scenario(
            title=title,
            source=self.problems.source,
            document=document,
            scope=everybody,
            entries=entries,
            expectations=expectations,
            until_s=until_s,
        )

    # --- sentences --------------------------------------------------------------------------

    def _sentences(self, name: str, most: int) -> Iterator[tuple[str, str, Path]]:
        """Yield the parts before and after each colon of a list, and their place."""
        items = self.problems.data.get(name)
        if items is None:
            return
        example = _EXAMPLES[name]
        if not isinstance(items, list):
            self.problems.add((name,), f"{name}: is not a list; write lines such as '- {example}'")
            return
        count = 0
        for index, item in enumerate(items):
            place: Path = (name, index)
            if not isinstance(item, dict) or len(item) != 1:
                self.problems.add(place, f"{_brief(item)} is not a line such as '- {example}'")
                continue
            ((before, behind),) = item.items()
            if behind is None:
                self.problems.add(place, f"'{before}:' says nothing behind the colon")
                continue
            for sentence in behind if isinstance(behind, list) else [behind]:
                count += 1
                if count > most:
                    self.problems.add(place, f"{name}: holds more than {most} sentences")
                    return
                if isinstance(sentence, str) and len(sentence) <= SENTENCE_CHARS_MAX:
                    yield before, sentence, (name, index, before)
                else:
                    self.problems.add(
                        place, f"{_brief(sentence)} is not a line such as '- {example}'"
                    )

    def _timeline(self, scope: Scope) -> tuple[tuple[Entry, ...], Scope]:
        """Return the entries, and the scope with all names of the cluster and the entries."""
        entries: list[Entry] = []
        everybody = scope
        for before, sentence, place in self._sentences("timeline", ENTRIES_MAX):
            try:
                entry = self._entry(before, sentence, place, scope)
            except SentenceError as error:
                self.problems.add(place, f"'{before}: {sentence}': {error}")
                continue
            if entries and entry.at_s < entries[-1].at_s:
                last = time_text(entries[-1].at_s)
                problem = f"comes after 'at {last}'; put the lines in order of time"
                self.problems.add(place, f"'{before}: {sentence}': {problem}")
            entries.append(entry)
            scope = scope_after(scope, entry.action)
            checks = {**everybody.checks, **scope.checks}
            everybody = evolve(everybody, nodes=scope.nodes, checks=checks)
        return tuple(entries), everybody

    def _entry(self, before: str, sentence: str, place: Path, scope: Scope) -> Entry:
        when = Tokens(scope, before)
        if when.peek() != "at":
            raise SentenceError("begins with 'at TIME', such as 'at 10s'")
        when.expect("at")
        at_s = when.duration()
        when.end()
        action, for_s = read_action(Tokens(scope, sentence))
        return Entry(
            at_s=at_s,
            action=action,
            for_s=for_s,
            text=" ".join(without_secrets(sentence).split()),
            line=self.problems.yaml.line(place),
        )

    def _expectations(self, scope: Scope, entries: tuple[Entry, ...]) -> tuple[Expectation, ...]:
        requests = frozenset(request_text(e.text) for e in entries if isinstance(e.action, Request))
        expectations: list[Expectation] = []
        for before, sentence, place in self._sentences("expect", EXPECTATIONS_MAX):
            try:
                said = " ".join(without_secrets(sentence).split())
                expectation = Expectation(
                    window=read_window(Tokens(scope, before)),
                    predicate=read_predicate(Tokens(scope, sentence), requests),
                    text=f"{' '.join(before.split())}: {said}",
                    line=self.problems.yaml.line(place),
                )
            except SentenceError as error:
                self.problems.add(place, f"'{before}: {sentence}': {error}")
                continue
            expectations.append(expectation)
        return tuple(expectations)

    def _until(
        self, entries: tuple[Entry, ...], expectations: tuple[Expectation, ...]
    ) -> Seconds | None:
        """Return the end of the play, which is after all times in the file."""
        ends = [(e.at_s, "timeline", e.line) for e in entries]
        ends += [(e.window.end_s or e.window.start_s, "expect", e.line) for e in expectations]
        last_s = max((end_s for end_s, _, _ in ends), default=0.0)
        over_s = [e.at_s + (e.for_s or 0.0) for e in entries]
        until_s: Seconds | None = min(max([last_s, *over_s]) + AFTERWARDS_S, UNTIL_S_MAX)
        if "until" in self.problems.data:
            until_s = self.problems.attempt(
                ("until",), lambda: _duration(self.problems.data["until"])
            )
        if until_s is None:
            return None
        if until_s > UNTIL_S_MAX:
            self.problems.add(("until",), f"until: a play lasts {time_text(UNTIL_S_MAX)} at most")
        for end_s, name, line in ends:
            if end_s > until_s:
                problem = f"{time_text(end_s)} is after the end of the play, {time_text(until_s)}"
                hint = "" if until_s >= UNTIL_S_MAX else "; set 'until' later"
                self.problems.add_at(line, f"{name}: {problem}{hint}")
        return until_s


def _title(value: object) -> str:
    if value is None:
        return ""
    title = " ".join(text(value).split())
    if len(title) > TITLE_CHARS_MAX:
        raise SentenceError(f"is longer than {TITLE_CHARS_MAX} characters")
    return title


def _duration(value: object) -> Seconds:
    try:
        return parse_duration(value)
    except InvalidValueError as error:
        raise SentenceError(error.problem) from None


def _brief(value: object) -> str:
    return shown(value if isinstance(value, str) else repr(value))
