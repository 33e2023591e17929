"""A played scenario as text and as data, and the list of all sentences."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from qutrio.codec.plain import settings_to_plain
from qutrio.core.api.engine_timers import applies_to
from qutrio.sim.scenario.expectations import ANSWERS, FORMS, WINDOWS
from qutrio.sim.scenario.predicates import Verdict
from qutrio.sim.scenario.reading import Scenario
from qutrio.sim.scenario.story import Story, clock_text
from qutrio.sim.scenario.timeline import VERBS

WORLD: Final = "--"
"""Shown instead of a node's name, for actions on the world."""
BUG: Final = "this is a bug of qutrio: please report it with the file and the seed"


@frozen
class Marks:
    """The marks of an expectation that held, and of one that did not."""

    held: str
    failed: str


UNICODE_MARKS: Final = Marks("✓", "✗")
ASCII_MARKS: Final = Marks("ok    ", "FAILED")


@frozen(kw_only=True)
class Played:
    """A scenario, what happened, and the verdicts on its expectations."""

    scenario: Scenario
    seed: int
    story: Story
    verdicts: tuple[Verdict, ...]

    @property
    def held(self) -> bool:
        """Whether every expectation held, and qutrio broke no invariant."""
        return self.story.broken is None and all(v.held for v in self.verdicts)


def report(played: Played, marks: Marks) -> Iterator[str]:
    """Yield the lines of the report: the cluster, what happened, and the verdicts."""
    yield from _opening(played)
    yield ""
    yield from _lines(played.story)
    yield ""
    for verdict in played.verdicts:
        mark = marks.held if verdict.held else marks.failed
        yield f"{mark} {verdict.expectation.text}"
        yield f"{' ' * len(mark)}   {verdict.reason}"
    if played.story.broken is not None:
        yield f"{marks.failed} qutrio keeps its promises"
        yield f"{' ' * len(marks.failed)}   {played.story.broken}; {BUG}"
    count = sum(v.held for v in played.verdicts)
    if played.verdicts:
        yield f"{count} of {len(played.verdicts)} expectations held"
    else:
        yield "nothing was expected"


def as_data(played: Played) -> dict[str, Any]:
    """Return the same as JSON data; times are seconds since the start."""
    scenario, story = played.scenario, played.story
    return {
        "scenario": scenario.source,
        "title": scenario.title,
        "seed": played.seed,
        "nodes": list(story.machines),
        "settings": settings_to_plain(scenario.document.settings),
        "end_s": _rounded(story.end_s),
        "timeline": [
            {"at_s": _rounded(x.at_s), "node": x.node or None, "kind": x.kind.value, "text": x.text}
            for x in story.lines
        ],
        "pages": [
            {
                "at_s": _rounded(p.at_s),
                "node": p.node,
                "channel": p.channel,
                "check": p.check,
                "event": p.kind.value,
                "again": p.again,
            }
            for p in story.pages
        ],
        "expectations": [
            {
                "text": v.expectation.text,
                "line": v.expectation.line,
                "held": v.held,
                "decided_s": _rounded(v.at_s),
                "reason": v.reason,
            }
            for v in played.verdicts
        ],
        "broken": story.broken,
        "held": played.held,
    }


def _opening(played: Played) -> Iterator[str]:
    document = played.scenario.document
    if played.scenario.title:
        yield played.scenario.title
    plain, engine = settings_to_plain(document.settings).items(), document.settings.engine
    told = ((n, v) for n, v in plain if v != [] and (n, v) != ("unseen_after", "0s"))
    settings = ", ".join(f"{n} {v}" for n, v in told if applies_to(n, engine))
    checks = ", ".join(c.name for c in document.checks) or "none"
    channels = ", ".join(c.name for c in document.channels) or "none"
    yield f"nodes     {', '.join(m.name for m in document.members)}"
    yield f"settings  {settings}"
    yield f"checks    {checks}; told to {channels}"
    yield f"seed      {played.seed}"


def _lines(story: Story) -> Iterator[str]:
    width = max((len(line.node) for line in story.lines), default=0)
    clock = len(clock_text(story.end_s))
    for line in story.lines:
        node = line.node or WORLD
        yield f"{clock_text(line.at_s):>{clock}}  {node:<{max(width, len(WORLD))}}  {line.text}"
    yield f"{clock_text(story.end_s):>{clock}}  {WORLD:<{max(width, len(WORLD))}}  the end"


def _rounded(seconds: float) -> float:
    return round(seconds, 6)


EXAMPLE: Final = """\
title: Who pages while the first node cannot reach the second?
nodes: [alpha, bravo, charlie]      # or  cluster: path/to/cluster.yaml
settings: {dead_after: 4s}          # as `qutrio settings show` names them
checks: {web: {interval: 10s}}      # fields as in cluster.yaml; a list of names will do
channels: [mail]
until: 5m                           # else a minute after the last time below
timeline:
  - at 10s: cut alpha -> bravo for 1m
  - at 40s: [target web fails, crash charlie for 30s]
expect:
  - by 1m: paged web down once
  - never: two masters\
"""


def grammar() -> Iterator[str]:
    """Yield the lines of the list of all sentences."""
    yield EXAMPLE
    yield ""
    yield "timeline: '- at TIME: SENTENCE', in order of time; NODES is a, or a, b, or all"
    for verb in VERBS.values():
        yield from _item(verb.usage, verb.meaning)
    yield "  ... for TIME: what lasts ends then; ... via NODE: the node that an operator asks"
    yield ""
    yield "expect: '- TIME: CLAIM'"
    for usage, meaning in WINDOWS.items():
        yield from _item((usage,), meaning)
    yield ""
    for form in FORMS.values():
        yield from _item(form.usage, form.meaning)
    yield from _item(ANSWERS, "what an operator of the timeline is answered")


def _item(usage: tuple[str, ...], meaning: str) -> Iterator[str]:
    for line in usage:
        yield f"  {line}"
    yield f"      {meaning.replace('`', chr(39))}"
