"""One try at one name server: questions over UDP, each again over TCP when truncated.

The socket is connected, so that the kernel drops datagrams from other addresses; the identifier
and the source port are random; an answer to another question is dropped here.
"""

import os
import secrets
import socket
from typing import Self

import trio
from attrs import frozen

from qutrio.model.ids import Seconds
from qutrio.probes.dns.message import (
    MESSAGE_BYTES_MAX,
    Question,
    Rcode,
    Reply,
    decode,
    encode,
    is_answer_to,
)
from qutrio.probes.dns.names import MalformedError
from qutrio.probes.observations import Endpoint

DNS_PORT = 53
PARTNER_S: Seconds = 0.05
"""How long an answer with addresses waits for the one about the other family (RFC 8305)."""

STRAYS_MAX = 1000
"""Datagrams that answer no question; a server that sends more is ignored."""

_LENGTH_BYTES = 2
"""Over TCP each message follows its length."""


@frozen
class Server:
    """A name server."""

    endpoint: Endpoint
    port: int = DNS_PORT

    def __str__(self) -> str:
        """Return it as people write it."""
        if self.port == DNS_PORT:
            return self.endpoint.address
        return f"{self.endpoint.bracketed}:{self.port}"


class Exchange:
    """The questions of one look-up at one server.

    `replies` has the answers received so far, in the order of the questions; `troubles` says for
    people why others are missing.  `asked` is True once a question was sent.
    """

    def __init__(
        self,
        server: Server,
        questions: tuple[Question, ...],
        timeout_s: Seconds,
        *,
        edns: bool = False,
        tcp: bool = False,
    ) -> None:
        """Prepare; nothing is sent before `run`."""
        self.server = server
        self.questions = questions
        self.replies: list[Reply | None] = [None] * len(questions)
        self.troubles: list[str] = []
        self.asked = False
        self._timeout_s = timeout_s
        self._edns = edns
        self._tcp = tcp
        self._idents = [secrets.randbits(16) for _ in questions]
        self._open = set(range(len(questions)))
        self._deadline = 0.0
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        """Return the exchange."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the socket; late answers are dropped."""
        if self._socket is not None:
            self._socket.close()

    async def run(self) -> bool:
        """Ask, and return whether the server's answers are useful.

        They are if all questions are answered, if the name does not exist, or if one answer has
        records and the others are late or failed.  May be cancelled and run again.
        """
        try:
            if not self._deadline:
                self._deadline = trio.current_time() + self._timeout_s
                self._begin()
            with trio.move_on_at(self._deadline):
                await self._receive_answers()
        except OSError as error:
            self._add_trouble(_words(error))
        else:
            if self._open and not self._found:
                self._add_trouble("does not answer")
        return self._found or all(reply is not None for reply in self.replies)

    @property
    def _found(self) -> bool:
        return any(
            reply is not None and (reply.records or reply.rcode == Rcode.NXDOMAIN)
            for reply in self.replies
        )

    def _begin(self) -> None:
        if self._tcp:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(self.server.endpoint.family, kind)
        self._socket.connect(self.server.endpoint.at(self.server.port))
        for question, ident in zip(self.questions, self._idents, strict=True):
            self._socket.send(encode(question, ident, edns=self._edns))
            self.asked = True

    async def _receive_answers(self) -> None:
        if self._tcp:
            for number in list(self._open):
                await self._ask_over_tcp(number)
            return
        strays = 0
        while self._open:
            with trio.move_on_after(PARTNER_S if self._found else self._timeout_s) as patience:
                message = await self._next_datagram()
                answered = self._answered_by(message)
                if answered is not None:
                    await self._process(answered, message)
                    continue
            if patience.cancelled_caught:
                return
            strays += 1
            if strays > STRAYS_MAX:
                self._add_trouble("sends answers to questions that were not asked")
                return

    async def _next_datagram(self) -> bytes:
        assert self._socket is not None  # `_begin` made it
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(MESSAGE_BYTES_MAX)
            except BlockingIOError:
                continue

    def _answered_by(self, message: bytes) -> int | None:
        for number in self._open:
            if is_answer_to(message, self.questions[number], self._idents[number]):
                return number
        return None

    async def _process(self, number: int, message: bytes) -> None:
        try:
            reply = decode(message, self.questions[number])
        except MalformedError as error:
            self._open.discard(number)
            self._add_trouble(f"sends a malformed answer: it {error}")
            return
        if reply.truncated:
            await self._ask_over_tcp(number)
            return
        self._open.discard(number)
        trouble = _trouble(reply)
        if trouble is None:
            self.replies[number] = reply
            if reply.rcode == Rcode.NXDOMAIN:
                self._open.clear()  # the name has no records of any type
        else:
            self._add_trouble(trouble)

    async def _ask_over_tcp(self, number: int) -> None:
        question, ident = self.questions[number], self._idents[number]
        try:
            message = await self._over_tcp(encode(question, ident))
        except (OSError, trio.BrokenResourceError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            words = _words(cause) if isinstance(cause, OSError) else "breaks off"
            self._add_trouble(f"{words} over TCP")
            self._open.discard(number)
            return
        if not is_answer_to(message, question, ident) or _is_truncated(message):
            self._open.discard(number)
            self._add_trouble("sends no usable answer over TCP")
            return
        await self._process(number, message)

    async def _over_tcp(self, query: bytes) -> bytes:
        endpoint = self.server.endpoint
        with trio.socket.socket(endpoint.family, socket.SOCK_STREAM) as plain:
            await plain.connect(endpoint.at(self.server.port))
            self.asked = True
            stream = trio.SocketStream(plain)
            await stream.send_all(len(query).to_bytes(_LENGTH_BYTES, "big") + query)
            received = b""
            while len(received) < _LENGTH_BYTES + _length(received):
                data = await stream.receive_some(MESSAGE_BYTES_MAX)
                if not data:
                    break
                received += data
        return received[_LENGTH_BYTES : _LENGTH_BYTES + _length(received)]

    def _add_trouble(self, words: str) -> None:
        text = f"{self.server} {words}"
        if text not in self.troubles:
            self.troubles.append(text)


def _length(received: bytes) -> int:
    return int.from_bytes(received[:_LENGTH_BYTES], "big")


def _is_truncated(message: bytes) -> bool:
    return bool(message[2] & 0x02)


def _trouble(reply: Reply) -> str | None:
    """Return why a reply is not conclusive; None when it is."""
    if not reply.conclusive:
        names = {int(rcode): rcode.name for rcode in Rcode}
        return f"answers {names.get(reply.rcode, f'with error {reply.rcode}')}"
    empty = reply.rcode == Rcode.NOERROR and not reply.records
    if empty and not reply.aliases and reply.zone is None and not reply.recurses:
        return "does not look up names for others"
    return None


def _words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection"
    return f"cannot be asked: {os.strerror(error.errno or 0).lower()}"
