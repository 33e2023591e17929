"""The public interface of a participant: state, leading, events, and transfer of leadership."""

from typing import TYPE_CHECKING, cast

import trio
from attrs import define, field, frozen

from qutrio.core.api.events import YieldRequested
from qutrio.core.election.interface import Role, RoleChange
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
    """What a participant knows at one time.

    `role` is the engine's opinion; `acting` says whether this participant may act, and only
    that is exclusive.  `leader` is the member that last announced to this one that it acts.
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
    """A program that takes part in an election; made by `join`."""

    self_id: NodeId
    _group: Group
    _view: Latest[ParticipantView]
    _inbox: Inbox
    _leader_tasks: LeaderTasks
    _role_changes: Feed[RoleChange]
    _troubles: Feed[Trouble]
    _clock: Clock = field(repr=False)

    @property
    def members(self) -> tuple[str, ...]:
        """The ids of all participants of the election, sorted."""
        return self._group.members

    @property
    def state(self) -> ParticipantState:
        """The current state; changes with every step of the election."""
        view = self._view.value
        until = view.acting_until
        return ParticipantState(
            self_id=self.self_id,
            role=view.role,
            acting=until is not None and self._clock.now() < until,
            term=view.term,
            leader=view.leader,
            members=self._group.members,
            living=frozenset(view.living),
        )

    def leading(self) -> "AbstractAsyncContextManager[Term, bool]":
        """Wait until this participant may act, and run the block while it may.

        The block gets the term: a number that only grows from leader to leader.  Pass it to
        every store that you write to, and have the store refuse a lower one than it has seen.
        The block is cancelled when the participant may no longer act, or when the role is to
        move; then `async with` ends without an exception.  The role does not move while the
        block runs.

        Raises `ElectionError` when the participant leaves before the block began.
        """
        # The type says that it may suppress the exception that ends the block.
        return cast("AbstractAsyncContextManager[Term, bool]", self._leader_tasks.leading())

    def changes(self) -> Listener[RoleChange]:
        """Return the changes of this participant's role from now on, for `async for`.

        A listener that does not keep up loses the oldest.  The iteration ends when the
        participant leaves.
        """
        return self._role_changes.listen()

    def errors(self) -> Listener[Trouble]:
        """Return the problems of this participant, past and future, for `async for`.

        It begins with the latest problems since `join`.  A listener that does not keep up loses
        the oldest.  The iteration ends when the participant leaves.
        """
        return self._troubles.listen()

    async def transfer_leadership(self, to: str | None = None) -> None:
        """Ask the leader to hand the role to `to`, or to the member that its engine prefers.

        The request is dropped when nobody leads, and after a while when `to` cannot lead.
        Raises `InvalidValueError` when `to` is no member, `ElectionError` when the participant
        has left.
        """
        if to is not None and to not in self._group.members:
            raise InvalidValueError("to", f"{to!r} is no member")
        try:
            await self._inbox.post(YieldRequested(None if to is None else NodeId(to)))
        except trio.BrokenResourceError:
            raise ElectionError("this participant has left") from None
