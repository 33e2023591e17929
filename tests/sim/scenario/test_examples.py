"""The scenarios in the documentation: each comes true, and the page shows what really comes."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qutrio.cli.app import main
from qutrio.sim.scenario.expectations import ANSWERS, FORMS, WINDOWS
from qutrio.sim.scenario.playing import play
from qutrio.sim.scenario.reading import FIELDS, read
from qutrio.sim.scenario.timeline import VERBS
from tests.patience import HANG_S
from tests.sim.scenario.stories import no_file

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "scenarios"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
STORIES = {
    "restart-of-the-first",
    "partial-partition",
    "one-way-cut",
    "suspended-master",
    "quorum-lost-and-regained",
    "power-cycle",
    "one-bad-round",
    "one-vote-of-five",
    "failover-between-sent-and-marked",
    "disk-full-on-the-master",
    "raft-failover",
    "gossip-partition",
    "engine-switch",
}
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
every_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)


def test_every_story_is_there() -> None:
    assert {path.stem for path in EXAMPLES} == STORIES
    assert {name for name in STORIES if f"({name}.yaml)" not in PAGE} == set()


@every_example
@pytest.mark.parametrize("seed", [1, 2])
def test_every_expectation_of_an_example_holds(path: Path, seed: int) -> None:
    """With other dice, too: a story is no accident of its seed."""
    scenario = read(path.read_text(encoding="utf-8"), path.name, no_file)
    played = play(scenario, seed)
    assert played.story.broken is None
    failed = [f"{v.expectation.text}: {v.reason}" for v in played.verdicts if not v.held]
    assert failed == []
    assert len(played.verdicts) >= 2
    assert played.story.spans, "something happens in it"


@every_example
def test_an_example_begins_by_telling_its_story(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = lines[: next(n for n, line in enumerate(lines) if not line.startswith("#"))]
    assert len(head) >= 4
    assert head[0].startswith("# ")


def masked(line: str) -> str:
    """Return a line without its numbers, which change with every change of the simulator."""
    return " ".join(re.sub(r"[0-9.]+", "0", line).split())


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """When it does not any more, run the command again and put its output there."""
    assert main(["sim", str(FOLDER / "one-way-cut.yaml")]) == 0
    block = re.search(r"\n\n```\n(.*?)\n```\n", PAGE, re.DOTALL)
    assert block is not None
    shown, printed = block[1].splitlines(), capsys.readouterr().out.splitlines()
    assert Counter(map(masked, shown)) == Counter(map(masked, printed))


def test_the_picture_on_the_page_is_a_whole_one() -> None:
    drawing = ElementTree.parse(FOLDER / "one-way-cut.svg").getroot()
    text = " ".join(part.strip() for part in drawing.itertext())
    assert "(one-way-cut.svg)" in PAGE
    assert {word for word in ("alpha", "echo", "acts, term 2", "web down") if word not in text} == (
        set()
    )


COMMAND = (
    "import sys; from qutrio.cli.app import main; "
    "sys.exit(main(['sim', sys.argv[1], '--json', '--svg', sys.argv[2]]))"
)


def test_the_same_file_and_seed_are_the_same_story_in_every_process(tmp_path: Path) -> None:
    stories = []
    for hash_seed in ("1", "4242"):
        drawing = tmp_path / f"{hash_seed}.svg"
        ended = subprocess.run(
            [sys.executable, "-c", COMMAND, str(FOLDER / "power-cycle.yaml"), str(drawing)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            timeout=HANG_S,
        )
        stories.append((ended.stdout, drawing.read_bytes()))
    assert stories[0] == stories[1]
    assert len(stories[0][0]) > 1000


@pytest.mark.parametrize(
    "usage",
    [
        *(usage for verb in VERBS.values() for usage in verb.usage),
        *(usage for form in FORMS.values() for usage in form.usage),
        *WINDOWS,
        *ANSWERS,
        *FIELDS,
    ],
)
def test_the_reference_shows_every_sentence_of_a_scenario(usage: str) -> None:
    chapter = REFERENCE.split("\n## Scenarios\n")[1].split("\n## ")[0]
    assert f"`{usage}`" in chapter


def test_the_grammar_can_be_had_without_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "--grammar"]) == 0
    shown = capsys.readouterr().out
    assert [usage for verb in VERBS.values() for usage in verb.usage if usage not in shown] == []
    example = shown.split("\n\n")[0]
    assert read(example, "the example", no_file).expectations
