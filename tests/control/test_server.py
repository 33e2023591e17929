"""The socket itself: who may come, what they may say, and that nobody can stop it."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
import trio

from qutrio.control import protocol, server
from qutrio.control.client import call
from qutrio.control.operations import perform
from qutrio.control.protocol import REQUEST_BYTES_MAX, Code, ControlFailure
from qutrio.control.request import Request
from qutrio.errors import ControlError
from tests import needs
from tests.control.scripted_node import ScriptedNode, new_scripted_node, served

NOBODY, SOMEBODY = 65534, 12345
as_root = needs.root("pretend to be another user")


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder with a short path that every user may look into."""
    with TemporaryDirectory(prefix="qutrio-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "q.sock"


@contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Be another user for a moment."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


async def asked(path: Path, op: str, **fields: object) -> dict[str, Any]:
    """Call as the command line does."""
    return await trio.to_thread.run_sync(call, path, {"op": op, **fields}, 10.0)


async def said(path: Path, line: bytes) -> dict[str, Any]:
    """Send raw bytes, close our end, and return the answer."""
    async with await trio.open_unix_socket(path) as stream:
        await stream.send_all(line)
        await stream.send_eof()
        answer = b"".join([chunk async for chunk in stream])
    assert answer.endswith(b"\n")
    return dict(json.loads(answer))


async def test_question_is_answered_over_the_socket(place: Path) -> None:
    """From the blocking client to the node and back."""
    async with served(place, new_scripted_node()) as log:
        answer = await asked(place, "status")
    assert answer["ok"] is True
    assert answer["name"] == "a"
    assert log[0] == ("control socket open", {"path": str(place)})


async def test_refusal_arrives_as_a_failure_with_its_code(place: Path) -> None:
    """Code and sentence survive the way."""
    async with served(place, new_scripted_node()):
        with pytest.raises(ControlFailure, match="no check named 'web'") as caught:
            await asked(place, "check.show", name="web")
    assert caught.value.code is Code.NOT_FOUND


async def test_socket_is_private_and_leaves_with_the_daemon(place: Path) -> None:
    """Mode 0600 while it is there, and nothing left behind."""
    async with served(place, new_scripted_node()):
        assert stat.S_IMODE((await trio.Path(place).stat()).st_mode) == 0o600
    assert list(await trio.Path(place.parent).iterdir()) == []


async def test_stale_socket_is_replaced(place: Path) -> None:
    """A daemon that was killed leaves a socket that nobody answers at."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))
    async with served(place, new_scripted_node()):
        assert (await asked(place, "status"))["ok"] is True


async def test_live_socket_is_not_taken_over(place: Path) -> None:
    """A second daemon is told the pid of the first, which goes on answering."""
    async with served(place, new_scripted_node()):
        with pytest.raises(ExceptionGroup) as caught:
            async with served(place, new_scripted_node()):
                pass
        assert caught.group_contains(ControlFailure, match=f"pid {os.getpid()}", depth=None)
        assert (await asked(place, "status"))["ok"] is True


async def test_file_in_the_place_of_the_socket_is_left_alone(place: Path) -> None:
    """What is not a socket is not ours to remove."""
    await trio.Path(place).write_text("precious")
    with pytest.raises(ExceptionGroup) as caught:
        async with served(place, new_scripted_node()):
            pass
    assert caught.group_contains(ControlFailure, match="is not a socket", depth=None)
    assert await trio.Path(place).read_text() == "precious"


async def test_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    """The kernel's limit in words, with what to do."""
    with pytest.raises(ExceptionGroup) as caught:
        async with served(tmp_path / ("x" * 120), new_scripted_node()):
            pass
    assert caught.group_contains(ControlFailure, match="QUTRIO_SOCKET", depth=None)


async def test_missing_folder_is_told(place: Path) -> None:
    """The folder is somebody else's to make."""
    with pytest.raises(ExceptionGroup) as caught:
        async with served(place.parent / "none" / "q.sock", new_scripted_node()):
            pass
    assert caught.group_contains(ControlFailure, match="No such file", depth=None)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"[1]\n",
        b"{}\n",
        b'{"op": 7}\n',
        b'{"op": "status"',
        b"",
        b'{"op": "\xff"}\n',
        b"[" * 100_000 + b"\n",
    ],
)
async def test_nonsense_is_answered_and_does_no_harm(place: Path, line: bytes) -> None:
    """Whatever comes, the caller is told, and the next one is served."""
    async with served(place, new_scripted_node()):
        answer = await said(place, line)
        assert (answer["ok"], answer["code"]) == (False, "invalid")
        assert (await asked(place, "status"))["ok"] is True


async def test_request_without_end_is_cut_off(place: Path) -> None:
    """A line may be long, not endless; the caller is told although it went on talking."""
    async with served(place, new_scripted_node()):
        answer = await said(place, b"x" * (2 * REQUEST_BYTES_MAX))
        assert answer["code"] == "invalid"
        assert str(REQUEST_BYTES_MAX) in str(answer["error"])


async def test_caller_who_hangs_up_is_no_harm(place: Path) -> None:
    """An answer that nobody wants is dropped."""
    async with served(place, new_scripted_node()):
        for line in (b"", b'{"op": "status"}\n'):
            stream = await trio.open_unix_socket(place)
            await stream.send_all(line)
            await stream.aclose()
        assert (await asked(place, "status"))["ok"] is True


async def test_bug_in_an_operation_is_logged_and_survived(place: Path) -> None:
    """One request that meets a bug must not stop the monitor."""
    scripted = new_scripted_node()
    scripted.delivered = lambda _: (1 / 0 > 0, "")
    mail = {"kind": "discord", "name": "d", "url": "https://example.org/x"}
    async with served(place, scripted) as log:
        await asked(place, "alert.add", channel=mail)
        with pytest.raises(ControlFailure, match="ZeroDivisionError") as caught:
            await asked(place, "alert.test", name="d")
        assert (await asked(place, "status"))["ok"] is True
    assert caught.value.code is Code.FAILED
    assert any(what == "bug in a control request" for what, _ in log)


async def test_changes_and_failures_are_logged_without_their_contents(place: Path) -> None:
    """The log tells who asked what, and gives no secret away."""
    channel = {"kind": "webhook", "name": "h", "url": "https://example.org/", "secret": "s3cret"}
    async with served(place, new_scripted_node()) as log:
        await asked(place, "alert.add", channel=channel)
    assert ("control request done", {"op": "alert.add"}) in log
    assert "s3cret" not in repr(log)


async def test_silent_caller_is_sent_away(autojump_clock: trio.testing.MockClock) -> None:
    """A connection that says nothing does not stay."""
    _, theirs = trio.testing.memory_stream_pair()
    with pytest.raises(ControlFailure, match="no request came"):
        await server._read(theirs)
    assert trio.current_time() == pytest.approx(server.REQUEST_WAIT_S)


@as_root
async def test_other_user_cannot_even_connect(place: Path) -> None:
    """The mode of the socket keeps others out; they are told whose it is."""
    async with served(place, new_scripted_node()):
        with acting_as(NOBODY), pytest.raises(ControlFailure, match="belongs to user") as caught:
            call(place, {"op": "status"}, 1.0)
    assert caught.value.code is Code.DENIED


@as_root
async def test_other_user_is_refused_even_where_the_mode_was_loosened(place: Path) -> None:
    """The kernel says who calls; the mode is not the only guard."""
    async with served(place, new_scripted_node()):
        await trio.Path(place).chmod(0o666)
        with acting_as(NOBODY):
            stream = await _connected(place)
        async with stream:
            await stream.send_all(b'{"op": "status"}\n')
            answer = json.loads(b"".join([chunk async for chunk in stream]))
    assert answer["code"] == "denied"


async def _connected(path: Path) -> trio.SocketStream:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


@as_root
def test_client_does_not_talk_to_a_strangers_socket(place: Path) -> None:
    """A socket that somebody else put there gets no request."""
    with socket.socket(socket.AF_UNIX) as trap:
        trap.bind(str(place))
        place.chmod(0o666)
        with acting_as(NOBODY):
            trap.listen()
        with acting_as(SOMEBODY), pytest.raises(ControlFailure, match="not trusted") as caught:
            call(place, {"op": "status"}, 1.0)
        assert caught.value.code is Code.DENIED
        trap.settimeout(1.0)
        connection, _ = trap.accept()
        with connection:
            assert connection.recv(100) == b""


def test_no_daemon_is_told_with_what_to_do(place: Path) -> None:
    """Neither a missing nor a stale socket is a riddle."""
    with pytest.raises(ControlFailure, match="qutrio serve") as missing:
        call(place, {"op": "status"}, 1.0)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))
    with pytest.raises(ControlFailure, match="qutrio serve") as stale:
        call(place, {"op": "status"}, 1.0)
    assert missing.value.code is stale.value.code is Code.NO_DAEMON


@pytest.mark.parametrize(("op", "code"), [("status", Code.NO_DAEMON), ("check.add", Code.UNKNOWN)])
@pytest.mark.parametrize(
    ("manner", "words", "wait_s"),
    [("hangs up", "hung up", 5.0), ("stays silent", r"within 0\.05s", 0.05)],
)
def test_lost_answer_is_unknown_only_for_a_change(  # noqa: PLR0917
    place: Path, op: str, code: Code, manner: str, words: str, wait_s: float
) -> None:
    """A read is simply not answered; a change may have happened."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        listener.settimeout(5.0)
        with _answering(listener, manner), pytest.raises(ControlFailure, match=words) as caught:
            call(place, {"op": op}, wait_s)
    assert caught.value.code is code


@contextmanager
def _answering(listener: socket.socket, manner: str) -> Iterator[None]:
    """Hang up on the first caller, or leave it waiting."""

    def hang_up() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)

    thread = Thread(target=hang_up)
    if manner == "hangs up":
        thread.start()
    yield
    if manner == "hangs up":
        thread.join()


@pytest.mark.parametrize("line", [b"HTTP/1.0 400 what?\n", b"[]\n", b'{"ok": false, "code": 1}\n'])
async def test_answer_of_something_else_is_an_error(place: Path, line: bytes) -> None:
    """What is no qutrio daemon is not believed."""

    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(1000)
            await stream.send_all(line)

    sock = trio.socket.socket(socket.AF_UNIX)
    await sock.bind(str(place))
    sock.listen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, [trio.SocketListener(sock)])
        with pytest.raises(ControlError):
            await asked(place, "status")
        nursery.cancel_scope.cancel()


async def test_large_status_arrives_whole(place: Path) -> None:
    """Hundreds of checks are more than a socket takes at once."""
    scripted: ScriptedNode = new_scripted_node()
    async with served(place, scripted):
        for number in range(250):
            check: dict[str, object] = {
                "kind": "tcp",
                "name": f"c{number}",
                "address": "x.example.org:1",
            }
            await asked_in_loop(scripted, check)
        answer = await asked(place, "status")
    assert len(answer["checks"]) == 250


async def asked_in_loop(scripted: ScriptedNode, check: dict[str, object]) -> None:
    """Add a check without a socket."""
    await perform(scripted.context(), Request({"op": "check.add", "check": check}))


def test_client_waits_longer_than_the_daemon() -> None:
    """Else a slow cluster would look like a dead daemon."""
    assert protocol.wait_s("check.add") > protocol.PROPOSAL_WAIT_S_MAX
    assert protocol.wait_s("check.test") > protocol.CHECK_TEST_WAIT_S_MAX
    assert protocol.wait_s("alert.test") > protocol.CHANNEL_TEST_WAIT_S_MAX
