"""The conditions that the demo waits for; each asks several nodes at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

from qutrio.cli.demo.nodes import DemoError, DemoNode, Standing

POLL_S = 0.1
T = TypeVar("T")


async def until(what: str, limit_s: float, look: Callable[[], Awaitable[T | None]]) -> T:
    """Poll `look` until it returns a value.  Raises `DemoError` after `limit_s`."""
    with trio.move_on_after(limit_s):
        while (seen := await look()) is None:  # noqa: ASYNC110 - other processes change it
            await trio.sleep(POLL_S)
        return seen
    raise DemoError(f"{what} did not come within {limit_s:g} s")


async def _standings(nodes: Sequence[DemoNode]) -> list[Standing] | None:
    """Return the state of every node, or None while one does not answer."""
    seen = [await node.standing() for node in nodes]
    answered = [standing for standing in seen if standing is not None]
    return answered if len(answered) == len(nodes) else None


async def master(nodes: Sequence[DemoNode]) -> Standing | None:
    """Return the master, if there is one."""
    return next((s for s in await _standings(nodes) or () if s.acting), None)


async def all_vote(nodes: Sequence[DemoNode]) -> bool | None:
    """Return True once every node sees every node as a live voter."""
    standings = await _standings(nodes) or []
    count = len(nodes)
    return (bool(standings) and all(s.voters == s.live == count for s in standings)) or None


async def agreed_master(nodes: Sequence[DemoNode]) -> Standing | None:
    """Return the master once all nodes name it, in the same term."""
    standings = await _standings(nodes) or []
    named = {(s.master, s.term) for s in standings}
    return next((s for s in standings if s.acting and named == {(s.name, s.term)}), None)


async def verdict_is(nodes: Sequence[DemoNode], state: str) -> bool | None:
    """Return True once the master's verdict is `state`, by at least one vote for each node."""
    seen = await master(nodes)
    if seen is None or seen.state != state:
        return None
    votes = {"up": seen.ok, "down": seen.fail}[state]
    return votes >= len(nodes) or None


async def all_delivered(nodes: Sequence[DemoNode]) -> bool | None:
    """Return True once no node has anything left to deliver."""
    standings = await _standings(nodes) or []
    return (bool(standings) and all(s.outbox == 0 for s in standings)) or None
