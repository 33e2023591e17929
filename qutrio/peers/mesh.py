"""Keeps one link to every other member: dials, accepts, redials, and follows the membership.

Of every pair the lower id dials at once, the higher only when it has had no link for
`LONE_S`; `links` says which link stays when both dialled.  There are two tasks, so that a
daemon can stop in order: `listen` accepts and is cancelled first, and then nothing new is
dialled either; `keep_links` owns the links and returns when the last of them has ended, after
their outboxes are closed and drained.
"""

import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field, frozen

from qutrio.core.api.events import RemovalReported
from qutrio.core.api.view import View
from qutrio.core.leadership.membership import says_removed
from qutrio.errors import PeerError
from qutrio.model.ids import Fingerprint, NodeId, Revision, Seconds
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from qutrio.peers.conversation import HELLO_DEADLINE_S, Conversation, too_old
from qutrio.peers.enrollment_server import EnrollmentServer
from qutrio.peers.frames import Refused, send_frame
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.links import LONE_S, Link, Links
from qutrio.peers.membership_query import ask_membership
from qutrio.peers.transport import Transport
from qutrio.peers.websocket import MEMBER_MESSAGE_BYTES_MAX, open_websocket
from qutrio.plumbing.backoff import Backoff
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log, trace_of
from qutrio.plumbing.log_limit import LogLimit
from qutrio.plumbing.outbox import Outboxes

REDIAL_FIRST_S = 0.5
REDIAL_CAP_S = 5.0
ATTEMPT_DEADLINE_S = HELLO_DEADLINE_S + 10.0
STEADY_S = 5.0
"""A link that lasted at least this long is dialled again without a pause."""
OUTDATED_PAUSE_S = 30.0
"""A member that is too old counts a link it accepts as up, and learns the refusal's reason only
when it dials itself, after `LONE_S` without a link.  So it is redialled after a longer pause."""
REFUSALS_BEFORE_ASKING = 3
GREETINGS_PER_MEMBER_MAX = 4


@frozen
class _Failure:
    """Why a dial did not become a link; `refused` when the other side ended it."""

    reason: str
    refused: bool


@define(eq=False, kw_only=True)
class Mesh:
    """The links of one node."""

    identity: PeerIdentity
    transport: Transport
    view: Latest[View]
    inbox: Inbox
    outboxes: Outboxes
    enrollment_server: EnrollmentServer
    log: Log
    rng: random.Random
    level: int = LEVEL
    links: Links = field(factory=Links, init=False)
    _nursery: trio.Nursery | None = field(default=None, init=False)
    _following: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    _keepers: dict[NodeId, tuple[Member, trio.CancelScope]] = field(factory=dict, init=False)
    _greeting: Counter[NodeId] = field(factory=Counter, init=False)
    _conversation: Conversation = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Prepare what every link shares."""
        self.log = LogLimit(self.log)
        self._conversation = Conversation(
            node_id=self.identity.node_id,
            view=self.view,
            inbox=self.inbox,
            outboxes=self.outboxes,
            log=self.log,
            level=self.level,
        )

    async def listen(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept connections until cancelled; `keep_links` must have started.

        `started` gets the bound address.  After this ends, no new link is made.
        """
        try:
            await self.transport.serve(self._accept, task_status=task_status)
        finally:
            self._following.cancel()

    async def keep_links(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Link to every member of each new document, until `listen` and all links have ended."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            with self._following:
                while True:
                    members = _members(self.view.value)
                    self._follow(nursery, members)
                    self._end_outdated_links()
                    await self._membership_change(members, self.view.value.document.level)
            self._follow(nursery, ())
            self._nursery = None

    # Membership

    async def _membership_change(self, members: tuple[Member, ...], level: int) -> None:
        seen = members, level
        await self.view.until(lambda view: (_members(view), view.document.level) != seen)

    def _end_outdated_links(self) -> None:
        document = self.view.value.document
        for link in self.links:
            member = document.member(link.peer)
            if member is not None and (problem := too_old(member.name, link.level, document)):
                self.log("link ends", peer=member.name, reason=problem)
                link.scope.cancel()

    def _follow(self, nursery: trio.Nursery, members: tuple[Member, ...]) -> None:
        wanted = {m.id: m for m in members if m.id != self.identity.node_id}
        for peer, (member, scope) in tuple(self._keepers.items()):
            if wanted.get(peer) != member:
                scope.cancel()
                del self._keepers[peer]
        for peer, member in wanted.items():
            if peer not in self._keepers:
                scope = trio.CancelScope()
                self._keepers[peer] = (member, scope)
                nursery.start_soon(self._keep, member, scope)
        if self._following.cancel_called:
            return  # stopping: the links still send what is queued
        for link in self.links:
            if (member_now := wanted.get(link.peer)) is None or (
                member_now.fingerprint != link.fingerprint
            ):
                link.finish()

    def _present_member(self, fingerprint: Fingerprint) -> Member | None:
        if self._following.cancel_called or fingerprint == self.identity.fingerprint:
            return None
        # A removed node dials no one, but accepts members that do not know of the removal yet.
        members = self.view.value.document.members
        return next((m for m in members if m.fingerprint == fingerprint), None)

    # Accepting

    async def _accept(self, stream: trio.abc.Stream, fingerprint: Fingerprint | None) -> None:
        if fingerprint is None:
            await self._converse(self.enrollment_server.receive(stream))
            return
        member = self._present_member(fingerprint)
        crowd = 0 if member is None else self._greeting[member.id]
        if self._nursery is None or member is None or crowd >= GREETINGS_PER_MEMBER_MAX:
            await trio.aclose_forcefully(stream)
            return
        self._greeting[member.id] += 1
        # Not a child of the listener: a link outlives it, to send the node's resignation.
        self._nursery.start_soon(self._accepted, stream, member)

    async def _accepted(self, stream: trio.abc.Stream, member: Member) -> None:
        greeting = [member.id]

        def greeted() -> None:
            self._greeting.subtract(greeting)
            greeting.clear()

        try:
            reason = await self._converse(self._link(stream, member, dialled=False, up=greeted))
            was_up = not greeting
        finally:
            greeted()
        self.log("link down" if was_up else "link refused", peer=member.name, reason=reason)

    # Dialling

    async def _keep(self, member: Member, scope: trio.CancelScope) -> None:
        """Dial `member` whenever there is no link to it, until `scope` is cancelled."""
        backoff = Backoff(self.rng, REDIAL_FIRST_S, REDIAL_CAP_S)
        patience_s = 0.0 if self.identity.node_id < member.id else LONE_S
        pause_s, refusals, logged = patience_s, 0, ""
        with scope:
            while True:
                if await self.links.wait_up(member.id, pause_s):
                    pause_s = max(patience_s, await self._wait_until_down(member.id, backoff))
                    refusals, logged = 0, ""
                    continue
                failure = await self._dial(member)
                pause_s = backoff.next()
                if self._conversation.is_outdated(member):
                    pause_s = OUTDATED_PAUSE_S
                if failure is None:
                    continue
                if failure.reason != logged:
                    logged = failure.reason
                    self.log("cannot link", peer=member.name, reason=logged)
                refusals = refusals + 1 if failure.refused else 0
                if refusals >= REFUSALS_BEFORE_ASKING and not self.links:
                    refusals = 0
                    await self._ask_membership(member)

    async def _wait_until_down(self, peer: NodeId, backoff: Backoff) -> Seconds:
        """Wait until the link to `peer` has ended; return how long to wait before dialling."""
        since = trio.current_time()
        await self.links.wait_down(peer)
        if trio.current_time() - since < STEADY_S:
            return backoff.next()
        backoff.reset()
        return 0.0

    async def _dial(self, member: Member) -> _Failure | None:
        """Return None once a link is up, or why there is none."""
        try:
            pin = frozenset({member.fingerprint})
            stream = await self.transport.dial(member.address, pin)
        except PeerError as error:
            return _Failure(str(error), refused=False)
        assert self._nursery is not None, "keepers live in keep_links"
        failure: _Failure | None = await self._nursery.start(self._dialled, stream, member)
        return failure

    async def _dialled(
        self,
        stream: trio.abc.Stream,
        member: Member,
        *,
        task_status: trio.TaskStatus[_Failure | None],
    ) -> None:
        pending = [task_status]

        def up() -> None:
            pending.pop().started(None)

        reason = await self._converse(self._link(stream, member, dialled=True, up=up))
        if pending:
            task_status.started(_Failure(reason, refused=True))
        else:
            self.log("link down", peer=member.name, reason=reason)

    async def _ask_membership(self, member: Member) -> None:
        """Ask a member whether this node was removed, and post its answer to the node if so.

        The node needs more than one such answer.  The answer of a member that does not know
        our own revision is ignored, for that member may not know yet that we joined.
        """
        try:
            standing = await ask_membership(self.transport, member, self.identity.fingerprint)
        except PeerError as error:
            self.log("cannot ask whether we are a member", peer=member.name, reason=str(error))
            return
        document, revision = self.view.value.document, Revision(standing.revision)
        if not says_removed(document, belongs=standing.member, revision=revision):
            return
        self.log("a member says this node was removed", peer=member.name, revision=revision)
        try:
            await self.inbox.post(RemovalReported(member.id, revision))
        except trio.BrokenResourceError:
            return  # this node is stopping anyway

    # Both

    async def _link(
        self, stream: trio.abc.Stream, member: Member, *, dialled: bool, up: Callable[[], None]
    ) -> None:
        """Exchange hellos, call `up`, and run the link until it ends; raises `PeerError`."""
        limit, is_up = MEMBER_MESSAGE_BYTES_MAX, False
        with trio.CancelScope(deadline=trio.current_time() + ATTEMPT_DEADLINE_S) as scope:
            async with open_websocket(stream, client=dialled, message_bytes_max=limit) as socket:
                link = Link(
                    peer=member.id,
                    fingerprint=member.fingerprint,
                    dialler=self.identity.node_id if dialled else member.id,
                    socket=socket,
                    scope=scope,
                )
                try:
                    await self._exchange_hellos(link, member, dialled=dialled)
                    scope.deadline, is_up = math.inf, True
                    up()
                    self.log("link up", peer=member.name, dialled=dialled)
                    await self._conversation.run(link)
                finally:
                    self.links.remove(link)
        if scope.cancelled_caught:
            raise PeerError("ended by this node" if is_up else "no hello in time")

    async def _exchange_hellos(self, link: Link, member: Member, *, dialled: bool) -> None:
        """Exchange hellos; the accepting side decides first, and answers only if it agrees."""
        if dialled:
            await self._conversation.send_hello(link.socket)
        link.level = await self._conversation.receive_hello(link.socket, member)
        if self._present_member(link.fingerprint) is None:
            raise PeerError("is no longer a member")
        if not self.links.admit(link):
            await send_frame(link.socket, Refused(reason="there is a link already"))
            raise PeerError("there is a link already")
        if not dialled:
            await self._conversation.send_hello(link.socket)

    async def _converse(self, conversation: Awaitable[None]) -> str:
        """Run a conversation and return why it ended; its errors must not end other tasks."""
        try:
            await conversation
        except PeerError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - libraries parse what strangers sent
            self.log("connection failed unexpectedly", traceback=trace_of(error))
            return "an internal error"
        return "ended by this node"


def _members(view: View) -> tuple[Member, ...]:
    """Return the members that this node dials: none once it was removed itself."""
    return () if view.removed else view.document.members
