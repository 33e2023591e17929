"""What `enroll create` prints fits a new node that is laid out like the one that made the token."""

import os
from pathlib import Path

import pytest

from qutrio.cli.enroll import join_command

TOKEN = {"token": "qt1_x", "name": "b"}


def test_a_root_shell_becomes_the_daemons_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the tutorial has it: a user of its own, and everything in one directory."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    told = join_command({**TOKEN, "user": "qutrio", "directory": "/var/lib/qutrio"})
    wanted = "runuser -u qutrio -- qutrio enroll join qt1_x --dir /var/lib/qutrio --name b"
    assert told == wanted


def test_the_usual_directory_of_the_same_user_is_not_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    usual = {**TOKEN, "user": "ann", "directory": str(tmp_path / "qutrio")}
    assert join_command(usual) == "qutrio enroll join qt1_x --name b"
    other = {**usual, "directory": "/srv/my node", "name": None}
    assert join_command(other) == "qutrio enroll join qt1_x --dir '/srv/my node'"


def test_a_daemon_that_does_not_say_its_layout_gets_the_short_command() -> None:
    assert join_command(TOKEN) == "qutrio enroll join qt1_x --name b"
