"""`join`: checks the arguments, and makes a participant."""

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
    """Take part in the election `name` for the length of the block.

    Args:
        name: the election's name, the same at all participants.
        self_id: this participant's id, a different one at each.
        driver: how participants reach one another; see `qutrio.election.drivers`.
        state: a folder of this participant's own, made if it is missing; or a `State`.
        members: the ids of all participants, the same list at each.
        size: how many participants there are, in place of `members`.  `join` then waits until
            they have found each other.
        engine: the algorithm that chooses a leader: "raft", "lowest-id" or "gossip".
        position: for raft: lets the program's own state decide who may lead.
        clock: the clock; pass `plumbing.clock.TrioClock()` in tests with trio's `MockClock`.
        rng: the source of random timers; pass a seeded one in tests.
        log: called with each line of the log.
        timers: durations in seconds; see `Timers`.

    Leaving the block cancels a running body.  Then the participant resigns, so that a successor
    leads within a round trip.

    Raises `InvalidValueError` that names the argument, `DataDirectoryError`,
    `InvalidDocumentError` or `StorageError` when the state cannot be used, `ElectionError`
    when the election is complete without this participant, and what the driver raises.
    """
    _require_names(name, self_id)
    if (members is None) == (size is None):
        raise InvalidValueError("members", "give either the members or the size")
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
