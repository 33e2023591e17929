"""The real daemon as a process: systemd, signals, and refusals to start."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from qutrio.codec.node_yaml import parse
from qutrio.plumbing.clock import BootClock
from qutrio.storage.directories import DataDirectory
from qutrio.storage.setup import initialise
from tests.patience import HANG_S
from tests.workers import free_port

pytestmark = pytest.mark.slow

PATIENCE_S = HANG_S


class Place:
    """A data directory, its sockets, and the daemons that are started there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = DataDirectory(root / "data")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(root / "notify"))
        self.manager.settimeout(PATIENCE_S)
        self.port = free_port()
        initialise(
            self.directory,
            name="alone",
            advertise=f"127.0.0.1:{self.port}",
            bind="127.0.0.1",
            port=self.port,
            wall=BootClock().wall(),
        )

    @contextmanager
    def daemon(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path.cwd()),
            "QUTRIO_DIR": str(self.directory.root),
            "QUTRIO_SOCKET": str(self.root / "control"),
            "NOTIFY_SOCKET": str(self.root / "notify"),
        }
        command = [sys.executable, "-m", "qutrio", "serve", "--log", "logfmt", *options]
        with subprocess.Popen(
            command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def told(self) -> str:
        return self.manager.recv(1000).decode()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    with closing(made.manager):
        yield made


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"the daemon ended without saying {words!r}")


def test_the_daemon_is_ready_when_it_listens_and_ends_cleanly_on_sigterm(place: Place) -> None:
    with place.daemon() as process:
        assert place.told() == "READY=1"
        with socket.create_connection(("127.0.0.1", place.port), timeout=PATIENCE_S):
            assert (place.root / "control").is_socket()
        process.send_signal(signal.SIGTERM)
        assert place.told() == "STOPPING=1"
        assert process.wait(PATIENCE_S) == 0
    assert not (place.root / "control").exists()


def test_sighup_applies_what_it_can_and_names_what_needs_a_restart(place: Place) -> None:
    file = place.directory.node_file
    with place.daemon() as process:
        assert place.told() == "READY=1"
        _read_until(process, "claims the role")
        file.write_text(file.read_text().replace('"alone"', '"renamed"'))
        process.send_signal(signal.SIGHUP)
        assert "name=renamed" in _read_until(process, "name or address changed in the cluster")
        file.write_text(file.read_text().replace(f"port: {place.port}", "port: 1234"))
        process.send_signal(signal.SIGHUP)
        assert "fields=port" in _read_until(process, "restart to apply")
        file.write_text("nonsense: [")
        process.send_signal(signal.SIGHUP)
        _read_until(process, "was not reloaded")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0


def test_a_second_daemon_in_the_same_directory_is_refused_in_one_sentence(place: Place) -> None:
    with place.daemon() as first:
        assert place.told() == "READY=1"
        with place.daemon() as second:
            _, said = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 1
        assert f"process {first.pid}" in said
        assert "Traceback" not in said


def test_a_port_that_is_taken_is_named_in_one_sentence(place: Place) -> None:
    """The node, which has never listened, has promised nothing."""
    before = place.directory.state_file.read_bytes()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with place.daemon("--port", str(port)) as process:
            _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert f"qutrio: cannot listen on 127.0.0.1:{port}" in said
    assert "Traceback" not in said
    assert place.directory.state_file.read_bytes() == before
    assert not place.directory.cluster_file.exists()


def test_a_fifo_in_place_of_cluster_yaml_does_not_keep_the_daemon_from_ending(place: Place) -> None:
    os.mkfifo(place.directory.cluster_file)
    with place.daemon() as process:
        assert place.told() == "READY=1"
        _read_until(process, "is not a regular file")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_options_override_the_file(place: Place) -> None:
    port = free_port()
    with place.daemon("--port", str(port), "--name", "other") as process:
        assert place.told() == "READY=1"
        assert "name=other" in _read_until(process, "name or address changed in the cluster")
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    file = place.directory.node_file
    assert parse(file.read_text(), str(file)).name == "alone"
