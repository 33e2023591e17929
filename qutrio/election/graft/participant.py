"""A participant among graft nodes: the election protocol of NATS graft, without additions.

For groups in which some nodes run graft, or that are too large for a mesh.  A node knows the
size of its cluster, not its members.  There is no lease behind the role: a leader that is cut
off goes on leading its term while the others elect another in a higher one.  So a leader must
write its term with its data, and a store must refuse a lower term than it has seen.
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

from qutrio.core.election.interface import Complaint, Role, RoleChange
from qutrio.core.election.raft.machine import Raft
from qutrio.election.feeds import Feed, Listener, Trouble, TroubleKind
from qutrio.election.graft import frames
from qutrio.election.graft.hard_state import HardStateFolder, HardStateStore
from qutrio.election.graft.transport import Broker, Connection, Inbound, Wire
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
CLOCK_CHECK_S_MAX: Seconds = 0.5
"""How often the clock is checked: it counts a suspend of the machine, trio's does not."""
DISK_RETRY_S: Seconds = 1.0
"""How long a participant neither stands nor votes after a write of its hard state failed."""


@frozen(kw_only=True)
class GraftState:
    """What a graft participant knows at one time.

    `term` is the latest that it led, voted in, or heard of.  `leader` is its opinion; another
    node may already lead a higher term, even when `leader` is this participant.
    """

    self_id: str
    role: Role
    term: int
    leader: str | None
    size: int


class GraftParticipant:
    """A program that takes part in a graft cluster; made by `join_graft`."""

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
        """Use `connection`; `run` does the work."""
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
        self._role_changes: Feed[RoleChange] = Feed()
        self._troubles: Feed[Trouble] = Feed()
        self._view = Latest(self._current_view())
        self._bodies: set[trio.CancelScope] = set()

    @property
    def state(self) -> GraftState:
        """The current state; changes with every step of the election."""
        return self._view.value.state

    @asynccontextmanager
    async def leading(self) -> AsyncGenerator[Term]:
        """Wait until this participant leads, and run the block while it does.

        The block gets the term: a number that only grows from leader to leader.  Pass it to
        every store that you write to, and have the store refuse a lower one than it has seen:
        this participant may lead for a while after another was elected.  The block is cancelled
        when the participant no longer leads its term; then `async with` ends without an
        exception.

        Raises `ElectionError` when the participant leaves before the block began.
        """
        await trio.lowlevel.checkpoint()
        view = await self._view.until(lambda view: view.leads is not None or view.closed)
        if view.leads is None:
            raise ParticipantLeftError("this participant has left; it cannot lead")
        scope = trio.CancelScope()
        self._bodies.add(scope)
        try:
            with scope:
                yield view.leads
        finally:
            self._bodies.discard(scope)

    def changes(self) -> Listener[RoleChange]:
        """Return the changes of this participant's role from now on, for `async for`.

        A listener that does not keep up loses the oldest.  The iteration ends when the
        participant leaves.
        """
        return self._role_changes.listen()

    def errors(self) -> Listener[Trouble]:
        """Return the problems of this participant from now on, for `async for`.

        A listener that does not keep up loses the oldest.  The iteration ends when the
        participant leaves.
        """
        return self._troubles.listen()

    # Called by the host

    async def run(self) -> None:
        """Process messages and timers, forever."""
        while True:
            heard = await self._receive_until(self._raft.deadline(self._clock.now()))
            if heard is not None:
                electorate = self._electorate(heard)
                now = self._clock.now()
                messages = self._raft.on_message(heard.sender, heard.message, electorate, now)
                await self._perform(messages)
            now = self._clock.now()
            if now >= self._raft.deadline(now):
                await self._perform(self._raft.advance(self._electorate(), now))

    async def report_troubles(self) -> None:
        """Publish the problems that the connection reports, forever."""
        while True:
            self._report(TroubleKind.WIRE, await self._connection.trouble())

    def leave(self) -> None:
        """End: cancel the bodies, and let none begin.  The hard state stays on disk."""
        self._closed = True
        self._raft.close(self._clock.now())
        self._cancel_unless_leading()
        self._publish()
        self._role_changes.end()
        self._troubles.end()

    async def _receive_until(self, deadline: Instant) -> Inbound | None:
        """Return a message that arrives before a deadline, or None; an invalid one is reported."""
        left_s = min(deadline - self._clock.now(), CLOCK_CHECK_S_MAX)
        with trio.move_on_after(max(left_s, 0.0)):
            subject, payload = await self._connection.receive()
            try:
                return self._wire.unpack(subject, payload)
            except ElectionError as error:
                self._report(TroubleKind.PROTOCOL, str(error))
        return None

    async def _perform(self, messages: list[Outgoing]) -> None:
        """Make the hard state durable, and only then send messages and lead."""
        self._cancel_unless_leading()
        if self._raft.hard_state != self._durable and not await self._save(self._raft.hard_state):
            messages = []
        self._publish()
        for outgoing in messages:
            if (packed := self._wire.pack(outgoing)) is not None:
                self._connection.publish(*packed)

    async def _save(self, hard_state: HardState) -> bool:
        try:
            await self._hard_states.save(hard_state)
        except StorageError as error:
            self._raft.restore(self._durable)
            self._unfit_until = Instant(self._clock.now() + DISK_RETRY_S)
            self._cancel_unless_leading()
            self._report(TroubleKind.DISK, f"the hard state could not be written: {error}")
            return False
        self._durable = hard_state
        return True

    def _electorate(self, heard: Inbound | None = None) -> Electorate:
        joint_config = self._wire.joint_config if heard is None else heard.joint_config
        fit = self._clock.now() >= self._unfit_until
        return self._wire.electorate(joint_config, self._settings, fit=fit)

    def _publish(self) -> None:
        for item in self._raft.news():
            match item:
                case RoleChange():
                    self._role_changes.publish(item)
                case Complaint(what):
                    self._report(TroubleKind.PROTOCOL, what)
        self._view.publish(self._current_view())

    def _current_view(self) -> _GraftView:
        raft = self._raft
        leader = raft.choice(self._electorate(), self._clock.now())
        return _GraftView(
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
        view = self._view.value
        if self._raft.role is not Role.LEADER or self._raft.hard_state.term != view.leads:
            for body in self._bodies:
                body.cancel()

    def _report(self, kind: TroubleKind, what: str) -> None:
        self._troubles.publish(Trouble(kind, what))


@frozen
class _GraftView:
    """The view that tasks wait for; `leads` is the term that this participant leads, if any."""

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
    """Take part in the graft cluster `cluster` for the length of the block.

    Args:
        cluster: the cluster's name, the same at all nodes.
        self_id: this participant's id, a different one at each node; it must not change.
        size: how many nodes there are, the same number at all nodes.
        nats: the servers, a `drivers.nats.Nats`.
        state: a folder of this participant's own, made if it is missing; or a `HardStateStore`.
        position: lets the program's own state decide who may lead.
        leader_heartbeat: the time between a leader's heartbeats, in seconds.  Graft uses 0.1.
        election_timeout: a node stands after hearing no leader for one to two of these.
        clock: the clock; pass `plumbing.clock.TrioClock()` in tests with trio's `MockClock`.
        rng: the source of random timers; pass a seeded one in tests.

    Raises `InvalidValueError` that names the argument, `DataDirectoryError` or
    `InvalidDocumentError` when the hard state cannot be used, and what the driver raises.
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
    """The arguments of `join_graft`, checked."""

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
        """Hold the storage and the connection, and elect, for the length of the block."""
        wire = Wire(self.cluster, self.me, self.size)
        with self.hard_states.hold(self.cluster, self.me) as hard_state:
            async with (
                self.broker.subscribe(wire.subjects) as connection,
                trio.open_nursery() as nursery,
            ):
                participant = self._make(hard_state, wire, connection)
                nursery.start_soon(participant.run)
                nursery.start_soon(participant.report_troubles)
                try:
                    yield participant
                finally:
                    participant.leave()
                    nursery.cancel_scope.cancel()

    def _make(self, hard_state: HardState, wire: Wire, connection: Connection) -> GraftParticipant:
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
