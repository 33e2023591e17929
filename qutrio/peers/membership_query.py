"""Asks a member, as a stranger, whether this node is still a member."""

from qutrio.model.ids import Fingerprint
from qutrio.model.members import Member
from qutrio.peers.frames import Challenge, Standing, WhoAmI, receive_expected, send_frame
from qutrio.peers.transport import Transport
from qutrio.peers.websocket import STRANGER_MESSAGE_BYTES_MAX, open_websocket

ANSWER_DEADLINE_S = 5.0


async def ask_membership(transport: Transport, member: Member, own: Fingerprint) -> Standing:
    """Ask `member`, whose key is pinned, about the key `own`; raises `PeerError`.

    A removed node cannot learn over a link that it was removed: members no longer accept its
    certificate.
    """
    pin = frozenset({member.fingerprint})
    stream = await transport.dial(member.address, pin, anonymous=True)
    limit = STRANGER_MESSAGE_BYTES_MAX
    async with open_websocket(stream, client=True, message_bytes_max=limit) as socket:
        await receive_expected(socket, Challenge, ANSWER_DEADLINE_S)
        await send_frame(socket, WhoAmI(fingerprint=own))
        return await receive_expected(socket, Standing, ANSWER_DEADLINE_S)
