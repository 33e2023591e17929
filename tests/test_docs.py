"""The documentation against the code: links work, and names are those of the code."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import attrs
import pytest

from qutrio.cli.app import main
from qutrio.cli.exits import ExitCode
from qutrio.codec.node_yaml import NodeFile
from qutrio.codec.plain_fields import FIELDS
from qutrio.control.operations import OPERATIONS
from qutrio.control.protocol import Code
from qutrio.core.api.messages import Message
from qutrio.peers.frames import Frame
from tests.state_diagrams import PAGE, TABLES, drawn

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """Return the anchors that headings of a page make, as the usual hosts name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@every_page
def test_every_link_has_a_target(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    lost = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = page if not path else (page.parent / path).resolve()
        if link.startswith(("http://", "https://")):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def shown_commands() -> Iterator[tuple[str, str]]:
    """Yield (page, command line) for each `qutrio` command in a shell block."""
    for page in PAGES:
        blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for line in "".join(blocks).splitlines():
            for part in re.split(r"\s(?:&&|\|)\s", line):
                found = re.search(r"^(?:runuser .* -- |\S*/bin/)?(qutrio .+)$", part.strip())
                if found:
                    yield page.name, found[1]


def help_of(path: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the help of a command; fails when there is no such command."""
    assert main([*path, "--help"]) == 0, f"there is no command {' '.join(path)!r}"
    return capsys.readouterr().out


@pytest.mark.parametrize(("page", "line"), sorted(set(shown_commands())))
def test_every_command_that_is_shown_exists_with_its_options(
    page: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words, path = shlex.split(line.partition(" -- ")[0])[1:], list[str]()
    text = help_of(path, capsys)
    while "COMMAND [ARGS]" in text and words and not words[0].startswith("-"):
        path.append(words.pop(0))
        text = help_of(path, capsys)
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    known = set(re.findall(r"--[a-z][a-z-]*", text))
    assert options <= known, f"{page}: {line}"


def test_the_reference_names_every_message_and_frame() -> None:
    kinds = {kind.__name__ for kind in (*get_args(Message), *get_args(Frame))}
    assert {name for name in kinds if f"`{name}`" not in REFERENCE} == set()


def test_the_reference_names_every_exit_code() -> None:
    codes = {int(code) for code in ExitCode}
    assert {code for code in codes if f"\n| {code} |" not in REFERENCE} == set()


def test_the_reference_names_every_operation_and_code_of_the_control_socket() -> None:
    words = {*OPERATIONS, *(code.value for code in Code)}
    assert {word for word in words if f"`{word}`" not in REFERENCE} == set()


def test_the_reference_names_every_field_of_both_files() -> None:
    own = {a.name for a in attrs.fields(NodeFile)}
    shared = {known.name for table in FIELDS.values() for known in table}
    assert {name for name in own | shared if f"`{name}`" not in REFERENCE} == set()


def test_the_page_of_the_engines_draws_their_state_tables() -> None:
    """`python -m tests.state_diagrams` draws them again."""
    page = PAGE.read_text(encoding="utf-8")
    assert drawn(page) == page
    assert [engine for engine in TABLES if f"<!-- states of {engine} -->" not in page] == []
