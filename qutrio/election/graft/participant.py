"""A seat among graft nodes: the election of NATS graft, and nothing that graft does not have.

For groups in which some nodes run graft, or that are too many for a mesh.  A node knows the
size of its cluster, not its members.  There is no mandate behind the role: a leader that is cut
off goes on leading its term while the others elect another in a higher one.  So whatever a
leader writes must carry its term, and whoever takes it must refuse a lower one than it has seen.
docs/elections-nats.md compares this with `election.join`.
"""

from __future__ import annotations

import random
import secrets
from contextlib import asynccontextmanager
from os import PathLike
from typing import TYPE_CHECKING

import trio
from attrs import define, frozen

from qutrio.core.election.interface import Complaint, Role, Turn
from qutrio.core.election.raft.machine import Raft
from qutrio.election.feeds import Feed, Listener, Trouble, TroubleKind
from qutrio.election.graft import frames
from qutrio.election.graft.hard_state import HardStateFolder, HardStateStore
from qutrio.election.graft.transport import Broker, Connection, Heard, Wire
from qutrio.election.timers import Timers, settings_of
from qutrio.election.unwrap import ParticipantLeftError, unwrap_group
from qutrio.errors import ElectionError, InvalidValueError, StorageError
from qutrio.model.ids import Instant, NodeId, Seconds, Term
from qutrio.plumbing.clock import BootClock, Clock
from qutrio.plumbing.latest import Latest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from qutrio.core.election.interface import Electorate, Outgoing, ProgramState
    from qutrio.model.document import Settings
    from qutrio.model.stable import HardState

__all__ = ["GraftParticipant", "GraftState", "join_graft"]

SIZE_MAX = 1024
LOOK_S_MAX: Seconds = 0.5
"""How often the clock is looked at: it counts a suspend of the machine, trio's does not."""
DISK_RETRY_S: Seconds = 1.0
"""For how long a seat neither stands nor votes after its disk refused a ballot."""


@frozen(kw_only=True)
class GraftState:
    """What a seat among graft nodes knows at one moment.

    `term` is the one that it led, voted in, or heard of last.  `leader` is who it thinks leads;
    another may lead a higher term by now, also when it is this seat.
    """

    self_id: str
    role: Role
    term: int
    leader: str | None
    size: int


class GraftParticipant:
    """One program's place in a graft cluster; made by `join_graft`."""

    def __init__(
        self,
        *,
        raft: Raft,
        wire: Wire,
        settings: Settings,
        hard_states: HardStateStore,
        connection: Connection,
        clock: Clock,
        size: int,
    ) -> None:
        """Speak through `connection`; `run` does the work."""
        self.self_id = raft.me
        self._raft = raft
        self._wire = wire
        self._settings = settings
        self._hard_states = hard_states
        self._connection = connection
        self._clock = clock
        self._size = size
        self._durable = raft.hard_state
        self._unfit_until = clock.now()
        self._closed = False
        self._turns: Feed[Turn] = Feed()
        self._troubles: Feed[Trouble] = Feed()
        self._outlook = Latest(self._look())
        self._bodies: set[trio.CancelScope] = set()

    @property
    def state(self) -> GraftState:
        """What is known now; changes with every step of the election."""
        return self._outlook.value.state

    @asynccontextmanager
    async def leading(self) -> AsyncGenerator[Term]:
        """Wait until this seat leads, and run the block for as long as it does.

        The block gets the term: a number that only grows from leader to leader.  Pass it to
        whatever you write to, and let that refuse a lower one than it has seen: this seat may
        lead for a while after another was elected.  The block is cancelled when the seat leads
        its term no longer; then `async with` ends without an exception.

        Raises `ElectionError` when the seat is left before the block began.
        """
        await trio.lowlevel.checkpoint()
        seen = await self._outlook.until(lambda seen: seen.leads is not None or seen.closed)
        if seen.leads is None:
            raise ParticipantLeftError("this seat was left; it leads no more")
        scope = trio.CancelScope()
        self._bodies.add(scope)
        try:
            with scope:
                yield seen.leads
        finally:
            self._bodies.discard(scope)

    def changes(self) -> Listener[Turn]:
        """Return the changes of this seat's role from now on, for `async for`.

        A listener that does not keep up loses the oldest.  The iteration ends when the seat is
        left.
        """
        return self._turns.listen()

    def errors(self) -> Listener[Trouble]:
        """Return what goes wrong from now on, for `async for`: the election itself goes on.

        A listener that does not keep up loses the oldest.  The iteration ends when the seat is
        left.
        """
        return self._troubles.listen()

    # What runs while the seat is taken

    async def run(self) -> None:
        """Elect, for ever."""
        while True:
            heard = await self._hear_until(self._raft.deadline(self._clock.now()))
            if heard is not None:
                electorate, now = self._electorate(heard), self._clock.now()
                said = self._raft.on_message(heard.sender, heard.word, electorate, now)
                await self._follow_up(said)
            now = self._clock.now()
            if now >= self._raft.deadline(now):
                await self._follow_up(self._raft.advance(self._electorate(), now))

    async def complain(self) -> None:
        """Tell whoever listens what goes wrong on the wire, for ever."""
        while True:
            self._tell(TroubleKind.WIRE, await self._connection.trouble())

    def leave(self) -> None:
        """End: cancel the blocks that lead, and let none begin.  The ballot stays on disk."""
        self._closed = True
        self._raft.close(self._clock.now())
        self._cancel_unless_leading()
        self._publish()
        self._turns.end()
        self._troubles.end()

    async def _hear_until(self, deadline: Instant) -> Heard | None:
        """Return what is heard until a deadline, or None; what is strange is told and dropped."""
        left_s = min(deadline - self._clock.now(), LOOK_S_MAX)
        with trio.move_on_after(max(left_s, 0.0)):
            subject, payload = await self._connection.receive()
            try:
                return self._wire.unpack(subject, payload)
            except ElectionError as error:
                self._tell(TroubleKind.PROTOCOL, str(error))
        return None

    async def _follow_up(self, said: list[Outgoing]) -> None:
        """Make the ballot durable, and only then speak and lead."""
        self._cancel_unless_leading()
        if self._raft.hard_state != self._durable and not await self._save(self._raft.hard_state):
            said = []
        self._publish()
        for say in said:
            if (message := self._wire.pack(say)) is not None:
                self._connection.publish(*message)

    async def _save(self, hard_state: HardState) -> bool:
        try:
            await self._hard_states.save(hard_state)
        except StorageError as error:
            self._raft.restore(self._durable)
            self._unfit_until = Instant(self._clock.now() + DISK_RETRY_S)
            self._cancel_unless_leading()
            self._tell(TroubleKind.DISK, f"the ballot could not be kept: {error}")
            return False
        self._durable = hard_state
        return True

    def _electorate(self, heard: Heard | None = None) -> Electorate:
        electors = self._wire.electors if heard is None else heard.electors
        fit = self._clock.now() >= self._unfit_until
        return self._wire.electorate(electors, self._settings, fit=fit)

    def _publish(self) -> None:
        for item in self._raft.news():
            match item:
                case Turn():
                    self._turns.tell(item)
                case Complaint(what):
                    self._tell(TroubleKind.PROTOCOL, what)
        self._outlook.publish(self._look())

    def _look(self) -> _Outlook:
        raft = self._raft
        leader = raft.choice(self._electorate(), self._clock.now())
        return _Outlook(
            GraftState(
                self_id=raft.me,
                role=raft.role,
                term=raft.hard_state.term,
                leader=None if raft.role is Role.CANDIDATE else leader,
                size=self._size,
            ),
            leads=raft.hard_state.term if raft.role is Role.LEADER else None,
            closed=self._closed,
        )

    def _cancel_unless_leading(self) -> None:
        seen = self._outlook.value
        if self._raft.role is not Role.LEADER or self._raft.hard_state.term != seen.leads:
            for body in self._bodies:
                body.cancel()

    def _tell(self, kind: TroubleKind, what: str) -> None:
        self._troubles.tell(Trouble(kind, what))


@frozen
class _Outlook:
    """What waiters wait for; `leads` is the term that this seat leads, if any."""

    state: GraftState
    leads: Term | None
    closed: bool


@asynccontextmanager
async def join_graft(
    cluster: str,
    *,
    self_id: str,
    size: int,
    nats: Broker,
    state: PathLike[str] | str | HardStateStore,
    position: ProgramState | None = None,
    leader_heartbeat: Seconds = 0.1,
    election_timeout: Seconds = 0.5,
    clock: Clock | None = None,
    rng: random.Random | None = None,
) -> AsyncGenerator[GraftParticipant]:
    """Take a seat in the graft cluster `cluster` for the length of the block.

    Args:
        cluster: the cluster's name, the same at all nodes.
        self_id: this seat's id, another one at each node; it must not change.
        size: how many nodes there are, the same number at all nodes.
        nats: the servers, a `drivers.nats.Nats`.
        state: a folder of this seat's own, made when there is none; or a `Ballots`.
        position: the program's state, by which it decides who may lead.
        leader_heartbeat: how often a leader says that it leads, in seconds.  Graft uses 0.1.
        election_timeout: a node stands that heard no leader for one to two of these.
        clock: the time; give `plumbing.clock.TrioClock()` in tests with trio's `MockClock`.
        rng: the dice; give a seeded one in tests.

    Raises `InvalidValueError` that names the argument, `DataDirectoryError` or
    `InvalidDocumentError` when the ballot cannot be used, and what the driver raises.
    """
    _require_valid(cluster, self_id, size)
    timers = Timers(leader_heartbeat=leader_heartbeat, election_timeout=election_timeout)
    settings = settings_of("raft", timers)
    frames.require_protobuf()
    host = _Host(
        cluster=cluster,
        me=NodeId(self_id),
        size=size,
        broker=nats,
        hard_states=HardStateFolder(state) if isinstance(state, str | PathLike) else state,
        settings=settings,
        position=position,
        clock=BootClock() if clock is None else clock,
        rng=random.Random(secrets.randbits(64)) if rng is None else rng,  # noqa: S311 - timers
    )
    raised: BaseException | None = None
    try:
        async with host.participating() as participant:
            try:
                yield participant
            except BaseException as error:
                raised = error
                raise
    except BaseExceptionGroup as group:
        lone = unwrap_group(group, raised)
    else:
        return
    raise lone


@define(kw_only=True)
class _Host:
    """What a seat needs while it is taken."""

    cluster: str
    me: NodeId
    size: int
    broker: Broker
    hard_states: HardStateStore
    settings: Settings
    position: ProgramState | None
    clock: Clock
    rng: random.Random

    @asynccontextmanager
    async def participating(self) -> AsyncGenerator[GraftParticipant]:
        """Hold the ballot and the connection, and elect, for the length of the block."""
        wire = Wire(self.cluster, self.me, self.size)
        with self.hard_states.hold(self.cluster, self.me) as hard_state:
            async with (
                self.broker.subscribe(wire.subjects) as connection,
                trio.open_nursery() as nursery,
            ):
                participant = self._seat(hard_state, wire, connection)
                nursery.start_soon(participant.run)
                nursery.start_soon(participant.complain)
                try:
                    yield participant
                finally:
                    participant.leave()
                    nursery.cancel_scope.cancel()

    def _seat(self, hard_state: HardState, wire: Wire, connection: Connection) -> GraftParticipant:
        raft = Raft(
            me=self.me,
            hard_state=hard_state,
            rng=self.rng,
            position=self.position,
            now=self.clock.now(),
            graft=True,
        )
        return GraftParticipant(
            raft=raft,
            wire=wire,
            settings=self.settings,
            hard_states=self.hard_states,
            connection=connection,
            clock=self.clock,
            size=self.size,
        )


def _require_valid(cluster: str, self_id: str, size: int) -> None:
    for name, value in (("cluster", cluster), ("self_id", self_id)):
        if not frames.is_graft_id(value):
            problem = (
                f"{value[:80]!r} is not a name: use letters, digits, '_' and '-', with single"
                f" dots between, at most {frames.ID_CHARS_MAX} characters"
            )
            raise InvalidValueError(name, problem)
    if type(size) is not int or not 1 <= size <= SIZE_MAX:
        raise InvalidValueError("size", f"{size!r} is not 1 to {SIZE_MAX} nodes")
