"""Taking a seat: what a program may ask for, and what it is refused for."""

from __future__ import annotations

import random
import secrets
from contextlib import asynccontextmanager
from os import PathLike
from typing import TYPE_CHECKING, Unpack

from qutrio.election.group import Name, member_ids
from qutrio.election.host import Host, participating
from qutrio.election.peer_discovery import PeerDiscovery
from qutrio.election.state import FolderState, State
from qutrio.election.timers import Timers, settings_of
from qutrio.errors import InvalidValueError
from qutrio.model.ids import NodeId
from qutrio.plumbing.clock import BootClock, Clock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from qutrio.core.election.interface import ProgramState
    from qutrio.election.drivers.interface import Driver
    from qutrio.election.participant import Participant
    from qutrio.plumbing.log import Log


def _silent(what: str, /, **details: object) -> None:
    """Log nothing."""


@asynccontextmanager
async def join(
    name: str,
    *,
    self_id: str,
    driver: Driver,
    state: PathLike[str] | str | State,
    members: Collection[str] | None = None,
    size: int | None = None,
    engine: str = "raft",
    position: ProgramState | None = None,
    clock: Clock | None = None,
    rng: random.Random | None = None,
    log: Log = _silent,
    **timers: Unpack[Timers],
) -> AsyncGenerator[Participant]:
    """Take a seat in the election `name` for the length of the block.

    Args:
        name: the election's name, the same at all seats.
        self_id: this seat's id, another one at each seat.
        driver: how seats reach one another; see `qutrio.election.drivers`.
        state: a folder of this seat's own, made when there is none; or a `State`.
        members: the ids of all seats, the same list at all seats.
        size: instead of `members`: how many seats there are.  Then this waits until they met.
        engine: who should lead: "raft", "lowest-id" or "gossip".
        position: raft's hook: what of the program's own state decides who may lead.
        clock: the time; give `plumbing.clock.TrioClock()` in tests with trio's `MockClock`.
        rng: the dice; give a seeded one in tests.
        log: takes what the seat decides, a line at a time.
        timers: durations in seconds; see `Timers`.

    Leaving the block ends a running body, then the seat resigns, so that a successor leads
    within a round trip.

    Raises `InvalidValueError` that names the argument, `DataDirectoryError`,
    `InvalidDocumentError` or `StorageError` when the state cannot be used, `ElectionError`
    when all seats are taken, and what the driver raises.
    """
    _require_names(name, self_id)
    if (members is None) == (size is None):
        raise InvalidValueError("members", "give the members or the size, one of the two")
    host = Host(
        name=name,
        me=NodeId(self_id),
        driver=driver,
        state=FolderState(state) if isinstance(state, str | PathLike) else state,
        members=None if members is None else member_ids(members, self_id),
        discovery=None if size is None else PeerDiscovery(name, NodeId(self_id), size),
        settings=settings_of(engine, timers),
        position=position,
        clock=BootClock() if clock is None else clock,
        rng=random.Random(secrets.randbits(64)) if rng is None else rng,  # noqa: S311 - timers
        log=log,
    )
    async with participating(host) as participant:
        yield participant


def _require_names(name: str, self_id: str) -> None:
    try:
        Name(name, self_id)
    except InvalidValueError as error:
        field_name = "name" if error.field == "election" else error.field
        raise InvalidValueError(field_name, error.problem) from None
