"""A resolver for all nodes of a cluster, which a test can silence."""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from socketserver import BaseRequestHandler, ThreadingUDPServer
from threading import Thread

from attrs import define

from tests.probes.name_servers import Zone


@define
class Resolver:
    """A name server on loopback; while it is silent, it reads queries and does not answer."""

    address: str
    silent: bool = False


@contextmanager
def resolver(zone: Zone) -> Iterator[Resolver]:
    """Answer from a zone, over UDP on a free port, in other threads."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            query, line = self.request
            assert isinstance(line, socket)
            for answer in [] if asked.silent else zone(query):
                line.sendto(answer, self.client_address)

    with ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        host, port = server.server_address[:2]
        asked = Resolver(f"{host!s}:{port}")
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()
