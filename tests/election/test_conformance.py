"""Every driver passes the checks of `conformance`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from qutrio.election.drivers import websocket
from qutrio.election.drivers.interface import Driver
from qutrio.election.drivers.memory import MemoryWire
from qutrio.election.drivers.nats import Nats
from tests.election.conformance import CHECKS, Check
from tests.election.nats_server import NatsServer, needs_nats_server
from tests.election.test_websocket import free_ports

every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@pytest.fixture
async def nats() -> AsyncIterator[Driver]:
    server = NatsServer()
    await server.start()
    yield Nats(servers=[server.url])
    await server.kill()


@every_check
async def test_the_wire_in_memory_conforms(check: Check) -> None:
    await check(MemoryWire())


@pytest.mark.slow
@every_check
async def test_tls_websockets_conform(check: Check, tmp_path: Path) -> None:
    await check(websocket.local(free_ports("a", "b", "c"), tmp_path))


@pytest.mark.slow
@needs_nats_server
@every_check
async def test_nats_servers_conform(check: Check, nats: Driver) -> None:
    await check(nats)
