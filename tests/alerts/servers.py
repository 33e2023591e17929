"""Real servers on loopback: mail, HTTP, and servers that misbehave."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import trio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from attrs import define, field, frozen


@frozen
class Mail:
    """A mail that the server accepted."""

    sender: str
    recipients: list[str]
    content: bytes
    login: bytes | None
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


class MailHandler:
    """Accepts every mail, except for recipients and logins that a test refuses."""

    def __init__(
        self, refuse: dict[str, str], data_answer: str, on_mail: Callable[[], None]
    ) -> None:
        self.taken: Queue[Mail] = Queue()
        self._on_mail = on_mail
        self._refuse = refuse
        self._data_answer = data_answer

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address in self._refuse:
            return self._refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        transport = server.transport
        assert transport is not None
        encrypted = transport.get_extra_info("ssl_object") is not None
        auth: LoginPassword | None = session.auth_data
        login = None if auth is None else auth.password
        assert envelope.mail_from is not None
        self.taken.put(Mail(envelope.mail_from, envelope.rcpt_tos, content, login, encrypted))
        self._on_mail()
        return self._data_answer


class _Controller(Controller):
    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@frozen
class MailServer:
    port: int
    taken: "Queue[Mail]"


@contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
    refuse: dict[str, str] | None = None,
    data_answer: str = "250 OK",
    on_mail: Callable[[], None] = lambda: None,
    host: str = "127.0.0.1",
) -> Iterator[MailServer]:
    """Serve mail on a free port of `host` in a thread of its own."""
    handler = MailHandler(refuse or {}, data_answer, on_mail)

    def check(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        assert login is not None
        wanted = data == LoginPassword(login[0].encode(), login[1].encode())
        return AuthResult(success=wanted, handled=False, auth_data=data)

    options: dict[str, Any] = {}
    if starttls is not None:
        options |= {"tls_context": starttls, "require_starttls": True}
    if login is not None:
        # aiosmtpd does not count implicit TLS as TLS, so it cannot require it for a login.
        options |= {"authenticator": check, "auth_required": True}
        options |= {"auth_require_tls": implicit is None}
    controller = _Controller(handler, hostname=host, port=0, ssl_context=implicit, **options)
    controller.start()
    try:
        yield MailServer(controller.port, handler.taken)
    finally:
        controller.stop()


@frozen
class Post:
    """A request that the HTTP server received."""

    path: str
    headers: dict[str, str]
    content: bytes


@define
class WebServer:
    """A server that gives one fixed answer and remembers what was posted."""

    port: int
    status: int = 204
    headers: dict[str, str] = field(factory=dict)
    body: bytes = b""
    posts: "Queue[Post]" = field(factory=Queue)


@contextmanager
def web_server(
    context: ssl.SSLContext | None = None, *, host: str = "127.0.0.1", **answer: Any
) -> Iterator[WebServer]:
    """Serve HTTP, or HTTPS with a context, on a free port of `host` in threads of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            web.posts.put(Post(self.path, {k.lower(): v for k, v in self.headers.items()}, content))
            self.send_response_only(web.status)  # without a date of its own
            for name, value in web.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(web.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    web = WebServer(server.server_address[1], **answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@define
class RoughServer:
    """A server that sends some bytes, once or forever, and then nothing."""

    port: int
    connected: trio.Event = field(factory=trio.Event)
    asked: trio.Event = field(factory=trio.Event)
    left: trio.Event = field(factory=trio.Event)


@asynccontextmanager
async def rough_server(
    opening: bytes = b"", repeat: bytes = b"", pause_s: float = 0.0
) -> AsyncIterator[RoughServer]:
    """Accept, send `opening`, then `repeat` again and again, and never close."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    rough = RoughServer(listener.socket.getsockname()[1])

    async def talk(stream: trio.SocketStream) -> None:
        try:
            await stream.send_all(opening)
            rough.connected.set()
            while repeat:
                await stream.send_all(repeat)
                await trio.sleep(pause_s)
            while await stream.receive_some():
                rough.asked.set()
        except trio.BrokenResourceError:
            pass
        rough.left.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, talk, [listener])
        yield rough
        nursery.cancel_scope.cancel()
