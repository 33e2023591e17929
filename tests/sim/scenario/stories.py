"""Scenarios from a few words, read and played."""

from inspect import cleandoc
from textwrap import indent

from qutrio.sim.scenario.playing import play
from qutrio.sim.scenario.reading import Scenario, read
from qutrio.sim.scenario.report import Played

NODES = "nodes: [alpha, bravo, charlie]"
SOURCE = "what-if.yaml"


def no_file(path: str) -> str:
    """Stand for the files that a scenario could name."""
    raise AssertionError(f"nobody asked for {path}")


def written(timeline: str = "", expect: str = "", head: str = "") -> str:
    """Return the text of a scenario; one sentence in each line, with its time and colon."""
    begin = "" if "nodes:" in head or "cluster:" in head else f"{NODES}\n"
    return "".join(
        [
            begin,
            cleandoc(head) + "\n" if head else "",
            _listed("timeline", timeline),
            _listed("expect", expect),
        ]
    )


def scenario(timeline: str = "", expect: str = "", head: str = "") -> Scenario:
    """Return such a scenario."""
    return read(written(timeline, expect, head), SOURCE, no_file)


def played(timeline: str = "", expect: str = "", head: str = "", seed: int = 1) -> Played:
    """Return such a scenario with what came of it."""
    return play(scenario(timeline, expect, head), seed)


def fared(story: Played) -> dict[str, bool]:
    """Return which expectations held."""
    return {verdict.expectation.text: verdict.held for verdict in story.verdicts}


def told(story: Played, node: str = "") -> list[str]:
    """Return what is told of a node, or of the world."""
    return [line.text for line in story.story.lines if line.node == node]


def _listed(name: str, sentences: str) -> str:
    lines = [f"- {line.strip()}" for line in sentences.strip().splitlines()]
    return f"{name}:\n{indent(chr(10).join(lines), '  ')}\n" if lines else ""
