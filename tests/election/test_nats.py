"""Frames of an election over a real NATS server."""

import secrets
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import nkeys  # type: ignore[import-untyped]
import pytest
import trio
import trustme

from qutrio.election.drivers.interface import FRAME_BYTES_MAX, Link
from qutrio.election.drivers.nats import Nats, name_of, part_of
from qutrio.election.drivers.nats_client import NatsServers, connect
from qutrio.errors import ElectionError, InvalidValueError, QutrioError
from qutrio.model.ids import NodeId
from tests.election.nats_server import NatsServer, needs_nats_server
from tests.patience import HANG_S

A, B, C = NodeId("a"), NodeId("b.example.org"), NodeId("all")
PATIENCE_S = HANG_S


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    server = NatsServer()
    await server.start()
    yield server
    await server.kill()


async def heard(link: Link, frame: bytes) -> NodeId:
    """Wait for a frame; return its sender."""
    while True:
        sender, said = await link.receive()
        if said == frame:
            return sender


async def send_until_received(link: Link, to: NodeId, other: Link, frame: bytes) -> NodeId:
    """Send a frame repeatedly until the other end receives it; return its sender."""
    with trio.fail_after(PATIENCE_S):
        while True:
            link.send(to, frame)
            with trio.move_on_after(0.05):
                return await heard(other, frame)


async def until_trouble(link: Link, words: str) -> str:
    with trio.fail_after(PATIENCE_S):
        while words not in (said := await link.trouble()):
            pass
        return said


@needs_nats_server
async def test_frames_reach_the_participant_they_are_for(server: NatsServer) -> None:
    driver = Nats(servers=[server.url])
    async with (
        driver.open("jobs", A) as a,
        driver.open("jobs", B) as b,
        driver.open("jobs", C) as c,
        driver.open("chores", B) as elsewhere,
    ):
        assert await send_until_received(a, B, b, b"to b") == A
        assert await send_until_received(b, C, c, b"to the participant called all") == B
        assert await send_until_received(c, A, a, b"x" * FRAME_BYTES_MAX) == C
        a.broadcast(b"to all")
        with trio.fail_after(PATIENCE_S):
            assert await heard(b, b"to all") == A
            assert await heard(c, b"to all") == A
        await send_until_received(a, B, b, b"the end")
        with trio.move_on_after(0), pytest.raises(trio.Cancelled):
            await elsewhere.receive()


@needs_nats_server
async def test_the_link_survives_the_death_of_the_server(server: NatsServer) -> None:
    driver = Nats(servers=[server.url])
    async with driver.open("jobs", A) as a, driver.open("jobs", B) as b:
        await send_until_received(a, B, b, b"before")
        await server.kill()
        await until_trouble(a, "lost the connection to NATS")
        await until_trouble(a, "cannot reach NATS")
        a.send(B, b"lost")
        await server.start()
        await until_trouble(a, "connected to NATS")
        await send_until_received(a, B, b, b"after")


@pytest.mark.slow
@needs_nats_server
async def test_a_server_that_is_frozen_counts_as_lost(server: NatsServer) -> None:
    async with Nats(servers=[server.url]).open("jobs", A) as a:
        async with Nats(servers=[server.url]).open("jobs", B) as b:
            await send_until_received(a, B, b, b"before")
        await server.pause()
        for _ in range(64):
            a.broadcast(b"x" * FRAME_BYTES_MAX)
        await until_trouble(a, "lost the connection to NATS")


@needs_nats_server
async def test_a_server_may_come_later_than_the_participants(server: NatsServer) -> None:
    await server.kill()
    driver = Nats(servers=["nats://127.0.0.1:1", server.url])
    async with driver.open("jobs", A) as a, driver.open("jobs", B) as b:
        await until_trouble(a, "cannot reach NATS")
        await server.start()
        await send_until_received(a, B, b, b"at last")


@needs_nats_server
async def test_the_last_frame_of_a_cancelled_participant_arrives(server: NatsServer) -> None:
    driver = Nats(servers=[server.url])
    async with driver.open("jobs", A) as a:
        with trio.CancelScope() as scope:
            async with driver.open("jobs", B) as b:
                await send_until_received(b, A, a, b"here")
                b.send(A, b"farewell")
                scope.cancel()
                await trio.lowlevel.checkpoint()
        with trio.fail_after(PATIENCE_S):
            assert await heard(a, b"farewell") == B


@needs_nats_server
async def test_what_is_too_long_or_on_an_unknown_subject_is_trouble(server: NatsServer) -> None:
    subject = "qutrio.jobs.all"
    async with (
        Nats(servers=[server.url]).open("jobs", A) as a,
        connect(NatsServers(servers=[server.url]), ()) as plain,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(a.receive)
        a.send(B, b"x" * (FRAME_BYTES_MAX + 1))
        await until_trouble(a, "was not sent")

        async def say(last: str, payload: bytes, words: str) -> None:
            with trio.fail_after(PATIENCE_S):
                while True:
                    plain.publish(f"{subject}.{last}", payload)
                    with trio.move_on_after(0.05):
                        await until_trouble(a, words)
                        return

        await say("b", b"x" * (FRAME_BYTES_MAX + 1), "a frame of b was dropped")
        await say("=zz", b"x", "unknown subject")
        nursery.cancel_scope.cancel()


@needs_nats_server
async def test_permissions_bind_a_participant_to_its_user(tmp_path: Path) -> None:
    (configuration := tmp_path / "nats.conf").write_text(
        """authorization { users = [
          {user: a, password: secret, permissions: {publish: "qutrio.jobs.*.a"}}
          {user: b, password: secret}
        ] }"""
    )
    server = NatsServer(configuration)
    await server.start()
    as_a = Nats(servers=[server.url], user="a", password="secret")
    as_b = Nats(servers=[server.url], user="b", password="secret")
    async with as_a.open("jobs", A) as a, as_b.open("jobs", B) as b:
        await send_until_received(a, B, b, b"mine")
        async with as_a.open("jobs", C) as impostor:
            with trio.fail_after(PATIENCE_S):
                said = ""
                while "permissions" not in said.lower():
                    impostor.send(B, b"a lie")
                    with trio.move_on_after(0.05):
                        said = await impostor.trouble()
        await send_until_received(a, B, b, b"still mine")
    wrong = Nats(servers=[server.url], user="a", password="wrong")
    async with wrong.open("jobs", A) as refused:
        await until_trouble(refused, "uthorization")  # or a connection that is reset before
    await server.kill()


async def logs_in(configuration: Path, text: str, **login: Any) -> None:
    """Check that a participant can log in to a configured server, and not without a login."""
    configuration.write_text(text)
    server = NatsServer(configuration)
    await server.start()
    url = server.url.replace("nats:", "tls:") if "tls" in login else server.url
    known, unknown = Nats(servers=[url], **login), Nats(servers=[server.url])
    async with known.open("jobs", A) as a, known.open("jobs", B) as b:
        assert await send_until_received(a, B, b, b"known") == A
    async with unknown.open("jobs", A) as refused:
        await until_trouble(refused, "cannot reach NATS")
    await server.kill()


@needs_nats_server
async def test_a_participant_logs_in_with_a_token(tmp_path: Path) -> None:
    await logs_in(tmp_path / "nats.conf", "authorization { token: secret }", token="secret")


@needs_nats_server
async def test_a_participant_logs_in_with_an_nkey(tmp_path: Path) -> None:
    keys = nkeys.from_seed(nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER))
    (seed := tmp_path / "user.nk").write_bytes(keys.seed)
    users = f"authorization {{ users = [ {{ nkey: {keys.public_key.decode()} }} ] }}"
    await logs_in(tmp_path / "nats.conf", users, nkey_file=seed)


@needs_nats_server
async def test_a_participant_speaks_tls_to_its_server(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.configure_trust(context := ssl.create_default_context())
    pem = tmp_path / "server.pem"
    await logs_in(
        tmp_path / "nats.conf", f"tls {{ cert_file: '{pem}', key_file: '{pem}' }}", tls=context
    )


async def sent_in_plain_text(driver: Callable[[int], Nats]) -> bytes:
    """Return what a driver sends to a server that claims not to support TLS."""
    heard = bytearray()
    done = trio.Event()

    async def pose_as_server(stream: trio.SocketStream) -> None:
        await stream.send_all(b'INFO {"tls_required": false}\r\n')
        async for chunk in stream:
            heard.extend(chunk)
        done.set()

    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(
            partial(trio.serve_tcp, pose_as_server, 0, host="127.0.0.1")
        )
        port: int = listeners[0].socket.getsockname()[1]
        async with driver(port).open("jobs", A) as a:
            await until_trouble(a, "cannot reach NATS")
            with trio.fail_after(PATIENCE_S):
                await done.wait()
        nursery.cancel_scope.cancel()
    return bytes(heard)


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_a_participant_that_wants_tls_sends_nothing_in_plain_text(scheme: str) -> None:
    context = None if scheme == "tls" else ssl.create_default_context()

    def private(port: int) -> Nats:
        return Nats(servers=[f"{scheme}://127.0.0.1:{port}"], token="secret", tls=context)

    def open_to_all(port: int) -> Nats:
        return Nats(servers=[f"nats://127.0.0.1:{port}"], token="secret")

    assert await sent_in_plain_text(private) == b""
    assert await sent_in_plain_text(open_to_all) != b""


async def test_each_trouble_is_reported_once_however_many_servers_are_away() -> None:
    driver = Nats(servers=["nats://127.0.0.1:1", "nats://127.0.0.2:1"])
    async with driver.open("jobs", A) as a:
        said = [await until_trouble(a, "cannot reach NATS") for _ in driver.servers]
        assert len(set(said)) == 2
        with trio.move_on_after(0.5), pytest.raises(trio.Cancelled):
            await a.trouble()


async def opening_fails(driver: Nats, me: NodeId = A) -> QutrioError:
    with pytest.raises(QutrioError) as caught:
        async with driver.open("jobs", me):
            pass
    return caught.value


@pytest.mark.parametrize(
    ("driver", "problem"),
    [
        (Nats(servers=[]), "is empty"),
        (Nats(servers="nats://127.0.0.1"), "give a list of addresses"),
        (Nats(servers=["127.0.0.1"]), "is not the address"),
        (Nats(servers=["http://127.0.0.1"]), "is not the address"),
        (Nats(servers=["nats://[::1"]), "is not the address"),
        (Nats(servers=["nats://x"], user="a"), "a user with a password"),
        (Nats(servers=["nats://x"], password="a"), "goes with a user"),
        (Nats(servers=["nats://x"], user="a", password="b", token="c"), "only one way"),
        (Nats(servers=["nats://x"], nkey_file=Path("/nonexistent")), "is not a file"),
    ],
)
async def test_an_impossible_configuration_is_refused(driver: Nats, problem: str) -> None:
    assert problem in str(await opening_fails(driver))


async def test_names_without_bytes_or_with_too_many_are_refused() -> None:
    for name in ("", "x" * 65):
        error = await opening_fails(Nats(servers=["nats://x"]), NodeId(name))
        assert isinstance(error, InvalidValueError)


async def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nats.aio.client", None)
    error = await opening_fails(Nats(servers=["nats://127.0.0.1:1"]))
    assert isinstance(error, ElectionError)
    assert "qutrio[nats]" in str(error)


@pytest.mark.parametrize("name", ["a", "all", "b.example.org", "Zürich 1", ">", "*", "=61", "a\n"])
def test_a_name_becomes_a_part_and_comes_back(name: str) -> None:
    part = part_of(name)
    assert not set(part) & set(".*> \r\n\t")
    assert part != "all"
    assert name_of(part) == name


@pytest.mark.parametrize("part", ["", "all", "=61", "=ff", "=C3", "a b", "x" * 65, "=2"])
def test_a_part_that_no_name_becomes_is_refused(part: str) -> None:
    assert name_of(part) is None
