"""Streams the state of the role to a program: one line at each change.

The program answers every line with `{"hold": N}`: 0, or the number of its present request to
be a tenant.  The lines hold `"held": N` once the node counts the program as a tenant.  The number
keeps a line that answers an older request from being taken for an answer to this one.
"""

import orjson
import trio
from attrs import define, field

from qutrio.control.context import ControlContext
from qutrio.control.protocol import Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import Row
from qutrio.core.api.view import View
from qutrio.model.ids import NEVER, Instant, Seconds, Term

FOLLOWERS_MAX = 16
KEY_CHARS_MAX = 100
REQUEST_BYTES_MAX = 256
LINE_EVERY_S: Seconds = 1.0
"""The longest time between two lines."""

RENEWAL_PAUSE_S: Seconds = 0.1
"""The least time between two lines that only report a renewed lease."""

SEND_WAIT_S: Seconds = 5.0
SILENCE_S_MAX: Seconds = 5.0
"""A tenant that is silent for this long counts as lost."""


async def follow_role(context: ControlContext, request: Request, stream: trio.abc.Stream) -> None:
    """Send the state of the role until the program disconnects (`role.follow`).

    Raises `ControlFailure`, before the first line, for a bad key or too many followers.
    """
    key = request.text("key")
    if len(key) > KEY_CHARS_MAX:
        raise ControlFailure(Code.INVALID, f"key: give at most {KEY_CHARS_MAX} characters")
    if len(context.tenants.followers) >= FOLLOWERS_MAX:
        sentence = f"{FOLLOWERS_MAX} programs follow the role at this node already"
        raise ControlFailure(Code.REFUSED, sentence)
    following = _Following(context, key, stream)
    context.tenants.followers.append(following.wake)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(following.receive, nursery.cancel_scope)
            nursery.start_soon(following.send, nursery.cancel_scope)
        await stream.aclose()
        await following.end()
    finally:
        context.tenants.followers.remove(following.wake)


@define(eq=False)
class _Following:
    """One connection: what its program requests, and what was sent last."""

    _context: ControlContext
    _key: str
    _stream: trio.abc.Stream
    _wanted: int = 0
    _held: int = 0
    _heard_at: Instant = NEVER
    _sent: tuple[Term, bool, bool] | None = None
    _sent_until: Instant = NEVER
    _woken: bool = False
    _pause: trio.CancelScope = field(init=False, factory=trio.CancelScope)

    def wake(self) -> None:
        """Send a line at once."""
        self._woken = True
        self._pause.cancel()

    async def receive(self, whole: trio.CancelScope) -> None:
        """Record the program's requests; cancel `whole` when it disconnects."""
        received = bytearray()
        try:
            while chunk := await self._stream.receive_some(REQUEST_BYTES_MAX):
                received += chunk
                *lines, rest = received.split(b"\n")
                received = bytearray(rest)
                if len(rest) > REQUEST_BYTES_MAX or not all(map(self._record, lines)):
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        whole.cancel()

    async def send(self, whole: trio.CancelScope) -> None:
        """Send a line at each change; cancel `whole` when the program does not read it."""
        try:
            while await self._send_line():
                await self._sleep()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        whole.cancel()

    async def end(self) -> None:
        """Release the tenancy: at once, or for a lost tenant when its lease has ended."""
        try:
            if self._held and self._wanted == self._held:
                await self._context.tenants.expire(self._key)
            elif self._held:
                await self._context.tenants.leave(self._key)  # it has reported that it stopped
        except trio.BrokenResourceError:
            return  # the daemon stops

    def _record(self, line: bytes | bytearray) -> bool:
        try:
            request = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        wanted = request.get("hold") if isinstance(request, dict) else None
        if type(wanted) is not int or wanted < 0:
            return False
        self._heard_at = self._context.tenants.clock.now()
        if wanted != self._wanted:
            self._wanted = wanted
            self.wake()
        return True

    async def _send_line(self) -> bool:
        self._woken = False
        await self._update_tenancy()
        tenants, view = self._context.tenants, self._context.view.value
        now = tenants.clock.now()
        if self._held and now - self._heard_at > SILENCE_S_MAX:
            return False
        until = view.acting_until
        acting = until is not None and until > now
        if self._held and until is not None:
            tenants.record_end(self._key, until)
        self._sent, self._sent_until = _summary(view), until or NEVER
        line = orjson.dumps(self._row(view, acting=acting)) + b"\n"
        with trio.move_on_after(SEND_WAIT_S) as limit:
            await self._stream.send_all(line)
        return not limit.cancelled_caught

    async def _update_tenancy(self) -> None:
        """Make the program a tenant, or no longer one, as it last requested."""
        tenants, wanted = self._context.tenants, self._wanted
        if self._held and self._held != wanted:
            self._held = 0
            await tenants.leave(self._key)
        if wanted and not self._held and self._key not in tenants and tenants.open:
            self._held = wanted
            await tenants.enter(self._key)

    def _row(self, view: View, *, acting: bool) -> Row:
        member = view.document.member(view.node)
        tenants = self._context.tenants
        return {
            "ok": True,
            "node": view.node,
            "name": view.node if member is None else member.name,
            "cluster": view.document.cluster_id,
            "acting": acting,
            "term": view.position.term if acting else view.term,
            "until": view.acting_until if acting else None,
            "lease_s": tenants.lease_s,
            "vacating": view.vacating or tenants.leaving,
            "held": self._held,
            "taken": bool(self._wanted) and not self._held and self._key in tenants,
        }

    async def _sleep(self) -> None:
        """Return when there is something to send."""
        with trio.CancelScope() as self._pause:
            if self._woken:
                return
            with trio.move_on_after(RENEWAL_PAUSE_S):
                await self._context.view.until(self._changed)
                return
            with trio.move_on_after(LINE_EVERY_S - RENEWAL_PAUSE_S):
                await self._context.view.until(self._changed_or_renewed)

    def _changed(self, view: View) -> bool:
        """Return whether more than the end of the lease has changed."""
        return _summary(view) != self._sent or (view.acting_until or NEVER) < self._sent_until

    def _changed_or_renewed(self, view: View) -> bool:
        return self._changed(view) or (view.acting_until or NEVER) > self._sent_until


def _summary(view: View) -> tuple[Term, bool, bool]:
    return view.position.term, view.acting_until is not None, view.vacating
