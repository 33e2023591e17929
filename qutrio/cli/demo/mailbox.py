"""The mailbox of the demo: a real, small SMTP server that keeps what it receives."""

import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio
from attrs import define, field, frozen

HOST = "127.0.0.1"
LINE_BYTES_MAX = 4096
MAIL_BYTES_MAX = 1024 * 1024
SESSION_S_MAX = 30.0


@frozen
class Mail:
    """One message that was delivered."""

    subject: str
    message_id: str
    body: str


@define
class Mailbox:
    """What has arrived so far, in order."""

    port: int
    mails: list[Mail] = field(factory=list, init=False)
    _arrival: trio.Condition = field(factory=trio.Condition, init=False)

    def about(self, word: str) -> list[Mail]:
        """Return the mails whose subject contains `word`."""
        return [mail for mail in self.mails if word in mail.subject]

    async def first(self, word: str) -> Mail:
        """Wait for a mail whose subject contains `word`, and return the first."""
        async with self._arrival:
            while not self.about(word):
                await self._arrival.wait()
        return self.about(word)[0]

    async def keep(self, mail: Mail) -> None:
        """Store a mail and wake the tasks that wait for one."""
        async with self._arrival:
            self.mails.append(mail)
            self._arrival.notify_all()


@asynccontextmanager
async def open_mailbox() -> AsyncIterator[Mailbox]:
    """Yield a mailbox that receives on loopback until the end of the block."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host=HOST)
        mailbox = Mailbox(listener.socket.getsockname()[1])
        nursery.start_soon(trio.serve_listeners, partial(_session, mailbox), [listener])
        yield mailbox
        nursery.cancel_scope.cancel()


@define
class _Lines:
    """Splits a stream into lines of bounded length."""

    stream: trio.abc.ReceiveStream
    buffer: bytearray = field(factory=bytearray, init=False)

    async def next(self) -> bytes | None:
        """Return the next line without its end, or None at the end of the stream."""
        while (end := self.buffer.find(b"\n")) < 0:
            chunk = await self.stream.receive_some()
            if not chunk or len(self.buffer) > LINE_BYTES_MAX:
                return None
            self.buffer += chunk
        line = bytes(self.buffer[:end]).removesuffix(b"\r")
        del self.buffer[: end + 1]
        return line


async def _session(mailbox: Mailbox, stream: trio.SocketStream) -> None:
    """Speak SMTP (RFC 5321) with one client, for a bounded time."""
    with trio.move_on_after(SESSION_S_MAX):
        try:
            await _converse(mailbox, stream)
        except trio.BrokenResourceError:
            return
    await trio.aclose_forcefully(stream)


async def _converse(mailbox: Mailbox, stream: trio.SocketStream) -> None:
    lines = _Lines(stream)
    await stream.send_all(b"220 qutrio demo mailbox\r\n")
    while (line := await lines.next()) is not None:
        verb = line[:4].upper()
        if verb == b"DATA":
            await stream.send_all(b"354 go on, end with a dot\r\n")
            content = await _read_content(lines)
            if content is None:
                return
            await mailbox.keep(_parsed(content))
        await stream.send_all(_REPLIES.get(verb, "502 not spoken here").encode() + b"\r\n")
        if verb == b"QUIT":
            return


_REPLIES = {
    b"EHLO": "250 hello",
    b"HELO": "250 hello",
    b"MAIL": "250 ok",
    b"RCPT": "250 ok",
    b"RSET": "250 ok",
    b"NOOP": "250 ok",
    b"DATA": "250 kept",
    b"QUIT": "221 bye",
}


async def _read_content(lines: _Lines) -> bytes | None:
    """Return the message without its final dot; None if it is cut off or too long."""
    content = bytearray()
    while (line := await lines.next()) is not None and len(content) < MAIL_BYTES_MAX:
        if line == b".":
            return bytes(content)
        content += line.removeprefix(b".") + b"\n"
    return None


def _parsed(content: bytes) -> Mail:
    message = email.message_from_bytes(content, policy=email.policy.default)
    part = message.get_body(("plain",))
    return Mail(
        subject=str(message["Subject"] or "").strip(),
        message_id=str(message["Message-ID"] or "").strip(),
        body=str(part.get_content()) if part is not None else "",
    )
