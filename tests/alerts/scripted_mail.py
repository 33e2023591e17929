"""A mail server on a real socket that offers, refuses and disconnects as a test says."""

import hmac
import ssl
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from hashlib import md5

import trio
from attrs import define, field, frozen

CHALLENGE = b"<1896.697170952@mail.test>"
HANG = "HANG"
Stream = trio.abc.Stream


@frozen
class Taken:
    """One message that the server accepted."""

    opening: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def header(self, name: str) -> str:
        """A header as it was sent, unfolded."""
        head = self.content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode()
        lines = [line.partition(": ") for line in head.split("\r\n")]
        [text] = [text for given, _, text in lines if given == name]
        return text


def decoded(text: str) -> str:
    """Return encoded words as a mail program shows them; the newer parser breaks long ones."""
    return str(make_header(decode_header(text)))


@define(kw_only=True)
class Script:
    """What the server offers and answers.

    `rcpt` gives the answer for an address at its n-th naming; `data` the answer to the n-th
    message's content, where "" closes the connection without one, and HANG never comes.
    """

    offers: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    logins: tuple[str, ...] = ()
    clear_logins: tuple[str, ...] = ()
    account: tuple[str, str] = ("", "")
    auth: dict[str, str] = field(factory=dict)
    greeting: str = "220 mail.test ESMTP"
    ehlo: str = ""
    mail: str = "250 ok"
    rcpt: Callable[[str, int], str] = lambda _address, _times: "250 ok"
    data: Callable[[int, list[str]], str] = lambda _times, _recipients: "250 queued"
    recipients_max: int = 1000
    too_many: str = "452 4.5.3 too many recipients"
    lose_in_content: bool = False


@define
class ScriptedServer:
    """The server's port, the messages it accepted, and every line that clients sent."""

    port: int
    script: Script
    taken: list[Taken] = field(factory=list)
    said: list[str] = field(factory=list)
    named: dict[str, int] = field(factory=dict)
    hangs: trio.Event = field(factory=trio.Event)
    contents: int = 0
    connections: int = 0
    logged_in: int = 0
    faults: list[str] = field(factory=list)
    """What a client did that it must not do."""


@asynccontextmanager
async def scripted_server(script: Script, port: int = 0) -> AsyncIterator[ScriptedServer]:
    """Serve on a free port of loopback until the block ends; a client error fails the test."""
    [listener] = await trio.open_tcp_listeners(port, host="127.0.0.1")
    server = ScriptedServer(listener.socket.getsockname()[1], script)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, _Session.serve(server), [listener])
        yield server
        nursery.cancel_scope.cancel()
    assert server.faults == []


@define
class _Session:
    server: ScriptedServer
    stream: Stream
    secure: bool = False
    announced: bool = False
    opening: str = ""
    recipients: list[str] = field(factory=list)
    _buffer: bytes = b""

    @staticmethod
    def serve(server: ScriptedServer) -> Callable[[trio.SocketStream], Awaitable[None]]:
        async def handle(stream: trio.SocketStream) -> None:
            server.connections += 1
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError, EOFError):
                await _Session(server, stream).talk()

        return handle

    async def line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            more = await self.stream.receive_some()
            if not more:
                raise EOFError
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def say(self, text: str) -> None:
        await self.stream.send_all(text.encode() + b"\r\n")

    async def talk(self) -> None:
        await self.say(self.server.script.greeting)
        while True:
            raw = await self.line()
            line = raw.decode()
            self.server.said.append(line)
            if not raw.isascii() and " SMTPUTF8" not in self.opening + line:
                self.server.faults.append(f"8-bit command without SMTPUTF8: {line!r}")
            answer = await self.obey(line)
            if answer is None:
                await self.stream.aclose()
                return
            await self.say(answer)
            if answer.startswith("421"):
                await self.stream.aclose()
                return
            if line.upper() == "STARTTLS":
                await self._encrypt()

    async def obey(self, line: str) -> str | None:
        script = self.server.script
        match line[:4].upper():
            case "EHLO":
                return script.ehlo or self._capabilities()
            case "AUTH":
                return await self._authenticate(line)
            case "RCPT":
                return self._recipient(line[len("RCPT TO:<") : line.rindex(">")])
            case "DATA":
                return await self._content()
            case other:
                self.opening, self.recipients = line if other == "MAIL" else "", []
                return {
                    "MAIL": script.mail,
                    "STAR": "220 go ahead" if script.tls else "502 no",
                    "QUIT": "221 bye",
                }.get(other, "250 ok")

    def _capabilities(self) -> str:
        script, lines = self.server.script, ["mail.test", *self.server.script.offers]
        if script.tls and not self.secure:
            lines.append("STARTTLS")
        logins = script.logins if self.secure else script.clear_logins
        lines += ["AUTH " + " ".join(logins)] if logins else []
        return "\r\n".join([*(f"250-{x}" for x in lines[:-1]), f"250 {lines[-1]}"])

    async def _encrypt(self) -> None:
        assert self.server.script.tls is not None
        assert not self._buffer, "what comes before the handshake would be trusted after it"
        self.stream = trio.SSLStream(
            self.stream, self.server.script.tls, server_side=True, https_compatible=True
        )
        self.secure = True

    def _recipient(self, address: str) -> str:
        server = self.server
        server.named[address] = server.named.get(address, 0) + 1
        if len(self.recipients) >= server.script.recipients_max:
            return server.script.too_many
        answer = server.script.rcpt(address, server.named[address])
        if answer.startswith("25"):
            self.recipients.append(address)
        return answer

    async def _content(self) -> str | None:
        server = self.server
        if not self.recipients:
            server.faults.append("DATA without a recipient")
            return "503 no recipients"
        await self.say("354 go ahead")
        lines = list[bytes]()
        while (line := await self.line()) != b".":
            lines.append(line.removeprefix(b"."))
            if server.script.lose_in_content:
                return None
        content = b"\r\n".join([*lines, b""])
        self._inspect(content)
        server.contents += 1
        answer = server.script.data(server.contents, list(self.recipients))
        if answer.startswith("250"):
            server.taken.append(Taken(self.opening, list(self.recipients), content))
        self.recipients = []
        if answer == HANG:
            server.hangs.set()
            await trio.sleep_forever()
        return answer or None

    def _inspect(self, content: bytes) -> None:
        if not content.isascii() and "BODY=8BITMIME" not in self.opening:
            self.server.faults.append("8-bit content without BODY=8BITMIME")
        for option, extension in (("BODY=", "8BITMIME"), ("SMTPUTF8", "SMTPUTF8")):
            if option in self.opening and extension not in self.server.script.offers:
                self.server.faults.append(f"{option} used, and {extension} is not offered")
        if max(map(len, content.split(b"\r\n"))) > 998:
            self.server.faults.append("a line of more than 998 bytes")

    async def _authenticate(self, line: str) -> str:
        script, (_, mechanism, *initial) = self.server.script, line.split(" ")
        user, password = (text.encode() for text in script.account)
        if mechanism in script.auth:
            return script.auth[mechanism]
        try:
            if mechanism == "PLAIN":
                good = b64decode(initial[0]) == b"\0" + user + b"\0" + password
            elif mechanism == "LOGIN":
                given = [await self._asked("VXNlcm5hbWU6"), await self._asked("UGFzc3dvcmQ6")]
                good = given == [user, password]
            else:
                given = [await self._asked(b64encode(CHALLENGE).decode())]
                good = given == [
                    user + b" " + hmac.new(password, CHALLENGE, md5).hexdigest().encode()
                ]
        except NotBase64:
            return "501 5.5.2 not base64"
        self.server.logged_in += good
        return "235 2.7.0 welcome" if good else "535 5.7.8 wrong user or password"

    async def _asked(self, challenge: str) -> bytes:
        await self.say(f"334 {challenge}")
        return b64decode(await self.line(), validate=True)
