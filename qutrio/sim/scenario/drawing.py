"""Draws a played scenario: one lane for each node, time from left to right.

From top to bottom: the master's verdict on each check, the lanes, the entries of the timeline,
the expectations, and a legend.
"""

from collections import Counter
from itertools import pairwise, zip_longest
from typing import Final

from attrs import define, field, frozen

from qutrio.model.ids import Seconds
from qutrio.model.incidents import NoticeKind
from qutrio.model.results import Outcome, State
from qutrio.sim.scenario.report import Played
from qutrio.sim.scenario.story import Machine, Page, Span, Standing, Story, time_text
from qutrio.sim.scenario.svg import Sheet, shortened, width_of

WIDTH, LEFT, RIGHT = 1200.0, 128.0, 28.0
HEAD, CHECK, LANE, BAND, ROW, FOOT_LINE = 70.0, 24.0, 54.0, 22.0, 19.0, 17.0
ROWS_MAX = 40
ARROWS_MAX = 4
"""A cut of more links than these is drawn only along the lanes."""
EXPECTATIONS_MAX = 30
TICKS_MAX = 14
_STEPS: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600,
)  # fmt: skip
_STATES: Final = {State.UP: "f-good", State.DOWN: "f-bad", State.UNKNOWN: "f-vague"}
_VOTES: Final = {Outcome.OK: "f-good", Outcome.FAIL: "f-bad", Outcome.ABSTAIN: "f-vague"}


def draw(played: Played) -> str:
    """Return an SVG file."""
    return _Drawing(played).draw()


@frozen
class _Bar:
    """An entry of the timeline, laid out: its span and its row."""

    span: Span
    row: int


@frozen
class _Looks:
    """The look of a node for a while: its box, the tooltip, and the label."""

    box: str
    tip: str
    label: str = ""
    ink: str = "f-mute"


@define
class _Drawing:
    played: Played
    sheet: Sheet = field(init=False)
    _bars: list[_Bar] = field(init=False, factory=list)
    _lost: int = field(init=False, default=0)

    @property
    def story(self) -> Story:
        return self.played.story

    def draw(self) -> str:
        self._pack()
        rows = 1 + max((bar.row for bar in self._bars), default=-1)
        checks, nodes = len(self.story.verdicts), len(self.story.machines)
        expected = min(len(self.played.verdicts), EXPECTATIONS_MAX)
        lanes = HEAD + 14 + checks * CHECK
        entries = lanes + nodes * LANE + 8
        foot = entries + rows * ROW + 34
        legend = foot + expected * FOOT_LINE + 14
        self.sheet = Sheet(WIDTH, legend + 46)
        self._head()
        self._axis(HEAD, foot - 22)
        for number, check in enumerate(self.story.verdicts):
            self._check(check, HEAD + 14 + number * CHECK)
        tops = {name: lanes + n * LANE for n, name in enumerate(self.story.machines)}
        for name, top in tops.items():
            self._lane(name, top)
        self._cuts(tops)
        for name, top in tops.items():
            self._marks(name, top)
        for bar in self._bars:
            self._entry(bar, entries + bar.row * ROW)
        self._expectations(foot)
        self._legend(legend)
        return self.sheet.render()

    def x(self, at: Seconds) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / self.story.end_s

    # --- around the lanes -------------------------------------------------------------------

    def _head(self) -> None:
        scenario, settings = self.played.scenario, self.played.scenario.document.settings
        title = scenario.title or scenario.source
        self.sheet.name(title)
        self.sheet.text(16, 27, shortened(title, WIDTH - 40, 16), "h f-ink")
        timers = (
            f"{settings.engine}, heartbeat {time_text(settings.heartbeat_s)}, "
            f"dead after {time_text(settings.dead_after_s)}, "
            f"cooldown {time_text(settings.master_cooldown_s)}, seed {self.played.seed}"
        )
        self.sheet.text(16, 45, timers, "f-mute")

    def _axis(self, top: float, bottom: float) -> None:
        end_s = self.story.end_s
        step = next((s for s in _STEPS if end_s / s <= TICKS_MAX), _STEPS[-1])
        for number in range(int(end_s // step) + 1):
            x = self.x(number * step)
            self.sheet.line(x, top, x, bottom, "s-grid")
            for y in (top - 4, bottom + 13):
                self.sheet.text(x, y, time_text(number * step), "small middle f-mute")

    def _check(self, check: str, top: float) -> None:
        self.sheet.text(LEFT - 10, top + 12, shortened(check, LEFT - 20), "end f-ink")
        for start, end, state in self.story.verdicts[check].spans(self.story.end_s):
            tip = f"{check} is {state.value} from {time_text(start)} to {time_text(end)}"
            width = self.x(end) - self.x(start)
            self.sheet.box(self.x(start), top + 3, width, 11, _STATES[state], tip=tip, r=2)

    def _expectations(self, top: float) -> None:
        verdicts = self.played.verdicts
        for number, verdict in enumerate(verdicts[:EXPECTATIONS_MAX]):
            y = top + number * FOOT_LINE + 12
            mark, looks = ("✓", "b f-good") if verdict.held else ("✗", "b f-bad")
            self.sheet.text(LEFT, y, mark, looks)
            text = f"{verdict.expectation.text}   ({verdict.reason})"
            fitting = shortened(text, WIDTH - LEFT - RIGHT - 18)
            self.sheet.text(LEFT + 16, y, fitting, "f-ink", tip=text)
        if verdicts:
            more = len(verdicts) - EXPECTATIONS_MAX
            words = "expected" if more <= 0 else f"expected (+{more})"
            self.sheet.text(LEFT - 10, top + 12, words, "end f-mute")

    # --- lanes ------------------------------------------------------------------------------

    def _lane(self, name: str, top: float) -> None:
        y = top + 20
        self.sheet.text(LEFT - 10, y + 15, shortened(name, LEFT - 20, 12), "b end f-ink")
        for start, end, looks in self._looks(name):
            x, width = self.x(start), self.x(end) - self.x(start)
            tip = f"{name} {looks.tip} from {time_text(start)} to {time_text(end)}"
            if looks.box:
                self.sheet.box(x, y, width, BAND, looks.box, tip=tip, r=2)
                self._label(x, y, width, looks.label, looks.ink)

    def _looks(self, name: str) -> list[tuple[Seconds, Seconds, "_Looks"]]:
        """Return the looks of a node as (from, to, looks), one for each change."""
        story = self.story
        tracks = (
            story.machines[name],
            story.standing[name],
            story.quorum,
            story.acting,
            story.term,
        )
        moments = sorted({t for track in tracks for t in track.changes() if t < story.end_s})
        looks: list[tuple[Seconds, Seconds, _Looks]] = []
        for begin, end in pairwise(dict.fromkeys([0.0, *moments, story.end_s])):
            now = self._look(name, begin)
            if looks and looks[-1][2] == now:
                begin = looks.pop()[0]  # noqa: PLW2901 - the look continues
            looks.append((begin, end, now))
        return looks

    def _look(self, name: str, at: Seconds) -> "_Looks":
        story = self.story
        standing, machine = story.standing[name].at(at), story.machines[name].at(at)
        if standing is Standing.REMOVED:
            return _Looks("none s-vague", "is removed", "removed")
        if machine is Machine.DOWN:
            there = standing is not Standing.STRANGER
            return _Looks("none s-vague dash" if there else "", "is down", "down")
        if machine is Machine.SUSPENDED:
            return _Looks("f-hatch", "is suspended", "suspended", "f-ink")
        if name in story.acting.at(at):
            term = story.term.at(at)
            return _Looks("f-acts", f"acts in term {term}", f"acts, term {term}", "b f-onacts")
        if name in story.quorum.at(at):
            return _Looks("f-runs", "runs")
        return _Looks("f-alone", "hears no majority")

    def _label(self, x: float, y: float, width: float, text: str, looks: str) -> None:
        fitting = shortened(text, width - 10)
        if fitting == text:
            self.sheet.text(x + 6, y + 15, fitting, looks)

    def _cuts(self, tops: dict[str, float]) -> None:
        """Draw the cuts: lines along the lanes while they last, arrows where they begin."""
        half = (len(tops) - 1) / 2
        for span in self.story.spans:
            x, end = self.x(span.start_s), self.x(span.end_s)
            unheard = Counter(a for a, _ in span.links)
            deaf = Counter(b for _, b in span.links)
            for counts, below, words in ((unheard, 0, "is not heard"), (deaf, 1, "does not hear")):
                for name, count in counts.items():
                    y = tops[name] + 18 + below * (BAND + 4)
                    looks = "s-bad fat" if count >= half else "s-bad dots"
                    self.sheet.line(x, y, end, y, looks, tip=f"{name} {words}: {span.text}")
            if len(span.links) <= ARROWS_MAX:
                for source, to in span.links:
                    self._arrow(x, tops[source], tops[to])

    def _arrow(self, x: float, source: float, to: float) -> None:
        """Draw an arrow between two lanes, from the side that is not heard."""
        down = to > source
        y1, y2 = (source + 20 + BAND, to + 20) if down else (source + 20, to + 20 + BAND)
        head = -5 if down else 5
        self.sheet.line(x, y1, x, y2, "s-bad")
        self.sheet.shape([(x - 3, y2 + head), (x + 3, y2 + head), (x, y2)], "f-bad")

    def _marks(self, name: str, top: float) -> None:
        y = top + 20 + BAND + 5
        for (node, check), track in self.story.votes.items():
            if node != name:
                continue
            for (_, _, before), (at, _, outcome) in pairwise(track.spans(self.story.end_s)):
                if outcome is not None and not (before is None and outcome is Outcome.OK):
                    self._vote(self.x(at), y, outcome, f"{name} votes {outcome.value} on {check}")
        pages = [p for p in self.story.pages if p.node == name]
        for page, later in zip_longest(pages, pages[1:]):
            room = WIDTH if later is None else self.x(later.at_s) - self.x(page.at_s)
            self._flag(page, top + 20, room)

    def _vote(self, x: float, y: float, outcome: Outcome, tip: str) -> None:
        match outcome:
            case Outcome.FAIL:
                points = [(x - 4, y), (x + 4, y), (x, y + 7)]
            case Outcome.OK:
                points = [(x - 4, y + 7), (x + 4, y + 7), (x, y)]
            case Outcome.ABSTAIN:
                points = [(x - 3, y), (x + 3, y), (x + 3, y + 6), (x - 3, y + 6)]
        self.sheet.shape(points, _VOTES[outcome], tip=tip)

    def _flag(self, page: Page, y: float, room: float) -> None:
        x = self.x(page.at_s)
        down = page.kind is NoticeKind.DOWN
        fill, stroke = ("f-bad", "s-bad") if down else ("f-good", "s-good")
        again = " again" if page.again else ""
        words = f"{page.check} {page.kind.value}{again}"
        tip = f"{page.node} tells {page.channel}: {words} at {time_text(page.at_s)}"
        self.sheet.line(x, y - 16, x, y, stroke, tip=tip)
        self.sheet.shape([(x, y - 16), (x + 11, y - 12), (x, y - 8)], fill, tip=tip)
        label = words if width_of(words, 10) + 18 < min(room, WIDTH - RIGHT - x + 20) else ""
        if label:
            self.sheet.text(x + 13, y - 8, label, "small f-ink")

    # --- timeline ---------------------------------------------------------------------------

    def _pack(self) -> None:
        """Give every entry the first row with room for it and its text."""
        taken: list[float] = []
        for span in self.story.spans:
            start = self.x(span.start_s)
            needed = max(self.x(span.end_s), start + width_of(span.text) + 16) + 10
            row = next((n for n, end in enumerate(taken) if end <= start), len(taken))
            if row >= ROWS_MAX:
                self._lost += 1
                continue
            taken[row : row + 1] = [needed]
            self._bars.append(_Bar(span, row))

    def _entry(self, bar: _Bar, top: float) -> None:
        span = bar.span
        x, end = self.x(span.start_s), self.x(span.end_s)
        tip = f"{span.text}: from {time_text(span.start_s)} to {time_text(span.end_s)}"
        if bar.row == 0 and bar is self._bars[0]:
            words = "done" if not self._lost else f"done (+{self._lost})"
            self.sheet.text(LEFT - 10, top + 12, words, "end f-mute")
        self.sheet.box(x, top + 1, max(end - x, 3), 15, "f-deed", tip=tip, r=2)
        self.sheet.box(x, top + 1, 3, 15, "f-deedline")
        room = WIDTH - x - 12
        beside = width_of(span.text) + 10 > room
        if beside and x - LEFT > width_of(span.text):
            self.sheet.text(x - 6, top + 12, span.text, "end f-ink", tip=tip)
        else:
            self.sheet.text(x + 8, top + 12, shortened(span.text, room), "f-ink", tip=tip)

    # --- legend -----------------------------------------------------------------------------

    def _legend(self, top: float) -> None:
        x, y = LEFT, top + 12
        for looks, words in (
            ("f-acts", "acts"),
            ("f-runs", "runs"),
            ("f-alone", "hears no majority"),
            ("f-hatch", "suspended"),
            ("none s-vague dash", "down"),
        ):
            self.sheet.box(x, y - 9, 18, 11, looks, r=2)
            x = self._word(x + 23, y, words)
        self.sheet.line(x, y - 4, x + 18, y - 4, "s-bad fat")
        self._word(
            x + 23, y, "above the band: not heard; below: does not hear; dotted: for less than half"
        )
        x, y = LEFT, y + 18
        for outcome in Outcome:
            self._vote(x + 5, y - 8, outcome, "")
            x = self._word(x + 14, y, f"votes {outcome.value}")
        for kind, words in (("bad", "tells of an outage"), ("good", "tells of a recovery")):
            self.sheet.line(x, y - 10, x, y + 2, f"s-{kind}")
            self.sheet.shape([(x, y - 10), (x + 11, y - 6), (x, y - 2)], f"f-{kind}")
            x = self._word(x + 15, y, words)
        for state in (State.UP, State.DOWN, State.UNKNOWN):
            self.sheet.box(x, y - 8, 18, 9, _STATES[state], r=2)
            x = self._word(x + 23, y, f"is {state.value}")

    def _word(self, x: float, y: float, words: str) -> float:
        """Write a word of the legend, and return the place of the next sign."""
        self.sheet.text(x, y, words, "small f-mute")
        return x + width_of(words, 10) + 18
