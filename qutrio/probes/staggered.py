"""Starts contenders one after another until the first of them succeeds."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

import trio

from qutrio.model.ids import Seconds


class Contender(Protocol):
    """One way to the goal; it keeps its own result and error."""

    async def run(self) -> bool:
        """Return whether it succeeded; after a cancellation, another call continues it."""
        ...


ContenderT = TypeVar("ContenderT", bound=Contender)


async def first_to_win(contenders: Iterable[ContenderT], delay_s: Seconds) -> ContenderT | None:
    """Return the first contender that succeeds, or None when all failed.

    The next one starts when the one before it has failed, or has run for `delay_s`; all that
    have not failed then run at the same time.  While each fails or succeeds within the delay,
    no task is started.
    """
    rest = iter(contenders)
    for contender in rest:
        with trio.move_on_after(delay_s) as patience:
            if await contender.run():
                return contender
        if patience.cancelled_caught:
            return await _concurrently(contender, rest, delay_s)
    return None


async def _concurrently(
    slow: ContenderT, rest: Iterable[ContenderT], delay_s: Seconds
) -> ContenderT | None:
    won: list[ContenderT] = []

    async def run(contender: ContenderT, lost: trio.Event) -> None:
        if await contender.run():
            won.append(contender)
            nursery.cancel_scope.cancel()
        lost.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, slow, trio.Event())
        for contender in rest:
            lost = trio.Event()
            nursery.start_soon(run, contender, lost)
            with trio.move_on_after(delay_s):
                await lost.wait()
    return won[0] if won else None
