"""The conversation with a program that follows the role: one line at each change of it.

The program says `{"hold": N}` after every line: N is 0, or the number of its present wish to be
a tenant.  The lines say `"held": N` once the node counts it as one.  So a line that answers an
older wish is never taken for an answer to this one.
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
WORD_BYTES_MAX = 256
LINE_EVERY_S: Seconds = 1.0
"""The longest time between two lines."""

RENEWAL_PAUSE_S: Seconds = 0.1
"""The least time between two lines that only say that the mandate was renewed."""

SEND_WAIT_S: Seconds = 5.0
SILENCE_S_MAX: Seconds = 5.0
"""A tenant that says nothing for so long counts as lost."""


async def follow_role(context: ControlContext, request: Request, stream: trio.abc.Stream) -> None:
    """Answer `role.follow`: tell how the role stands until the program goes.

    Raises `ControlFailure` before the first line if it cannot be done.
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
            nursery.start_soon(following.hear, nursery.cancel_scope)
            nursery.start_soon(following.tell, nursery.cancel_scope)
        await stream.aclose()
        await following.end()
    finally:
        context.tenants.followers.remove(following.wake)


@define(eq=False)
class _Following:
    """One connection: what its program wants, and what it was told last."""

    _desk: ControlContext
    _key: str
    _stream: trio.abc.Stream
    _wanted: int = 0
    _held: int = 0
    _spoke_at: Instant = NEVER
    _told: tuple[Term, bool, bool] | None = None
    _told_until: Instant = NEVER
    _stirred: bool = False
    _nap: trio.CancelScope = field(init=False, factory=trio.CancelScope)

    def wake(self) -> None:
        """Look again at once."""
        self._stirred = True
        self._nap.cancel()

    async def hear(self, whole: trio.CancelScope) -> None:
        """Take in what the program says, and end everything when it is gone."""
        received = bytearray()
        try:
            while chunk := await self._stream.receive_some(WORD_BYTES_MAX):
                received += chunk
                *lines, rest = received.split(b"\n")
                received = bytearray(rest)
                if len(rest) > WORD_BYTES_MAX or not all(map(self._take_in, lines)):
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        whole.cancel()

    async def tell(self, whole: trio.CancelScope) -> None:
        """Send a line at each change, and end everything when the program does not take it."""
        try:
            while await self._say():
                await self._sleep()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        whole.cancel()

    async def end(self) -> None:
        """Let the node count a tenant that said nothing of its end as long as it must."""
        try:
            if self._held and self._wanted == self._held:
                await self._desk.tenants.outlast(self._key)
            elif self._held:
                await self._desk.tenants.leave(self._key)  # it had said that it stopped
        except trio.BrokenResourceError:
            return  # the daemon stops

    def _take_in(self, line: bytes | bytearray) -> bool:
        try:
            word = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        wanted = word.get("hold") if isinstance(word, dict) else None
        if type(wanted) is not int or wanted < 0:
            return False
        self._spoke_at = self._desk.tenants.clock.now()
        if wanted != self._wanted:
            self._wanted = wanted
            self.wake()
        return True

    async def _say(self) -> bool:
        self._stirred = False
        await self._settle()
        tenants, view = self._desk.tenants, self._desk.view.value
        now = tenants.clock.now()
        if self._held and now - self._spoke_at > SILENCE_S_MAX:
            return False
        until = view.acting_until
        acting = until is not None and until > now
        if self._held and until is not None:
            tenants.tell(self._key, until)
        self._told, self._told_until = _face(view), until or NEVER
        line = orjson.dumps(self._row(view, acting=acting)) + b"\n"
        with trio.move_on_after(SEND_WAIT_S) as patience:
            await self._stream.send_all(line)
        return not patience.cancelled_caught

    async def _settle(self) -> None:
        """Let the node count this program as it wants to be counted, as far as that can be."""
        tenants, wanted = self._desk.tenants, self._wanted
        if self._held and self._held != wanted:
            self._held = 0
            await tenants.leave(self._key)
        if wanted and not self._held and self._key not in tenants and tenants.open:
            self._held = wanted
            await tenants.enter(self._key)

    def _row(self, view: View, *, acting: bool) -> Row:
        member = view.document.member(view.node)
        tenants = self._desk.tenants
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
        """Return when there is something to say."""
        with trio.CancelScope() as self._nap:
            if self._stirred:
                return
            with trio.move_on_after(RENEWAL_PAUSE_S):
                await self._desk.view.until(self._turned)
                return
            with trio.move_on_after(LINE_EVERY_S - RENEWAL_PAUSE_S):
                await self._desk.view.until(self._moved)

    def _turned(self, view: View) -> bool:
        """Tell whether more happened than that the mandate was renewed."""
        return _face(view) != self._told or (view.acting_until or NEVER) < self._told_until

    def _moved(self, view: View) -> bool:
        return self._turned(view) or (view.acting_until or NEVER) > self._told_until


def _face(view: View) -> tuple[Term, bool, bool]:
    return view.position.term, view.acting_until is not None, view.vacating
