"""Predicates of expectations, and whether and when a story fulfils them."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import ClassVar, Generic, Protocol, TypeVar

from attrs import frozen

from qutrio.model.ids import Seconds
from qutrio.model.incidents import NoticeKind
from qutrio.sim.scenario.story import Page, Story, Track, time_text

T = TypeVar("T")
PAGES_SHOWN_MAX = 4


class Predicate(Protocol):
    """Something that is true or false at a time."""

    counts: ClassVar[bool]
    """Whether it counts events, and so is judged at the end of its window."""

    def changes(self, story: Story) -> list[Seconds]:
        """Return the times at which it may have changed."""

    def holds(self, story: Story, since: Seconds, at: Seconds) -> bool:
        """Return whether it was true at a time; counts begin at `since`."""

    def describe(self, story: Story, since: Seconds, at: Seconds) -> str:
        """Return a description of the state at a time, and since when it was so."""


def names(nodes: Iterable[str]) -> str:
    """Return names as a list for people."""
    return ", ".join(sorted(nodes)) or "nobody"


@frozen
class StateIs(Generic[T]):
    """A value of the story that changes over time satisfies `is_so`."""

    counts: ClassVar = False
    of: Callable[[Story], Track[T]]
    is_so: Callable[[T], bool]
    say: Callable[[T], str]

    def changes(self, story: Story) -> list[Seconds]:
        """Return the times at which the value changed."""
        return self.of(story).changes()

    def holds(self, story: Story, since: Seconds, at: Seconds) -> bool:
        """Return whether the value at a time is as expected."""
        del since
        return self.is_so(self.of(story).at(at))

    def describe(self, story: Story, since: Seconds, at: Seconds) -> str:
        """Return the value, and since when it was so."""
        del since
        track = self.of(story)
        start = track.since(at)
        return f"{self.say(track.at(at))} " + (
            f"since {time_text(start)}" if start else "all along"
        )


@frozen(kw_only=True)
class Paged:
    """Notices that reached a channel: exactly `count` on each, or at least one on any.

    An empty value or None matches anything.
    """

    counts: ClassVar = True
    check: str
    kind: NoticeKind | None
    count: int | None
    node: str
    channels: tuple[str, ...]

    def changes(self, story: Story) -> list[Seconds]:
        """Return the times at which such notices arrived."""
        return [page.at_s for page in story.pages if self._is_such(page)]

    def holds(self, story: Story, since: Seconds, at: Seconds) -> bool:
        """Compare the number of notices until a time."""
        on = [page.channel for page in self._between(story, since, at)]
        if self.count is None:
            return bool(on)
        if not self.channels:
            return not self.count
        return all(on.count(channel) == self.count for channel in self.channels)

    def describe(self, story: Story, since: Seconds, at: Seconds) -> str:
        """Return who sent which notices when."""
        told = [_page_text(page) for page in self._between(story, since, at)]
        if not self.channels:
            return "no such page was sent, for no channel is attached"
        if not told:
            return "no such page was sent"
        more = f"; {len(told) - PAGES_SHOWN_MAX} more" if len(told) > PAGES_SHOWN_MAX else ""
        return "; ".join(told[:PAGES_SHOWN_MAX]) + more

    def _between(self, story: Story, since: Seconds, at: Seconds) -> list[Page]:
        return [p for p in story.pages if since <= p.at_s <= at and self._is_such(p)]

    def _is_such(self, page: Page) -> bool:
        return (
            page.channel in self.channels
            and self.check in {"", page.check}
            and self.kind in {None, page.kind}
            and self.node in {"", page.node}
        )


def _page_text(page: Page) -> str:
    again = " again" if page.again else ""
    what = f"{page.check} {page.kind.value}{again}"
    return f"{page.node} told {page.channel} of {what} at {time_text(page.at_s)}"


class Mode(Enum):
    """How a claim applies to the times of its window."""

    AT = "at"
    BY = "by"
    WITHIN = "within"
    ALWAYS = "always"
    NEVER = "never"


@frozen
class Window:
    """When a claim must hold: from `start_s` to `end_s`, or to the end if that is None."""

    mode: Mode
    start_s: Seconds = 0.0
    end_s: Seconds | None = None


@frozen(kw_only=True)
class Expectation:
    """One line of what is expected."""

    window: Window
    predicate: Predicate
    text: str
    line: int


@frozen(kw_only=True)
class Verdict:
    """Whether an expectation held, when that became certain, and why."""

    expectation: Expectation
    held: bool
    at_s: Seconds
    reason: str


def judge(expectation: Expectation, story: Story) -> Verdict:
    """Return the verdict on an expectation."""
    window, predicate = expectation.window, expectation.predicate
    start_s = 0.0 if window.mode is Mode.AT else window.start_s
    end_s = story.end_s if window.end_s is None else window.end_s

    def is_so(at: Seconds) -> bool:
        return predicate.holds(story, start_s, at)

    def verdict(at: Seconds, *, held: bool, told: str = "") -> Verdict:
        reason = told or f"at {time_text(at)}: {predicate.describe(story, start_s, at)}"
        return Verdict(expectation=expectation, held=held, at_s=at, reason=reason)

    if window.mode is Mode.AT or (predicate.counts and window.mode in {Mode.BY, Mode.WITHIN}):
        return verdict(end_s, held=is_so(end_s))
    between = sorted({t for t in predicate.changes(story) if start_s < t <= end_s})
    moments = [start_s, *between]
    always = window.mode is Mode.ALWAYS
    found = next((t for t in moments if is_so(t) is not always), None)
    if window.mode in {Mode.BY, Mode.WITHIN}:
        return verdict(end_s if found is None else found, held=found is not None)
    if found is not None:
        return verdict(found, held=False)
    between_s = f"from {time_text(start_s)} to {time_text(end_s)}"
    return verdict(end_s, held=True, told=f"{'always' if always else 'never'} so {between_s}")
