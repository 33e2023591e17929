"""What is said before two nodes trust one another: small JSON frames, one class each.

A member's link opens with `Hello` from both sides.  A stranger hears a `Challenge` and answers
with `Join` or `WhoAmI`.  Binary values travel as base64.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

import orjson
import trio
from attrs import NOTHING, asdict, field, fields, frozen

from qutrio.codec.converter import WHOLE_MAX
from qutrio.errors import PeerError
from qutrio.model.levels import LEVEL_UNSAID
from qutrio.peers.websocket import WebSocket

REASON_CHARS_MAX = 500
FRAME_BYTES_MAX = 64 * 1024
"""As long as anything that a stranger may say; the longest is `Join`, with a certificate."""


@frozen(kw_only=True)
class Hello:
    """I speak this protocol for this cluster.  Who I am, the certificate says.

    `level` is the highest feature level that my program knows; older versions do not say it.
    """

    protocol: int
    node: str
    cluster: str
    program: str
    level: int = LEVEL_UNSAID


@frozen(kw_only=True)
class Challenge:
    """Whoever you are: to join, sign this."""

    nonce: str
    cluster: str


@frozen(kw_only=True)
class Join:
    """I hold an invitation and this key.  `level` as in `Hello`."""

    token: str
    certificate: str
    name: str
    address: str
    signature: str
    level: int = LEVEL_UNSAID


@frozen(kw_only=True)
class Proceed:
    """Your key and the token's name are in order; show the secret."""


@frozen(kw_only=True)
class Secret:
    """The secret of the invitation."""

    secret: str = field(repr=False)


@frozen(kw_only=True)
class Pending:
    """The claim is noted; an operator must approve it.  Repeated while that lasts."""


@frozen(kw_only=True)
class Welcome:
    """You are a member; the cluster's record follows as the next message."""


@frozen(kw_only=True)
class Refused:
    """No, and this is why.  The connection ends."""

    reason: str


@frozen(kw_only=True)
class WhoAmI:
    """Members refuse my certificate: is the key with this fingerprint still a member's."""

    fingerprint: str


@frozen(kw_only=True)
class Standing:
    """Whether it is, as of this revision of the document."""

    member: bool
    revision: int


Frame: TypeAlias = (
    Hello | Challenge | Join | Proceed | Secret | Pending | Welcome | Refused | WhoAmI | Standing
)
_F = TypeVar("_F", bound=Frame)
KINDS: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        Hello: "Hello",
        Challenge: "Challenge",
        Join: "Join",
        Proceed: "Proceed",
        Secret: "Secret",
        Pending: "Pending",
        Welcome: "Welcome",
        Refused: "Refused",
        WhoAmI: "WhoAmI",
        Standing: "Standing",
    }
)
"""The names of frames on the wire.  Other versions read them: added to, never changed."""
_CLASSES: Final[Mapping[str, type[Frame]]] = {kind: cls for cls, kind in KINDS.items()}


def to_bytes(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    return orjson.dumps({"kind": KINDS[type(frame)], **asdict(frame)})


def from_bytes(data: bytes) -> Frame:
    """Return the frame; raises `PeerError` for what is none.

    Unknown fields are ignored; fields that older versions do not send have a default.
    """
    if len(data) > FRAME_BYTES_MAX:
        raise PeerError(f"sent {len(data)} bytes where at most {FRAME_BYTES_MAX} are spoken")
    try:
        plain: Any = orjson.loads(data)
        kind = _CLASSES[plain["kind"]]
        given = {a.name for a in fields(kind) if a.default is NOTHING or a.name in plain}
        values = {name: plain[name] for name in given}
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise PeerError("sent something that is no part of the protocol") from None
    for attribute in fields(kind):
        value = values.get(attribute.name)
        huge = type(value) is int and abs(value) > WHOLE_MAX
        if attribute.name in given and (huge or type(value) is not attribute.type):
            raise PeerError(f"sent a {KINDS[kind]} whose {attribute.name} is malformed")
    frame: Frame = kind(**values)
    return frame


async def say(socket: WebSocket, frame: Frame) -> None:
    """Send a frame; raises `PeerError`."""
    await socket.send(to_bytes(frame))


async def hear(socket: WebSocket, within_s: float) -> Frame:
    """Return the next frame; raises `PeerError`, also when none came in time."""
    with trio.move_on_after(within_s):
        return from_bytes(await socket.receive())
    raise PeerError(f"said nothing for {within_s:g}s")


async def hear_one(socket: WebSocket, kind: type[_F], within_s: float) -> _F:
    """Return the next frame, which must be of `kind`; raises `PeerError`, also for `Refused`."""
    frame = await hear(socket, within_s)
    if isinstance(frame, Refused):
        raise PeerError(f"refused: {plain_reason(frame)}")
    if not isinstance(frame, kind):
        raise PeerError(f"sent a {KINDS[type(frame)]} where a {KINDS[kind]} was due")
    return frame


def plain_reason(refused: Refused) -> str:
    """Return the reason as one bounded printable line: it comes from outside."""
    return "".join(c if c.isprintable() else " " for c in refused.reason[:REASON_CHARS_MAX])
