"""Participants over real TLS websockets on this machine."""

import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from qutrio.election.drivers import websocket
from qutrio.election.drivers.interface import FRAME_BYTES_MAX, Driver, Link
from qutrio.errors import DataDirectoryError, InvalidValueError, PeerError, QutrioError
from qutrio.model.ids import NodeId
from tests.patience import HANG_S
from tests.workers import free_port

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
PATIENCE_S = HANG_S


def free_ports(*participants: str) -> dict[str, int]:
    return {participant: free_port() for participant in participants}


def pinned(ports: Mapping[str, int], folder: Path) -> dict[str, Driver]:
    """Return a driver for each participant, with a key folder each, as on several machines."""
    members = {
        participant: websocket.At(f"127.0.0.1:{port}", websocket.make_keys(folder / participant))
        for participant, port in ports.items()
    }
    return {
        participant: websocket.WebSockets(members, folder / participant, bind="127.0.0.1")
        for participant in ports
    }


async def send_until_received(link: Link, to: NodeId, other: Link, frame: bytes) -> NodeId:
    """Send a frame repeatedly until the other end receives it; return its sender."""
    with trio.fail_after(PATIENCE_S):
        while True:
            link.send(to, frame)
            with trio.move_on_after(0.05):
                while True:
                    sender, heard = await other.receive()
                    if heard == frame:
                        return sender


async def test_frames_reach_the_participant_they_are_for_with_the_sender_of_the_key(
    tmp_path: Path,
) -> None:
    driver = websocket.local(free_ports("a", "b", "c"), tmp_path / "keys")
    async with AsyncExitStack() as stack:
        a, b, c = [await stack.enter_async_context(driver.open("jobs", n)) for n in (A, B, C)]
        assert await send_until_received(a, B, b, b"to b") == A
        assert await send_until_received(b, A, a, b"to a") == B
        assert await send_until_received(c, A, a, b"to a, from c") == C
        await send_until_received(a, C, c, b"to c")
        a.broadcast(b"to all")
        with trio.fail_after(PATIENCE_S):
            while await b.receive() != (A, b"to all"):
                pass
            while await c.receive() != (A, b"to all"):
                pass


async def test_participants_of_several_machines_identify_one_another_by_certificate(
    tmp_path: Path,
) -> None:
    drivers = pinned(free_ports("a", "b"), tmp_path)
    async with drivers["a"].open("jobs", A) as a, drivers["b"].open("jobs", B) as b:
        whole = b"x" * FRAME_BYTES_MAX
        assert await send_until_received(b, A, a, whole) == B


async def test_a_participant_that_comes_back_is_linked_again(tmp_path: Path) -> None:
    driver = websocket.local(free_ports("a", "b"), tmp_path)
    async with driver.open("jobs", A) as a:
        for frame in (b"once", b"again"):
            async with driver.open("jobs", B) as b:
                assert await send_until_received(b, A, a, frame) == B
        with trio.fail_after(PATIENCE_S):
            while "no link to b" not in await a.trouble():
                pass


async def test_the_last_frames_of_a_cancelled_participant_arrive(tmp_path: Path) -> None:
    driver = websocket.local(free_ports("a", "b"), tmp_path)
    async with driver.open("jobs", A) as a:
        with trio.CancelScope() as scope:
            async with driver.open("jobs", B) as b:
                await send_until_received(b, A, a, b"here")
                scope.cancel()
                for number in range(200):
                    b.send(A, b"%d" % number)
                await trio.lowlevel.checkpoint()
        with trio.fail_after(PATIENCE_S):
            assert [int((await a.receive())[1]) for _ in range(200)][-1] == 199


async def test_a_stranger_and_another_election_are_refused(tmp_path: Path) -> None:
    ports = free_ports("a", "b")
    driver, stranger = (
        websocket.local(ports, tmp_path / "1"),
        websocket.local(ports, tmp_path / "2"),
    )
    async with driver.open("jobs", A) as a:
        for other, election, why in (
            (stranger, "jobs", "certificate verify failed"),
            (driver, "chores", "another election"),
        ):
            async with other.open(election, B):
                with trio.fail_after(PATIENCE_S):
                    while why not in (said := await a.trouble()):
                        pass
                assert said.startswith("no link to b")


async def test_a_frame_that_is_too_long_is_trouble_and_not_sent(tmp_path: Path) -> None:
    driver = websocket.local(free_ports("a"), tmp_path)
    async with driver.open("jobs", A) as a:
        a.broadcast(b"x" * (FRAME_BYTES_MAX + 1))
        with trio.fail_after(PATIENCE_S):
            assert "was not sent" in await a.trouble()


async def opening_fails(driver: Driver, me: NodeId = A) -> QutrioError:
    with pytest.raises(QutrioError) as caught:
        async with driver.open("jobs", me):
            pass
    return caught.value


async def test_what_cannot_be_set_up_is_an_error_at_once(tmp_path: Path) -> None:
    ports = free_ports("a", "b")
    assert isinstance(
        await opening_fails(websocket.local({"b": 1024}, tmp_path)), InvalidValueError
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports["a"]))
        taken.listen()
        error = await opening_fails(websocket.local(ports, tmp_path))
    assert isinstance(error, PeerError)
    assert "cannot listen" in str(error)


async def test_a_key_that_is_missing_or_anothers_is_refused(tmp_path: Path) -> None:
    ports = free_ports("a", "b")
    members = {
        participant: websocket.At(f"127.0.0.1:{port}", websocket.make_keys(tmp_path / participant))
        for participant, port in ports.items()
    }
    error = await opening_fails(websocket.WebSockets(members, tmp_path / "none"))
    assert isinstance(error, DataDirectoryError)
    assert "make_keys" in str(error)
    error = await opening_fails(websocket.WebSockets(members, tmp_path / "b"))
    assert "is not that of a" in str(error)
    both = {"a": members["a"], "b": members["a"]}
    error = await opening_fails(websocket.WebSockets(both, tmp_path / "a"))
    assert "one certificate twice" in str(error)


async def test_a_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    (file := tmp_path / "a.crt").write_text("no certificate")
    for path, problem in ((file, "no PEM certificate"), (tmp_path / "gone", "No such file")):
        members = {"a": websocket.At("127.0.0.1:7001", path)}
        error = await opening_fails(websocket.WebSockets(members, tmp_path))
        assert problem in str(error)


async def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("")
    error = await opening_fails(websocket.local({"a": 7001}, file))
    assert "cannot use" in str(error)
