"""Messages to systemd, as its environment variables request them."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from qutrio.daemon.systemd import find_systemd
from qutrio.model.ids import Instant, UnixTime


class _HandClock:
    at = 100.0

    def now(self) -> Instant:
        return Instant(self.at)

    def wall(self) -> UnixTime:
        return UnixTime(self.at)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(0)
        yield listener


def _heard(manager: socket.socket) -> list[str]:
    lines = []
    while True:
        try:
            lines.append(manager.recv(1000).decode())
        except BlockingIOError:
            return lines


def test_ready_and_stopping_reach_the_manager(manager: socket.socket) -> None:
    systemd = find_systemd({"NOTIFY_SOCKET": manager.getsockname()}, _HandClock())
    systemd.notify("READY=1")
    systemd.notify("STOPPING=1")
    systemd.alive()
    assert _heard(manager) == ["READY=1", "STOPPING=1"]


def test_the_watchdog_is_notified_three_times_per_interval_and_not_more(
    manager: socket.socket,
) -> None:
    clock = _HandClock()
    variables = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000000"}
    systemd = find_systemd(variables, clock)
    for _ in range(31):
        systemd.alive()
        clock.at += 1.0
    assert _heard(manager) == ["WATCHDOG=1"] * 4


def test_a_watchdog_for_another_process_is_not_notified(manager: socket.socket) -> None:
    variables = {
        "NOTIFY_SOCKET": manager.getsockname(),
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid() + 1),
    }
    find_systemd(variables, _HandClock()).alive()
    assert _heard(manager) == []


def test_without_systemd_nothing_happens() -> None:
    systemd = find_systemd({}, _HandClock())
    systemd.notify("READY=1")
    systemd.alive()


def test_a_manager_that_is_gone_does_not_end_the_daemon(tmp_path: Path) -> None:
    find_systemd({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, _HandClock()).notify("READY=1")
