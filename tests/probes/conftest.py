"""The tools and targets that the probes' tests share."""

import random
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
import trio
import trustme
from attrs import evolve, frozen

from qutrio.plumbing.clock import BootClock
from qutrio.probes.interface import TlsContexts, Tools
from qutrio.probes.toolbox import make_tools
from tests import needs
from tests.patience import HANG_S
from tests.probes.servers import running_nginx
from tests.workers import free_port


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that the test's probes trust."""
    return trustme.CA()


@pytest.fixture(scope="session")
def contexts(authority: trustme.CA) -> TlsContexts:
    """Client contexts whose only authority is the test's own."""
    verified = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    any_name = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    any_name.check_hostname = False
    return TlsContexts(verified, unverified, any_name)


@pytest.fixture
async def tools(contexts: TlsContexts) -> AsyncIterator[Tools]:
    """Real tools, with the test's authority."""
    made = evolve(make_tools(BootClock()), tls=contexts)
    yield made
    await made.patterns.aclose()


@frozen
class Nginx:
    """Where the real web server listens."""

    port: int
    tls_port: int

    def url(self, path: str) -> str:
        """Return the plain URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def tls_url(self, path: str) -> str:
        """Return the TLS URL of a path; its certificate is for `localhost`."""
        return f"https://localhost:{self.tls_port}{path}"


@pytest.fixture(scope="session")
def nginx_ports(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Nginx]:
    """One nginx for all tests of a run."""
    needs.require(needs.lacking("nginx"))
    root = tmp_path_factory.mktemp("nginx")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    target = Nginx(free_port(), free_port())
    pem = certificate.private_key_and_cert_chain_pem.bytes()
    with running_nginx(root, pem, target.port, target.tls_port):
        yield target


@pytest.fixture
async def nginx(nginx_ports: Nginx) -> Nginx:
    """The web server, once it listens."""
    with trio.fail_after(HANG_S):
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", nginx_ports.tls_port)
            except OSError:
                await trio.sleep(0.02)
            else:
                await stream.aclose()
                return nginx_ports


@pytest.fixture
def rng() -> random.Random:
    """Random numbers that are the same every time."""
    return random.Random(7)
