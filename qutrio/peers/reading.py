"""Turns a member's frame into an event for the node, or ends the link."""

from collections.abc import Callable

from qutrio.codec.wire import decode
from qutrio.core.api.events import Received
from qutrio.core.api.messages import Message
from qutrio.errors import InvalidDocumentError, PeerError
from qutrio.model.ids import NodeId


def read_frame(
    peer: NodeId, data: bytes, read: Callable[[bytes], Message | None] = decode
) -> Received | None:
    """Return the event, or None for a message that only a newer version understands.

    `peer` is the node that the certificate names; `read` may cache what equal bytes decode to.
    Raises `PeerError` for bytes that no version would send.
    """
    try:
        message = read(data)
    except InvalidDocumentError as error:
        raise PeerError(f"sent garbage: {error}") from None
    return Received(peer, message) if message is not None else None
