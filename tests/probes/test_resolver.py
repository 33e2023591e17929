"""Name look-ups: whose fault a failure is, and that slow ones are shared and bounded."""

import socket
import threading
from collections.abc import Callable

import pytest
import trio
import trio.testing

from qutrio.model.check_base import IpFamily
from qutrio.model.results import Outcome
from qutrio.plumbing.clock import TrioClock
from qutrio.probes.interface import Endpoint, Observation, Resolution, abstain, fail
from qutrio.probes.resolver import (
    ANSWERS_KEPT_MAX,
    FOUND_TTL_S,
    LOOK_UPS_AT_ONCE_MAX,
    MISSING_TTL_S,
    ThreadResolver,
    look_up_address,
)

HERE = Endpoint(socket.AF_INET, "127.0.0.1")


class NameServer:
    """A blocking look-up that holds every question until it is released."""

    def __init__(self, answer: Resolution = HERE, *, held: bool = False) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.release = threading.Event()
        if not held:
            self.release.set()

    def __call__(self, host: str, family: IpFamily) -> Resolution:
        del family
        self.asked.append(host)
        self.release.wait(30)
        return self.answer


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread; bounded, and as quick as it is."""
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - a thread cannot set a trio.Event
            await trio.sleep(0.001)


def refusing(code: int) -> Callable[..., object]:
    def getaddrinfo(*_: object, **__: object) -> object:
        raise socket.gaierror(code, "as told")

    return getaddrinfo


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (socket.EAI_NONAME, Outcome.FAIL),
        (socket.EAI_NODATA, Outcome.FAIL),
        (socket.EAI_AGAIN, Outcome.ABSTAIN),
        (socket.EAI_FAIL, Outcome.ABSTAIN),
        (socket.EAI_SYSTEM, Outcome.ABSTAIN),
    ],
)
def test_only_a_missing_name_is_the_targets_fault(
    monkeypatch: pytest.MonkeyPatch, code: int, outcome: Outcome
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", refusing(code))
    seen = look_up_address("shop.example", IpFamily.V6)
    assert isinstance(seen, Observation)
    assert seen.outcome is outcome
    assert "shop.example" in seen.detail


@pytest.mark.parametrize("host", ["a\0b", "a" * 100 + ".example", ".."])
def test_what_can_be_no_name_is_a_failure(host: str) -> None:
    seen = look_up_address(host, IpFamily.ANY)
    assert isinstance(seen, Observation)
    assert seen.outcome is Outcome.FAIL


def test_the_machines_own_name_is_found() -> None:
    assert look_up_address("localhost", IpFamily.V4) == HERE


@pytest.mark.parametrize(
    ("host", "family", "expected"),
    [
        ("127.0.0.1", IpFamily.ANY, HERE),
        ("::1", IpFamily.V6, Endpoint(socket.AF_INET6, "::1")),
        ("::1", IpFamily.V4, fail("::1 is not an IPv4 address, as the check demands")),
        (
            "fe80::1%nosuchlink",
            IpFamily.ANY,
            abstain("fe80::1%nosuchlink names a network interface that this node does not have"),
        ),
    ],
)
async def test_literal_addresses_are_never_looked_up(
    host: str, family: IpFamily, expected: Resolution
) -> None:
    server = NameServer()
    assert await ThreadResolver(TrioClock(), server).resolve(host, family) == expected
    assert server.asked == []


async def test_answers_are_remembered_for_a_while(mock_clock: trio.testing.MockClock) -> None:
    for answer, ttl in ((HERE, FOUND_TTL_S), (fail("no such name"), MISSING_TTL_S)):
        server = NameServer(answer)
        resolver = ThreadResolver(TrioClock(), server)
        for seconds, questions in ((0.0, 1), (ttl - 0.1, 1), (0.2, 2)):
            mock_clock.jump(seconds)
            assert await resolver.resolve("shop.example", IpFamily.ANY) == answer
            assert len(server.asked) == questions


async def test_local_faults_are_not_remembered() -> None:
    server = NameServer(abstain("the resolver of this node gave no answer"))
    resolver = ThreadResolver(TrioClock(), server)
    for _ in range(2):
        await resolver.resolve("shop.example", IpFamily.ANY)
    assert len(server.asked) == 2


async def test_memory_for_answers_is_bounded() -> None:
    resolver = ThreadResolver(TrioClock(), NameServer())
    for number in range(ANSWERS_KEPT_MAX + 10):
        resolver._keep((f"h{number}", IpFamily.ANY), HERE)
    assert len(resolver._kept) == ANSWERS_KEPT_MAX


async def test_probes_of_one_name_share_one_look_up() -> None:
    server = NameServer(held=True)
    resolver = ThreadResolver(TrioClock(), server)
    answers = []

    async def ask() -> None:
        answers.append(await resolver.resolve("shop.example", IpFamily.ANY))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)
        await until(lambda: len(server.asked) == 1)
        await trio.testing.wait_all_tasks_blocked()
        server.release.set()
    assert answers == [HERE] * 20
    assert len(server.asked) == 1


async def test_a_hung_look_up_outlives_its_probe_but_is_not_repeated() -> None:
    server = NameServer(held=True)
    resolver = ThreadResolver(TrioClock(), server)
    for _ in range(3):
        with trio.move_on_after(0.01) as scope:
            await resolver.resolve("shop.example", IpFamily.ANY)
        assert scope.cancelled_caught
    server.release.set()
    assert await resolver.resolve("shop.example", IpFamily.ANY) == HERE
    assert len(server.asked) == 1


async def test_look_ups_at_once_are_bounded_and_the_unwanted_are_never_begun() -> None:
    server = NameServer(held=True)
    resolver = ThreadResolver(TrioClock(), server)
    async with trio.open_nursery() as nursery:
        for number in range(LOOK_UPS_AT_ONCE_MAX + 20):
            nursery.start_soon(resolver.resolve, f"h{number}.example", IpFamily.ANY)
        await until(lambda: len(server.asked) == LOOK_UPS_AT_ONCE_MAX)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert len(server.asked) == LOOK_UPS_AT_ONCE_MAX
    server.release.set()
    assert await resolver.resolve("another.example", IpFamily.ANY) == HERE
    await until(lambda: resolver._working == 0)
    assert len(server.asked) == LOOK_UPS_AT_ONCE_MAX + 1


async def test_a_look_up_that_breaks_is_an_abstention() -> None:
    def broken(host: str, family: IpFamily) -> Resolution:
        raise KeyError(host, family)

    seen = await ThreadResolver(TrioClock(), broken).resolve("shop.example", IpFamily.ANY)
    assert seen == abstain("the name look-up broke: KeyError")
