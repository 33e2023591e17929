"""Joins a cluster: dials a member that the token names, proves its key, and shows the secret.

The token pins the members' keys, so the secret is only shown to a member, over TLS.
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
    plain_reason,
    receive_expected,
    receive_frame,
    send_frame,
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

    Waits for an operator's approval until the token expires; `on_progress` is called with a
    sentence at each step.  Interrupting and running it again is harmless.  Raises
    `EnrollmentError` when the cluster refuses, or when no member can be reached.
    """
    joiner = _Joiner(invitation, identity, name, address, transport_factory(), on_progress)
    while True:
        problems: list[str] = []
        for member in invitation.addresses:
            try:
                return await joiner.try_member(member)
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
    report: Progress
    claimed: bool = field(default=False, init=False)
    """Whether a member recorded the claim, so that a lost connection is worth another try."""

    async def try_member(self, member: EnrollmentAddress) -> Record:
        """Try one member; raises `PeerError` to try another, `EnrollmentError` to give up."""
        self.report(f"asking {member.address}")
        pins = frozenset({member.fingerprint})
        stream = await self.transport.dial(member.address, pins, anonymous=True)
        limit = MEMBER_MESSAGE_BYTES_MAX
        try:
            async with open_websocket(stream, client=True, message_bytes_max=limit) as socket:
                return await self._converse(socket, member)
        except PeerError as error:
            raise PeerError(f"{member.address}: {error}") from None

    async def _converse(self, socket: WebSocket, member: EnrollmentAddress) -> Record:
        challenge = await receive_expected(socket, Challenge, ANSWER_DEADLINE_S)
        if challenge.cluster != self.invitation.cluster_id:
            raise EnrollmentError("the token belongs to another cluster than the one that answers")
        await send_frame(socket, self._application(challenge.nonce, member))
        frame = await receive_frame(socket, ANSWER_DEADLINE_S)
        if isinstance(frame, Proceed):
            await send_frame(socket, Secret(secret=self.invitation.secret))
            frame = await receive_frame(socket, ANSWER_DEADLINE_S)
        while isinstance(frame, Pending):
            if not self.claimed:
                self.report("waiting for approval: run 'qutrio enroll approve' on a member")
            self.claimed = True
            frame = await receive_frame(socket, SILENCE_MAX_S)
        if isinstance(frame, Refused):
            raise EnrollmentError(plain_reason(frame))
        if not isinstance(frame, Welcome):
            raise PeerError(f"sent a {KINDS[type(frame)]} out of turn")
        # The node is a member now, so a failure from here on must be tried again.
        self.claimed = True
        return await self._receive_record(socket)

    def _application(self, nonce: str, member: EnrollmentAddress) -> Join:
        claim = Claim(
            nonce=nonce,
            server=member.fingerprint,
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

    async def _receive_record(self, socket: WebSocket) -> Record:
        with trio.move_on_after(RECORD_DEADLINE_S):
            try:
                message = decode(await socket.receive())
            except InvalidDocumentError as error:
                raise EnrollmentError(f"the cluster's document cannot be read: {error}") from None
            if not isinstance(message, Fetched):
                raise EnrollmentError("the cluster is newer than this program; upgrade it first")
            document = message.record.document
            if document.cluster_id != self.invitation.cluster_id:
                raise EnrollmentError("the record received belongs to another cluster")
            if document.level > LEVEL:
                needs = f"the cluster needs level {document.level}, and this node runs {LEVEL}"
                raise EnrollmentError(f"{needs}; upgrade it first")
            if document.member_by_key(self.identity.fingerprint) is None:
                raise EnrollmentError("the record received does not name this node")
            return message.record
        raise PeerError("did not send the cluster's document in time")
