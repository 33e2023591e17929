"""The boot clock is the machine's; the virtual one is trio's."""

import time

import pytest
import trio
from trio.testing import MockClock

from qutrio.plumbing.clock import BootClock, TrioClock


def test_boot_clock_counts_the_time_asleep() -> None:
    clock = BootClock()
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= clock.now() <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert clock.wall() == pytest.approx(time.clock_gettime(time.CLOCK_REALTIME), abs=5)


async def test_virtual_clock_moves_with_trio(autojump_clock: MockClock) -> None:
    clock = TrioClock(base=1000.0)
    now, wall = clock.now(), clock.wall()
    await trio.sleep(60)
    assert clock.now() - now == pytest.approx(60)
    assert clock.wall() - wall == pytest.approx(60)
    assert wall >= 1000.0
