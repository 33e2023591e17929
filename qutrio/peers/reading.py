"""What a member's frame means to the node: an event, nothing, or the end of the link."""

from collections.abc import Callable

from qutrio.codec.wire import decode
from qutrio.core.api.events import Received
from qutrio.core.api.messages import Message
from qutrio.errors import InvalidDocumentError, PeerError
from qutrio.model.ids import NodeId


def read_frame(
    peer: NodeId, data: bytes, read: Callable[[bytes], Message | None] = decode
) -> Received | None:
    """Return the event, or None for what only a newer version would understand.

    `peer` is who the certificate says; `read` may remember what equal bytes were decoded to.
    Raises `PeerError` for what no version would send.
    """
    try:
        message = read(data)
    except InvalidDocumentError as error:
        raise PeerError(f"sent garbage: {error}") from None
    return Received(peer, message) if message is not None else None
