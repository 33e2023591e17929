"""A node that every member refuses asks one of them, as a stranger, whether it still belongs."""

from qutrio.model.ids import Fingerprint
from qutrio.model.members import Member
from qutrio.peers.frames import Challenge, Standing, WhoAmI, hear_one, say
from qutrio.peers.transport import Transport
from qutrio.peers.websocket import STRANGER_MESSAGE_BYTES_MAX, open_websocket

ANSWER_DEADLINE_S = 5.0


async def ask_standing(transport: Transport, member: Member, own: Fingerprint) -> Standing:
    """Ask `member`, whose key is pinned, about the key `own`; raises `PeerError`.

    A node that has been removed cannot be told so over a link: members no longer accept its
    certificate.
    """
    pin = frozenset({member.fingerprint})
    stream = await transport.dial(member.address, pin, anonymous=True)
    limit = STRANGER_MESSAGE_BYTES_MAX
    async with open_websocket(stream, client=True, message_bytes_max=limit) as socket:
        await hear_one(socket, Challenge, ANSWER_DEADLINE_S)
        await say(socket, WhoAmI(fingerprint=own))
        return await hear_one(socket, Standing, ANSWER_DEADLINE_S)
