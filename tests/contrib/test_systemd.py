"""The systemd files, judged by systemd's own tools."""

import os
import subprocess
import sys
from pathlib import Path

from tests import needs
from tests.patience import HANG_S

SYSTEMD = Path(__file__).parents[2] / "contrib" / "systemd"
UNIT = SYSTEMD / "qutrio.service"
EXPOSURE_TENTHS_MAX = 15
TOOL_S_MAX = HANG_S


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "cat"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TOOL_S_MAX, env=environ, check=False
    )


@needs.program("systemd-analyze")
def test_the_unit_is_valid(tmp_path: Path) -> None:
    """`verify` wants the program to exist, so it is shown a copy that names one that does."""
    program = Path(sys.executable).resolve()
    text = UNIT.read_text(encoding="utf-8")
    assert "ExecStart=/opt/qutrio/bin/qutrio serve\n" in text
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace("/opt/qutrio/bin/qutrio", str(program)), encoding="utf-8")
    verdict = run("systemd-analyze", "verify", "--man=no", str(copy))
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, "", "")


@needs.program("systemd-analyze")
def test_the_unit_is_hardened() -> None:
    verdict = run(
        "systemd-analyze", "security", "--offline=yes", "--no-pager",
        f"--threshold={EXPOSURE_TENTHS_MAX}", str(UNIT),
    )  # fmt: skip
    assert verdict.returncode == 0, verdict.stdout[-300:] + verdict.stderr
    assert "Overall exposure level" in verdict.stdout


@needs.program("systemd-sysusers")
def test_sysusers_makes_the_user_that_the_unit_runs_as(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    made = run("systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "qutrio.sysusers.conf"))
    assert made.returncode == 0, made.stderr
    users = (tmp_path / "etc" / "passwd").read_text(encoding="utf-8")
    assert any(line.startswith("qutrio:") for line in users.splitlines())
    assert "User=qutrio\n" in UNIT.read_text(encoding="utf-8")


@needs.program("systemd-tmpfiles")
@needs.root("give a directory away")
def test_tmpfiles_makes_a_private_state_directory(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group"):
        entry = "qutrio:x:991:991::/:/bin/false\n" if name == "passwd" else "qutrio:x:991:\n"
        root = "root:x:0:0::/:/bin/false\n" if name == "passwd" else "root:x:0:\n"
        (tmp_path / "etc" / name).write_text(root + entry, encoding="utf-8")
    made = run(
        "systemd-tmpfiles", f"--root={tmp_path}", "--create",
        str(SYSTEMD / "qutrio.tmpfiles.conf"),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    state = (tmp_path / "var" / "lib" / "qutrio").stat()
    assert (state.st_mode & 0o777, state.st_uid) == (0o700, 991)
