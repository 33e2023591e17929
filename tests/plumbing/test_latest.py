"""Readers of a latest value see every change they can still see, and sleep otherwise."""

import trio
from trio.testing import wait_all_tasks_blocked

from qutrio.plumbing.latest import Latest
from tests.patience import HANG_S


async def test_a_change_wakes_all_readers_with_the_newest_value() -> None:
    latest = Latest("a")
    seen: list[str] = []

    async def watch() -> None:
        seen.append(await latest.changed())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        nursery.start_soon(watch)
        await wait_all_tasks_blocked()
        latest.publish("b")
        latest.publish("c")
    assert seen == ["c", "c"]


async def test_an_equal_value_wakes_nobody() -> None:
    latest = Latest(("a",))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(latest.changed)
        await wait_all_tasks_blocked()
        latest.publish(("a",))
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        latest.publish(("b",))


async def test_a_reader_that_was_busy_misses_no_change() -> None:
    latest = Latest("a")
    seen = latest.value
    latest.publish("b")
    with trio.fail_after(HANG_S):
        assert await latest.other_than(seen) == "b"


async def test_until_returns_at_once_or_when_the_value_fits() -> None:
    latest = Latest(1)
    assert await latest.until(lambda value: value == 1) == 1
    found: list[int] = []

    async def wait() -> None:
        found.append(await latest.until(lambda value: value > 2))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        for value in (2, 3):
            await wait_all_tasks_blocked()
            assert not found
            latest.publish(value)
    assert found == [3]
