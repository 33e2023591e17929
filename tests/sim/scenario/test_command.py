"""`qutrio sim`: what it prints and writes, and its exit codes."""

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qutrio.cli.app import main
from qutrio.cli.exits import ExitCode
from qutrio.codec.cluster_yaml import emit
from qutrio.model.document import Settings
from qutrio.sim.invariants import InvariantError, Invariants
from qutrio.sim.scenario.requests import new_check
from qutrio.sim.scenario.setup import found, webhook
from tests.patience import HANG_S
from tests.sim.scenario.stories import written

OUTAGE = written(
    "at 10s: target web fails",
    "by 1m: paged web down once\nnever: two masters",
    "title: An outage\nchecks: {web: {interval: 2s}}",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a scenario whose expectations hold."""
    path = tmp_path / "outage.yaml"
    path.write_text(OUTAGE)
    return path


def test_a_story_is_told_and_every_expectation_after_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", str(file)]) == ExitCode.OK
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == "An outage"
    assert "nodes     alpha, bravo, charlie" in lines
    assert "  10.00s  --       target web fails" in lines
    assert any("alpha    tells mail: web down" in line for line in lines)
    assert lines[-1] == "2 of 2 expectations held"
    place = lines.index("✓ by 1m: paged web down once")
    assert lines[place + 1].startswith("    at 1m: alpha told mail of web down at ")


def test_an_expectation_that_failed_is_marked_and_ends_with_its_own_code(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(OUTAGE.replace("web down once", "web down twice"))
    assert main(["sim", str(file)]) == ExitCode.EXPECTATION_FAILED
    out = capsys.readouterr().out
    assert "✗ by 1m: paged web down twice" in out
    assert "1 of 2 expectations held" in out


def test_a_terminal_that_knows_ascii_only_is_spared(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(OUTAGE.replace("An outage", "Ein Ausfall, für alle"))
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["sim", str(file)]) == ExitCode.OK
    out.seek(0)
    told = out.read()
    assert "ok     by 1m: paged web down once" in told
    assert "f?r alle" in told


def test_a_story_of_which_nothing_is_expected_is_told_too(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(written("at 10s: crash alpha"))
    assert main(["sim", str(file)]) == ExitCode.OK
    assert capsys.readouterr().out.endswith("\nnothing was expected\n")


def test_scripts_get_the_same_as_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", str(file), "--json", "--seed", "7"]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert data["held"] is True
    assert data["broken"] is None
    assert data["seed"] == 7
    assert data["nodes"] == ["alpha", "bravo", "charlie"]
    assert data["settings"]["dead_after"] == "4s"
    assert {"at_s": 10.0, "node": None, "kind": "deed", "text": "target web fails"} in (
        data["timeline"]
    )
    (page,) = data["pages"]
    assert (page["node"], page["channel"], page["event"]) == ("alpha", "mail", "down")
    assert [(e["line"], e["held"]) for e in data["expectations"]] == [(7, True), (8, True)]


def test_a_drawing_is_written_beside_the_report(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = tmp_path / "outage.svg"
    assert main(["sim", str(file), "--svg", str(drawing)]) == ExitCode.OK
    assert ElementTree.parse(drawing).getroot()[0].text == "An outage"
    assert "2 of 2" in capsys.readouterr().out


def test_a_person_who_waits_sees_how_far_it_is(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert main(["sim", str(file)]) == ExitCode.OK
    assert "\r50 %" in screen.getvalue() or "\r42 %" in screen.getvalue()
    assert screen.getvalue().endswith("\r      \r")
    capsys.readouterr()


def test_the_cluster_as_it_is_can_be_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its members, timers and channels, but only the checks that the scenario names."""
    checks = [new_check(f"c{n}", {}) for n in range(60)]
    checks.append(new_check("web", {"interval": "2s", "alerts": ["ops"]}))
    channels = [webhook("ops", default=False), webhook("all", default=True)]
    document = found(["x1", "x2", "x3"], checks, channels, Settings(dead_after_s=6.0))
    (tmp_path / "cluster.yaml").write_text(emit(document))
    file = tmp_path / "what-if.yaml"
    file.write_text(
        """\
cluster: cluster.yaml
settings: {master_cooldown: 30s}
timeline:
  - at 20s: [target web fails, crash x1, target c17 fails for x2]
expect:
  - by 1m: paged web down once
  - by 1m: paged web down once by x2 on ops
  - never: paged c17
"""
    )
    assert main(["sim", str(file), "--json"]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert data["settings"]["dead_after"] == "6s"
    assert data["settings"]["master_cooldown"] == "30s"
    assert "c18" not in json.dumps(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff", "UTF-8"),
        (emit(found([], [], [], Settings())).encode(), "no voting member"),
        (emit(found([f"x{n}" for n in range(26)], [], [], Settings())).encode(), "26 members"),
        (b"cluster_id: x\nsettings: {engine: later}\nrevision: 1\n", "'later'"),
    ],
)
def test_a_cluster_that_cannot_be_played_is_refused(
    data: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cluster.yaml").write_bytes(data)
    file = tmp_path / "what-if.yaml"
    file.write_text("cluster: cluster.yaml\n")
    assert main(["sim", str(file)]) == ExitCode.BAD_INPUT
    assert words in capsys.readouterr().err


def test_a_broken_promise_is_called_a_bug(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(self: Invariants, hosts: object, true: float, touched: str) -> None:
        if true > 20:
            raise InvariantError(f"1: {touched} and another act")

    monkeypatch.setattr(Invariants, "check", check)
    assert main(["sim", str(file), "--svg", str(file.with_suffix(".svg"))]) == ExitCode.ERROR
    out = capsys.readouterr().out
    assert "qutrio breaks a promise: 1: " in out
    assert "please report it" in out
    assert "n000000000000" not in out, "it speaks of nodes by their names"


MODULES = "import sys; from qutrio.cli.app import main; main(['sim', '--help']); print(sys.modules)"


def test_help_does_not_wait_for_the_simulator() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MODULES], capture_output=True, text=True, check=True, timeout=HANG_S
    )
    assert "Example: qutrio sim" in ended.stdout
    assert "qutrio.sim" not in ended.stdout
    assert "'trio'" not in ended.stdout
