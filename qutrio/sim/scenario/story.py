"""What happened in a played scenario: values over time, pages, and lines of text."""

from bisect import bisect_right
from enum import Enum
from typing import Generic, TypeVar

from attrs import define, field, frozen

from qutrio.model.ids import Seconds
from qutrio.model.incidents import AnyKind
from qutrio.model.results import Outcome, State


def _parts(seconds: Seconds) -> tuple[int, int, int, int]:
    whole, hundredths = divmod(round(seconds * 100), 100)
    minutes, rest = divmod(whole, 60)
    return (*divmod(minutes, 60), rest, hundredths)


def time_text(seconds: Seconds) -> str:
    """Return a time for a sentence, as short as possible: `41.23s`, `2m`, `1h0m5s`."""
    hours, minutes, rest, hundredths = _parts(seconds)
    exact = f"{rest}.{hundredths:02d}".rstrip("0").rstrip(".")
    front = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    return front if front and exact == "0" else f"{front}{exact}s"


def clock_text(seconds: Seconds) -> str:
    """Return a time for a column: `41.23s`, `2m00.00s`, `1h00m05.00s`."""
    hours, minutes, rest, hundredths = _parts(seconds)
    if hours:
        return f"{hours}h{minutes:02d}m{rest:02d}.{hundredths:02d}s"
    return f"{minutes}m{rest:02d}.{hundredths:02d}s" if minutes else f"{rest}.{hundredths:02d}s"


T = TypeVar("T")


class Machine(Enum):
    """The state of a machine."""

    RUNNING = "running"
    DOWN = "down"
    SUSPENDED = "suspended"


class Standing(Enum):
    """The membership of a node by the master's document."""

    STRANGER = "stranger"
    LEARNER = "learner"
    VOTER = "voter"
    REMOVED = "removed"


class Answer(Enum):
    """The answer to an operator's request."""

    NOT_ASKED = "not asked yet"
    WAITING = "waiting for an answer"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@define
class Track(Generic[T]):
    """A value over time, which is `first` at 0."""

    first: T
    _times: list[Seconds] = field(init=False, factory=list)
    _values: list[T] = field(init=False, factory=list)

    @property
    def now(self) -> T:
        """The last value."""
        return self._values[-1] if self._values else self.first

    def put(self, at: Seconds, value: T) -> bool:
        """Record the value from `at` on, in order of time; return whether it is new."""
        if value == self.now:
            return False
        self._times.append(at)
        self._values.append(value)
        return True

    def at(self, time: Seconds) -> T:
        """Return the value at a time, after all changes at that time."""
        place = bisect_right(self._times, time)
        return self._values[place - 1] if place else self.first

    def since(self, time: Seconds) -> Seconds:
        """Return since when the value at a time was the same."""
        place = bisect_right(self._times, time)
        return self._times[place - 1] if place else 0.0

    def changes(self) -> list[Seconds]:
        """Return the times at which the value changed, in order."""
        return list(self._times)

    def spans(self, end: Seconds) -> list[tuple[Seconds, Seconds, T]]:
        """Return (from, to, value) for each value until `end`."""
        starts, values = [0.0, *self._times], [self.first, *self._values]
        ends = [*self._times, end]
        return [s for s in zip(starts, ends, values, strict=True) if s[0] < s[1]]


class LineKind(Enum):
    """The kind of a line, for colours, marks and scripts."""

    DEED = "deed"
    OVER = "over"
    ACTS = "acts"
    ENDS = "ends"
    MACHINE = "machine"
    QUORUM = "quorum"
    VOTE = "vote"
    VERDICT = "verdict"
    PAGE = "page"
    UNDELIVERED = "undelivered"
    CHANGE = "change"
    MEMBER = "member"
    NOTE = "note"
    BROKEN = "broken"


@frozen
class Line:
    """One line of a story.  `node` is empty for actions on the world."""

    at_s: Seconds
    node: str
    kind: LineKind
    text: str


@frozen(kw_only=True)
class Page:
    """A notice that reached its channel; `again` says that the channel had it before."""

    at_s: Seconds
    node: str
    channel: str
    check: str
    kind: AnyKind
    again: bool


@frozen(kw_only=True)
class Span:
    """How long an entry of the timeline was in force."""

    text: str
    start_s: Seconds
    end_s: Seconds
    links: tuple[tuple[str, str], ...] = ()


@define(kw_only=True)
class Story:
    """Everything that expectations, reports and drawings need of a played scenario."""

    end_s: Seconds
    acting: Track[frozenset[str]] = field(factory=lambda: Track(frozenset()))
    term: Track[int] = field(factory=lambda: Track(0))
    quorum: Track[frozenset[str]] = field(factory=lambda: Track(frozenset()))
    agree: Track[bool] = field(factory=lambda: Track(first=True))
    outbox: Track[int] = field(factory=lambda: Track(0))
    machines: dict[str, Track[Machine]] = field(factory=dict)
    standing: dict[str, Track[Standing]] = field(factory=dict)
    verdicts: dict[str, Track[State]] = field(factory=dict)
    votes: dict[tuple[str, str], Track[Outcome | None]] = field(factory=dict)
    known: dict[str, Track[tuple[frozenset[str], frozenset[str]]]] = field(factory=dict)
    """By check: the running members whose document has it, and all running members."""
    answers: dict[str, Track[Answer]] = field(factory=dict)
    """By the text of a request: the answer."""
    pages: list[Page] = field(factory=list)
    spans: list[Span] = field(factory=list)
    lines: list[Line] = field(factory=list)
    broken: str | None = None
    """The invariant that qutrio broke, if any, which is a bug."""
