"""The processes of a test run do not interfere with each other, and share the work evenly."""

import signal
import socket

import pytest

from tests import workers


def test_no_two_processes_are_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    for name in ("gw0", "gw1", "gw19"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", name)
        monkeypatch.setattr(workers, "_ports", workers._own_ports())
        given += [workers.free_port() for _ in range(50)]
    assert len(set(given)) == len(given)
    assert max(given) < 32_768, "from there on the kernel gives them to outgoing connections"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_taken_is_not_given(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind
) -> None:
    first = workers.free_port()
    monkeypatch.setattr(workers, "_ports", iter([first, first + 1]))
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", first))
        assert workers.free_port() == first + 1


def test_every_process_has_addresses_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    assert workers.own_address(53) == "127.77.3.53"


def test_slow_tests_are_distributed_evenly_and_run_early() -> None:
    long, short = [f"long {n}" for n in range(12)], [f"short {n}" for n in range(300)]
    order = workers.dealt(long, short, 3)
    assert sorted(order) == sorted(long + short)
    for share in (order[:104], order[104:208], order[208:]):
        places = [place for place, name in enumerate(share) if name in long]
        assert len(places) == 4
        assert places[0] == 0
        assert places[-1] < 0.6 * len(share)
    assert workers.dealt(long, [], 5) == [name for hand in range(5) for name in long[hand::5]]


def test_programs_that_a_test_starts_can_be_interrupted_even_if_the_run_cannot() -> None:
    """A shell that runs the tests with `&` has them ignore Ctrl-C."""
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
