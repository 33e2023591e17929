"""The frames sent before two nodes trust one another: small JSON objects, one class each.

A member's link opens with `Hello` from both sides.  A stranger gets a `Challenge` and answers
with `Join` or `WhoAmI`.  Binary values are sent as base64.
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
"""The most that a stranger may send; the longest frame is `Join`, with a certificate."""


@frozen(kw_only=True)
class Hello:
    """Opens a member's link: the protocol and cluster of the sender.

    The certificate authenticates the sender, not `node`.  `level` is the highest feature level
    that its program knows; older versions do not send it.
    """

    protocol: int
    node: str
    cluster: str
    program: str
    level: int = LEVEL_UNSAID


@frozen(kw_only=True)
class Challenge:
    """Opens a stranger's connection: the nonce to sign in order to join."""

    nonce: str
    cluster: str


@frozen(kw_only=True)
class Join:
    """An applicant names its invitation, and proves its key.  `level` is as in `Hello`."""

    token: str
    certificate: str
    name: str
    address: str
    signature: str
    level: int = LEVEL_UNSAID


@frozen(kw_only=True)
class Proceed:
    """The key and the token's name are accepted; the applicant may send the secret."""


@frozen(kw_only=True)
class Secret:
    """The secret of the invitation."""

    secret: str = field(repr=False)


@frozen(kw_only=True)
class Pending:
    """The claim is recorded and waits for an operator's approval.  Repeated until then."""


@frozen(kw_only=True)
class Welcome:
    """The applicant is a member; the cluster's record follows as the next message."""


@frozen(kw_only=True)
class Refused:
    """The request is refused for this reason.  The connection ends."""

    reason: str


@frozen(kw_only=True)
class WhoAmI:
    """Asks whether the key with this fingerprint is still a member's."""

    fingerprint: str


@frozen(kw_only=True)
class Standing:
    """Answers `WhoAmI`, as of this revision of the document."""

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
"""The names of frames on the wire.  Other versions read them: add names, never change one."""
_CLASSES: Final[Mapping[str, type[Frame]]] = {kind: cls for cls, kind in KINDS.items()}


def to_bytes(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    return orjson.dumps({"kind": KINDS[type(frame)], **asdict(frame)})


def from_bytes(data: bytes) -> Frame:
    """Return the frame; raises `PeerError` for bytes that are not a frame.

    Unknown fields are ignored; fields that older versions do not send have a default.
    """
    if len(data) > FRAME_BYTES_MAX:
        raise PeerError(f"sent {len(data)} bytes where at most {FRAME_BYTES_MAX} are allowed")
    try:
        plain: Any = orjson.loads(data)
        kind = _CLASSES[plain["kind"]]
        given = {a.name for a in fields(kind) if a.default is NOTHING or a.name in plain}
        values = {name: plain[name] for name in given}
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise PeerError("sent something that is not part of the protocol") from None
    for attribute in fields(kind):
        value = values.get(attribute.name)
        huge = type(value) is int and abs(value) > WHOLE_MAX
        if attribute.name in given and (huge or type(value) is not attribute.type):
            raise PeerError(f"sent a {KINDS[kind]} whose {attribute.name} is malformed")
    frame: Frame = kind(**values)
    return frame


async def send_frame(socket: WebSocket, frame: Frame) -> None:
    """Send a frame; raises `PeerError`."""
    await socket.send(to_bytes(frame))


async def receive_frame(socket: WebSocket, within_s: float) -> Frame:
    """Return the next frame; raises `PeerError`, also when none arrives in time."""
    with trio.move_on_after(within_s):
        return from_bytes(await socket.receive())
    raise PeerError(f"sent nothing for {within_s:g}s")


async def receive_expected(socket: WebSocket, kind: type[_F], within_s: float) -> _F:
    """Return the next frame, which must be of `kind`; raises `PeerError`, also for `Refused`."""
    frame = await receive_frame(socket, within_s)
    if isinstance(frame, Refused):
        raise PeerError(f"refused: {plain_reason(frame)}")
    if not isinstance(frame, kind):
        raise PeerError(f"sent a {KINDS[type(frame)]} instead of a {KINDS[kind]}")
    return frame


def plain_reason(refused: Refused) -> str:
    """Return the reason as one printable line of bounded length: another program wrote it."""
    return "".join(c if c.isprintable() else " " for c in refused.reason[:REASON_CHARS_MAX])
