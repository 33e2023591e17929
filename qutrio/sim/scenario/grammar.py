"""Every sentence that a scenario may hold, as a page for a terminal."""

from collections.abc import Iterator
from typing import Final

from qutrio.sim.scenario.expectations import ANSWERS, FORMS, WINDOWS
from qutrio.sim.scenario.timeline import VERBS

EXAMPLE: Final = """\
title: Who pages while the first node cannot reach the second?
nodes: [alpha, bravo, charlie]      # or  cluster: path/to/cluster.yaml
settings: {dead_after: 4s}          # as `qutrio settings show` names them
checks: {web: {interval: 10s}}      # fields as in cluster.yaml; a list of names will do
channels: [mail]
until: 5m                           # else a minute after the last moment below
timeline:
  - at 10s: cut alpha -> bravo for 1m
  - at 40s: [target web fails, crash charlie for 30s]
expect:
  - by 1m: paged web down once
  - never: two masters\
"""


def grammar() -> Iterator[str]:
    """Yield the page line by line."""
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
