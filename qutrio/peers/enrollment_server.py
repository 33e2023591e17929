"""Serves connections without a certificate: enrollment, and the membership query.

An applicant must sign a fresh challenge with the key that it wants admitted, and then show the
secret of an invitation.  Its claim is then an ordinary proposal to the cluster, and the
applicant waits until the document says that it is a member, or that it cannot become one.
"""

import hmac
import math
import secrets
from collections.abc import Callable

import trio
from attrs import define, field, frozen

from qutrio.codec.wire import encode
from qutrio.core.api.admission import Admission, admission, token_problem
from qutrio.core.api.effects import Reply
from qutrio.core.api.events import Proposed
from qutrio.core.api.messages import Fetched, Ruling
from qutrio.core.api.mutations import ClaimToken
from qutrio.core.api.view import View
from qutrio.errors import InvalidValueError, PeerError
from qutrio.model.document import ClusterDocument
from qutrio.model.edits import ENROLLMENT
from qutrio.model.ids import Fingerprint, TokenId
from qutrio.model.incidents import Ledger
from qutrio.model.members import Member, Token
from qutrio.model.stable import Record
from qutrio.peers.connection_limits import Slots
from qutrio.peers.conversation import too_old
from qutrio.peers.frames import (
    KINDS,
    Challenge,
    Frame,
    Join,
    Pending,
    Proceed,
    Refused,
    Secret,
    Standing,
    Welcome,
    WhoAmI,
    receive_expected,
    receive_frame,
    send_frame,
)
from qutrio.peers.identity import (
    PeerIdentity,
    certificate_bytes,
    fingerprint_of,
    node_id_of,
    trustworthy_key,
)
from qutrio.peers.proof import Claim, verify
from qutrio.peers.token import hash_secret
from qutrio.peers.websocket import STRANGER_MESSAGE_BYTES_MAX, WebSocket, open_websocket
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest

STRANGERS_MAX = 16
WAITING_MAX = 64
ANSWER_DEADLINE_S = 10.0
CLAIM_ATTEMPTS_MAX = 4
CLAIM_PAUSE_S = 2.0
CLAIM_DEADLINE_S = 25.0
PENDING_REPEAT_S = 10.0
WELCOME_DEADLINE_S = 60.0
NONCE_BYTES = 32

_UNKNOWN_TOKEN = "the token is unknown: it was used, revoked or never issued; ask for a new one"  # noqa: S105
_BUSY = "too many others are enrolling just now; try again in a minute"
_NO_MASTER = "the cluster could not decide just now; run the same command again"


@frozen
class _Applicant:
    member: Member
    token: TokenId
    level: int


@define(eq=False, kw_only=True)
class EnrollmentServer:
    """Serves connections that showed no certificate.

    At most `STRANGERS_MAX` may be connected, and `WAITING_MAX` that showed a valid secret may
    wait for approval; the others are refused at once.
    """

    identity: PeerIdentity
    view: Latest[View]
    inbox: Inbox
    clock: Clock
    strangers: Slots = field(factory=lambda: Slots(STRANGERS_MAX))
    waiting: Slots = field(factory=lambda: Slots(WAITING_MAX))

    async def receive(self, stream: trio.abc.Stream) -> None:
        """Serve one connection until it ends, and close the stream; raises `PeerError`."""
        if not self.strangers.free():
            await trio.aclose_forcefully(stream)
            raise PeerError("too many strangers at once")
        with self.strangers.hold() as release:
            limit = STRANGER_MESSAGE_BYTES_MAX
            async with open_websocket(stream, client=False, message_bytes_max=limit) as socket:
                await self._converse(socket, release)

    async def _converse(self, socket: WebSocket, release: Callable[[], None]) -> None:
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        cluster = self.view.value.document.cluster_id
        await send_frame(socket, Challenge(nonce=nonce, cluster=cluster))
        frame = await receive_frame(socket, ANSWER_DEADLINE_S)
        if self.view.value.removed:
            await send_frame(
                socket, Refused(reason="this node was removed from its cluster; ask another")
            )
        elif isinstance(frame, WhoAmI):
            await send_frame(socket, self._standing(Fingerprint(frame.fingerprint)))
        elif isinstance(frame, Join):
            await self._enroll(socket, frame, nonce, release)
        else:
            raise PeerError(f"a stranger sent a {KINDS[type(frame)]}")

    def _standing(self, fingerprint: Fingerprint) -> Standing:
        document = self.view.value.document
        member = document.member_by_key(fingerprint) is not None
        return Standing(member=member, revision=document.revision)

    async def _enroll(
        self, socket: WebSocket, join: Join, nonce: str, release: Callable[[], None]
    ) -> None:
        try:
            applicant = self._examine(join, nonce)
        except (PeerError, InvalidValueError) as error:
            await send_frame(socket, Refused(reason=str(error)))
            return
        if problem := too_old(join.name, join.level, self.view.value.document):
            await send_frame(socket, Refused(reason=problem))
            return
        # A member that enrolls again did not get our first welcome; its signature proved its key.
        if not self._is_member(applicant):
            refused = self._check_token(applicant) or await self._claim(socket, applicant)
            if refused is not None:
                await send_frame(socket, refused)
                return
        if not self.waiting.free():
            await send_frame(socket, Refused(reason=_BUSY))
            return
        release()
        with self.waiting.hold():
            await self._await_decision(socket, applicant)

    def _examine(self, join: Join, nonce: str) -> _Applicant:
        der = certificate_bytes(join.certificate)
        key, fingerprint = trustworthy_key(der), fingerprint_of(der)
        claim = Claim(
            nonce=nonce,
            server=self.identity.fingerprint,
            cluster_id=self.view.value.document.cluster_id,
            token=join.token,
            name=join.name,
            address=join.address,
        )
        verify(claim, join.signature, key)
        member = Member(
            id=node_id_of(fingerprint),
            name=join.name,
            address=join.address,
            fingerprint=fingerprint,
            certificate=join.certificate,
            voter=False,
        )
        return _Applicant(member, TokenId(join.token), join.level)

    def _is_member(self, applicant: _Applicant) -> bool:
        return self.view.value.document.member_by_key(applicant.member.fingerprint) is not None

    def _check_token(self, applicant: _Applicant) -> Refused | None:
        token = _token(self.view.value.document, applicant.token)
        if token is None:
            return Refused(reason=_UNKNOWN_TOKEN)
        problem = token_problem(token, applicant.member.fingerprint, self.clock.wall())
        return None if problem is None else Refused(reason=problem)

    async def _claim(self, socket: WebSocket, applicant: _Applicant) -> Refused | None:
        """Receive the secret and claim the token with it; None when the claim is committed."""
        await send_frame(socket, Proceed())
        shown = hash_secret((await receive_expected(socket, Secret, ANSWER_DEADLINE_S)).secret)
        token = _token(self.view.value.document, applicant.token)
        if token is None or not hmac.compare_digest(shown.encode(), token.secret_hash.encode()):
            return Refused(reason=_UNKNOWN_TOKEN)
        mutation = ClaimToken(
            token=token.id,
            secret_hash=shown,
            claimant=applicant.member,
            level=applicant.level,
        )
        with trio.move_on_after(CLAIM_DEADLINE_S):
            return await self._propose(mutation)
        return Refused(reason=_NO_MASTER)

    async def _propose(self, mutation: ClaimToken) -> Refused | None:
        for _ in range(CLAIM_ATTEMPTS_MAX):
            try:
                reply = await self.inbox.ask(
                    lambda request: Proposed(request, mutation, ENROLLMENT)
                )
            except trio.BrokenResourceError:
                return Refused(reason="this node is shutting down; run the same command again")
            assert isinstance(reply, Reply), "a proposal is answered by a ruling"
            if reply.ruling is Ruling.COMMITTED:
                return None
            if reply.ruling is Ruling.REFUSED:
                return Refused(reason=reply.reason)
            # Unknown or again: it may have committed.  A second claim by the same key is harmless.
            await trio.sleep(CLAIM_PAUSE_S)
        return Refused(reason=_NO_MASTER)

    async def _await_decision(self, socket: WebSocket, applicant: _Applicant) -> None:
        """Wait until the document decides; send `Pending` every `PENDING_REPEAT_S` meanwhile."""
        repeat_at = -math.inf
        while (answer := self._decision(applicant)) is None:
            now = trio.current_time()
            if now >= repeat_at:
                await send_frame(socket, Pending())
                repeat_at = now + PENDING_REPEAT_S
            with trio.move_on_at(min(repeat_at, now + self._expires_in(applicant))):
                await self._document_change()
        await send_frame(socket, answer)
        if isinstance(answer, Welcome):
            await self._send_record(socket)

    async def _document_change(self) -> None:
        seen = self.view.value.document
        await self.view.until(lambda view: view.document is not seen)

    def _decision(self, applicant: _Applicant) -> Frame | None:
        member, level, document = applicant.member, applicant.level, self.view.value.document
        wall = self.clock.wall()
        match admission(document, member.fingerprint, level, applicant.token, wall):
            case Admission.WAITING:
                return None
            case Admission.ADMITTED:
                return Welcome()
            case Admission.TOO_OLD:
                return Refused(reason=too_old(member.name, level, document) or "")
            case Admission.REVOKED:
                return Refused(reason="the invitation was revoked; ask for a new one")
            case Admission.EXPIRED:
                reason = "the token expired before it was approved; ask for a new one"
                return Refused(reason=reason)

    def _expires_in(self, applicant: _Applicant) -> float:
        token = _token(self.view.value.document, applicant.token)
        return 0.0 if token is None else max(0.0, token.expires_unix - self.clock.wall())

    async def _send_record(self, socket: WebSocket) -> None:
        view = self.view.value
        record = Record(view.position, view.document, Ledger())
        await socket.send(encode(Fetched(accepted=False, record=record)))
        # The joiner hangs up once it has read everything; closing first could cut the record off.
        with trio.move_on_after(WELCOME_DEADLINE_S):
            try:
                await socket.receive()
            except PeerError:
                return


def _token(document: ClusterDocument, ident: TokenId) -> Token | None:
    return next((t for t in document.tokens if t.id == ident), None)
