"""Helpers that read and play short scenarios."""

from inspect import cleandoc
from textwrap import indent

from qutrio.sim.scenario.playing import play
from qutrio.sim.scenario.reading import Scenario, read
from qutrio.sim.scenario.report import Played

NODES = "nodes: [alpha, bravo, charlie]"
SOURCE = "what-if.yaml"


def no_file(path: str) -> str:
    """Fail, because no scenario should open a file."""
    raise AssertionError(f"opened {path}")


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
    """Return a scenario with these sentences."""
    return read(written(timeline, expect, head), SOURCE, no_file)


def played(timeline: str = "", expect: str = "", head: str = "", seed: int = 1) -> Played:
    """Play a scenario with these sentences."""
    return play(scenario(timeline, expect, head), seed)


def fared(story: Played) -> dict[str, bool]:
    """Return which expectations held."""
    return {verdict.expectation.text: verdict.held for verdict in story.verdicts}


def told(story: Played, node: str = "") -> list[str]:
    """Return the texts of the lines of a node, or of the world."""
    return [line.text for line in story.story.lines if line.node == node]


def _listed(name: str, sentences: str) -> str:
    lines = [f"- {line.strip()}" for line in sentences.strip().splitlines()]
    return f"{name}:\n{indent(chr(10).join(lines), '  ')}\n" if lines else ""
