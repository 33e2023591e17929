"""Look-ups by getaddrinfo: failures of the target or the node, and sharing of slow ones."""

import socket
import threading
from collections.abc import Callable

import pytest
import trio
import trio.lowlevel
import trio.testing

from qutrio.model.check_base import IpFamily
from qutrio.model.results import Outcome
from qutrio.probes.observations import Addresses, Endpoint, Observation, abstain
from qutrio.probes.threads import (
    LOOK_UPS_AT_ONCE_MAX,
    Found,
    ThreadLookUps,
    look_up_addresses,
)
from tests import needs

HERE = Addresses((Endpoint(socket.AF_INET, "127.0.0.1"),))


class NameServer:
    """A blocking look-up that holds every question until it is released."""

    def __init__(self, answer: Found = HERE, *, held: bool = False) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.release = threading.Event()
        if not held:
            self.release.set()

    def __call__(self, host: str, family: IpFamily) -> Found:
        del family
        self.asked.append(host)
        self.release.wait(30)
        return self.answer


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread; bounded, and as quick as it is."""
    with trio.fail_after(20):
        while not condition():
            await trio.lowlevel.checkpoint()


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
    seen = look_up_addresses("shop.example", IpFamily.V6)
    assert isinstance(seen, Observation)
    assert seen.outcome is outcome
    assert "shop.example" in seen.detail


@pytest.mark.parametrize("host", ["a" * 100 + ".example", ".."])
def test_what_can_be_no_name_is_a_failure(host: str) -> None:
    seen = look_up_addresses(host, IpFamily.ANY)
    assert isinstance(seen, Observation)
    assert seen.outcome is Outcome.FAIL


@needs.because(needs.lacking_hosts())
def test_the_machines_own_name_is_found() -> None:
    assert look_up_addresses("localhost", IpFamily.V4) == HERE


async def test_probes_of_one_name_share_one_look_up() -> None:
    server = NameServer(held=True)
    look_ups = ThreadLookUps(server)
    answers = []

    async def ask() -> None:
        answers.append(await look_ups.find("shop.example", IpFamily.ANY))

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
    look_ups = ThreadLookUps(server)
    for _ in range(3):
        with trio.move_on_after(0.01) as scope:
            await look_ups.find("shop.example", IpFamily.ANY)
        assert scope.cancelled_caught
    server.release.set()
    assert await look_ups.find("shop.example", IpFamily.ANY) == HERE
    assert len(server.asked) == 1


async def test_concurrent_look_ups_are_bounded_and_unwanted_ones_never_begin() -> None:
    server = NameServer(held=True)
    look_ups = ThreadLookUps(server)
    async with trio.open_nursery() as nursery:
        for number in range(LOOK_UPS_AT_ONCE_MAX + 20):
            nursery.start_soon(look_ups.find, f"h{number}.example", IpFamily.ANY)
        await until(lambda: len(server.asked) == LOOK_UPS_AT_ONCE_MAX)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert len(server.asked) == LOOK_UPS_AT_ONCE_MAX
    server.release.set()
    assert await look_ups.find("another.example", IpFamily.ANY) == HERE
    await until(lambda: look_ups._working == 0)
    assert len(server.asked) == LOOK_UPS_AT_ONCE_MAX + 1


async def test_a_look_up_that_breaks_is_an_abstention() -> None:
    def broken(host: str, family: IpFamily) -> Found:
        raise KeyError(host, family)

    seen = await ThreadLookUps(broken).find("shop.example", IpFamily.ANY)
    assert seen == abstain("the name look-up broke: KeyError")
