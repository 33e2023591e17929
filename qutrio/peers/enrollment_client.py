"""How a new node joins: it finds a member by the token, proves its key, and shows the secret.

The token pins the members' keys, so the secret is only ever shown to a member, over TLS.
"""

from collections.abc import Callable

import trio
from attrs import define, field

from qutrio.codec.wire import decode
from qutrio.core.api.messages import Fetched
from qutrio.errors import EnrollmentError, InvalidDocumentError, PeerError
from qutrio.model.ids import Seconds
from qutrio.model.levels import LEVEL
from qutrio.model.stable import Record
from qutrio.peers.enrollment_server import CLAIM_DEADLINE_S, PENDING_REPEAT_S, EnrollmentServer
from qutrio.peers.frames import (
    KINDS,
    Challenge,
    Join,
    Pending,
    Proceed,
    Refused,
    Secret,
    Welcome,
    hear,
    hear_one,
    plain_reason,
    say,
)
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.proof import Claim, sign
from qutrio.peers.token import EnrollmentAddress, Invitation, make_token, parse_token
from qutrio.peers.transport import StrangerTransport, Transport
from qutrio.peers.websocket import MEMBER_MESSAGE_BYTES_MAX, WebSocket, open_websocket

__all__ = ["EnrollmentServer", "Invitation", "join", "make_token", "parse_token"]

ANSWER_DEADLINE_S = CLAIM_DEADLINE_S + 10.0
SILENCE_MAX_S = 3 * PENDING_REPEAT_S
RECORD_DEADLINE_S = 60.0
RETRY_AFTER_S: Seconds = 3.0

Progress = Callable[[str], None]


async def join(  # noqa: PLR0917 - four facts about the joiner and two ways out
    invitation: Invitation,
    identity: PeerIdentity,
    name: str,
    address: str,
    transport_factory: Callable[[], Transport] = StrangerTransport,
    on_progress: Progress = lambda _: None,
) -> Record:
    """Enroll this node as `name`, to be dialled at `address`, and return the cluster's record.

    Waits for an operator's approval as long as the token lives; `on_progress` is told in plain
    words what goes on.  Interrupting and running it again is harmless.  Raises
    `EnrollmentError` when the cluster says no, or when no member can be reached.
    """
    joiner = _Joiner(invitation, identity, name, address, transport_factory(), on_progress)
    while True:
        problems: list[str] = []
        for door in invitation.doors:
            try:
                return await joiner.knock(door)
            except PeerError as error:
                problems.append(str(error))
        if not joiner.claimed:
            tried = "; ".join(dict.fromkeys(problems))
            raise EnrollmentError(f"no member of the cluster could be asked: {tried}")
        on_progress("the connection was lost; trying again")
        await trio.sleep(RETRY_AFTER_S)


@define
class _Joiner:
    invitation: Invitation
    identity: PeerIdentity
    name: str
    address: str
    transport: Transport
    tell: Progress
    claimed: bool = field(default=False, init=False)
    """The claim is noted, so a lost connection is worth another try."""

    async def knock(self, door: EnrollmentAddress) -> Record:
        """Try one member; raises `PeerError` to try another, `EnrollmentError` to give up."""
        self.tell(f"asking {door.address}")
        pins = frozenset({door.fingerprint})
        stream = await self.transport.dial(door.address, pins, anonymous=True)
        limit = MEMBER_MESSAGE_BYTES_MAX
        try:
            async with open_websocket(stream, client=True, message_bytes_max=limit) as socket:
                return await self._converse(socket, door)
        except PeerError as error:
            raise PeerError(f"{door.address}: {error}") from None

    async def _converse(self, socket: WebSocket, door: EnrollmentAddress) -> Record:
        challenge = await hear_one(socket, Challenge, ANSWER_DEADLINE_S)
        if challenge.cluster != self.invitation.cluster_id:
            raise EnrollmentError("the token belongs to another cluster than the one that answers")
        await say(socket, self._application(challenge.nonce, door))
        frame = await hear(socket, ANSWER_DEADLINE_S)
        if isinstance(frame, Proceed):
            await say(socket, Secret(secret=self.invitation.secret))
            frame = await hear(socket, ANSWER_DEADLINE_S)
        while isinstance(frame, Pending):
            if not self.claimed:
                self.tell("waiting for approval: run 'qutrio enroll approve' on a member")
            self.claimed = True
            frame = await hear(socket, SILENCE_MAX_S)
        if isinstance(frame, Refused):
            raise EnrollmentError(plain_reason(frame))
        if not isinstance(frame, Welcome):
            raise PeerError(f"sent a {KINDS[type(frame)]} out of turn")
        # Admitted already: what still fails must be tried again, not given up.
        self.claimed = True
        return await self._take_record(socket)

    def _application(self, nonce: str, door: EnrollmentAddress) -> Join:
        claim = Claim(
            nonce=nonce,
            server=door.fingerprint,
            cluster_id=self.invitation.cluster_id,
            token=self.invitation.token_id,
            name=self.name,
            address=self.address,
        )
        return Join(
            token=claim.token,
            certificate=self.identity.certificate,
            name=claim.name,
            address=claim.address,
            signature=sign(claim, self.identity.key_file),
            level=LEVEL,
        )

    async def _take_record(self, socket: WebSocket) -> Record:
        with trio.move_on_after(RECORD_DEADLINE_S):
            try:
                message = decode(await socket.receive())
            except InvalidDocumentError as error:
                raise EnrollmentError(f"the cluster's document cannot be read: {error}") from None
            if not isinstance(message, Fetched):
                raise EnrollmentError("the cluster is newer than this program; upgrade it first")
            document = message.record.document
            if document.cluster_id != self.invitation.cluster_id:
                raise EnrollmentError("the record that came belongs to another cluster")
            if document.level > LEVEL:
                needs = f"the cluster needs level {document.level}, and this node runs {LEVEL}"
                raise EnrollmentError(f"{needs}; upgrade it first")
            if document.member_by_key(self.identity.fingerprint) is None:
                raise EnrollmentError("the record that came does not name this node")
            return message.record
        raise PeerError("did not hand over the cluster's document in time")
