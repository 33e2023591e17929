"""A seat: one program's place in an election, and all that the program may ask of it."""

from typing import TYPE_CHECKING, cast

import trio
from attrs import define, field, frozen

from qutrio.core.api.events import YieldRequested
from qutrio.core.election.interface import Role, Turn
from qutrio.election.feeds import Feed, Listener, Trouble
from qutrio.election.group import Group
from qutrio.election.leader_tasks import LeaderTasks
from qutrio.election.observed_node import ParticipantView
from qutrio.errors import ElectionError, InvalidValueError
from qutrio.model.ids import NodeId, Term
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


@frozen(kw_only=True)
class ParticipantState:
    """What a seat knows at one moment.

    `role` is what the engine takes this seat for; `acting` tells whether it may act: only that
    is exclusive.  `leader` is who acts, as far as this seat heard it from its own mouth.
    `living` are the members that were heard within `dead_after`, this one included.
    """

    self_id: str
    role: Role
    acting: bool
    term: int
    leader: str | None
    members: tuple[str, ...]
    living: frozenset[str]


@define(eq=False)
class Participant:
    """One program's place in an election; made by `join`."""

    self_id: NodeId
    _group: Group
    _outlook: Latest[ParticipantView]
    _inbox: Inbox
    _bodies: LeaderTasks
    _turns: Feed[Turn]
    _troubles: Feed[Trouble]
    _clock: Clock = field(repr=False)

    @property
    def members(self) -> tuple[str, ...]:
        """The ids of all seats of the election, sorted."""
        return self._group.members

    @property
    def state(self) -> ParticipantState:
        """What is known now; changes with every step of the election."""
        seen = self._outlook.value
        until = seen.acting_until
        return ParticipantState(
            self_id=self.self_id,
            role=seen.role,
            acting=until is not None and self._clock.now() < until,
            term=seen.term,
            leader=seen.leader,
            members=self._group.members,
            living=frozenset(seen.living),
        )

    def leading(self) -> "AbstractAsyncContextManager[Term, bool]":
        """Wait until this seat may act, and run the block for as long as it may.

        The block gets the term: a number that only grows from leader to leader.  Pass it to
        whatever you write to, and let that refuse a lower one than it has seen.  The block is
        cancelled when the seat may act no longer, or when the role is to move; then `async with`
        ends without an exception.  While the block runs, the role is given to nobody.

        Raises `ElectionError` when the seat is left before the block began.
        """
        # The type says that it may end the block without an exception.
        return cast("AbstractAsyncContextManager[Term, bool]", self._bodies.leading())

    def changes(self) -> Listener[Turn]:
        """Return the changes of this seat's role from now on, for `async for`.

        A listener that does not keep up loses the oldest.  The iteration ends when the seat is
        left.
        """
        return self._turns.listen()

    def errors(self) -> Listener[Trouble]:
        """Return what went and goes wrong, for `async for`: the election itself goes on.

        It begins with the last of what went wrong since the seat was taken.  A listener that
        does not keep up loses the oldest.  The iteration ends when the seat is left.
        """
        return self._troubles.listen()

    async def give_way(self, to: str | None = None) -> None:
        """Ask whoever leads to give the role to `to`, or to whom its engine wants next.

        A wish: it is forgotten when nobody leads, and after a while when `to` cannot lead.
        Raises `InvalidValueError` when `to` is no member, `ElectionError` when the seat was
        left.
        """
        if to is not None and to not in self._group.members:
            raise InvalidValueError("to", f"{to!r} is no member")
        try:
            await self._inbox.post(YieldRequested(None if to is None else NodeId(to)))
        except trio.BrokenResourceError:
            raise ElectionError("this seat was left; it elects no more") from None
