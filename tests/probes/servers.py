"""Targets for probes: a real nginx, and servers that misbehave on purpose."""

import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Self, TypeAlias

import trio

from qutrio.model.check_base import IpFamily
from qutrio.probes.dns.message import Question, Reply
from qutrio.probes.observations import Addresses, Endpoint, NoAnswer, Observation, Resolution
from tests import needs
from tests.patience import HANG_S

CONFIG = """
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  gzip on;
  gzip_min_length 1;
  gzip_types text/plain;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {root}/server.pem;
    ssl_certificate_key {root}/server.pem;
    default_type text/plain;
    location / {{ return 200 "all is well\\n"; }}
    location /status/503 {{ return 503 "out of order\\n"; }}
    location /moved {{ return 302 /; }}
    location /loop {{ return 302 /loop; }}
    location /door {{
      if ($cookie_seen = "1") {{ return 200 "welcome back\\n"; }}
      add_header Set-Cookie "seen=1; Path=/; HttpOnly";
      return 302 /door;
    }}
    location /echo {{ return 200 "$request_method $http_authorization $http_x_own $host"; }}
  }}
}}
"""


@contextmanager
def running_nginx(root: Path, certificate: bytes, port: int, tls_port: int) -> Iterator[None]:
    """Run nginx in `root` on two loopback ports until the block ends."""
    program = needs.where("nginx")
    assert program is not None, "whoever calls this asks for nginx first"
    (root / "server.pem").write_bytes(certificate)
    config = root / "nginx.conf"
    config.write_text(CONFIG.format(root=root, port=port, tls_port=tls_port))
    command = [program, "-p", str(root), "-c", str(config), "-e", str(root / "error.log")]
    subprocess.run([*command, "-t", "-q"], check=True, timeout=HANG_S)
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=HANG_S)


Handler: TypeAlias = Callable[[trio.abc.Stream], Awaitable[None]]


async def _serve_one(handler: Handler, tls: ssl.SSLContext | None, stream: trio.abc.Stream) -> None:
    if tls is not None:
        stream = trio.SSLStream(stream, tls, server_side=True)
    try:
        await handler(stream)
    except trio.BrokenResourceError:
        return  # the probe hung up, as it may
    finally:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def served(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve `handler` on a loopback port, whose number is the value, until the block ends."""
    async with trio.open_nursery() as nursery:
        one = partial(_serve_one, handler, tls)
        listeners = await nursery.start(partial(trio.serve_tcp, one, 0, host="127.0.0.1"))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def read_head(stream: trio.abc.Stream) -> bytes:
    """Return a request's bytes up to the empty line."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        data = await stream.receive_some(4096)
        if not data:
            break
        seen += bytes(data)
    return seen


def answering(data: bytes) -> Handler:
    """Return a handler that reads the request, sends `data` and closes."""

    async def handler(stream: trio.abc.Stream) -> None:
        await read_head(stream)
        await stream.send_all(data)

    return handler


def endless(head: bytes, piece: bytes, pause_s: float = 0.0) -> Handler:
    """Return a handler that sends `head` and then `piece` forever."""

    async def handler(stream: trio.abc.Stream) -> None:
        await read_head(stream)
        await stream.send_all(head)
        while True:
            await stream.send_all(piece)
            await trio.sleep(pause_s)

    return handler


async def silent(stream: trio.abc.Stream) -> None:
    """Read the request and send nothing."""
    del stream
    await trio.sleep_forever()


class OneAddress:
    """A resolver for which every name is 127.0.0.1."""

    async def resolve(self, host: str, family: IpFamily) -> Resolution:
        """Return the loopback address."""
        del host, family
        await trio.lowlevel.checkpoint()
        return Addresses((Endpoint(socket.AF_INET, "127.0.0.1"),))

    async def ask(self, question: Question) -> Reply:
        """Never called: these probes want addresses only."""
        raise AssertionError(question)

    def with_servers(self, servers: tuple[str, ...]) -> Self:
        """Return itself, whichever servers are given."""
        del servers
        return self

    async def judge(self, failure: NoAnswer) -> Observation:
        """Never called: no look-up fails here."""
        raise AssertionError(failure)
