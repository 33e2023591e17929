"""Several ways to one end, begun one after another until the first of them gets there."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

import trio

from qutrio.model.ids import Seconds


class Contender(Protocol):
    """One way: what it found and what stopped it is its own affair."""

    async def run(self) -> bool:
        """Return whether it got there; cancelled, it can be run again and goes on."""
        ...


ContenderT = TypeVar("ContenderT", bound=Contender)


async def first_to_win(contenders: Iterable[ContenderT], delay_s: Seconds) -> ContenderT | None:
    """Return the first contender that gets there, or None when none did.

    The next one begins when the one before it has lost, or has run for `delay_s`; all that
    have not lost then run beside each other.  While each loses or wins within the delay, this
    costs no task.
    """
    rest = iter(contenders)
    for contender in rest:
        with trio.move_on_after(delay_s) as patience:
            if await contender.run():
                return contender
        if patience.cancelled_caught:
            return await _beside_each_other(contender, rest, delay_s)
    return None


async def _beside_each_other(
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
