"""Client of the control socket: blocking code with few imports, so that commands start fast."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from qutrio.control.protocol import ANSWER_BYTES_MAX, READS, Code, ControlFailure, peer_of
from qutrio.errors import plain_reason

RECEIVE_BYTES = 256 * 1024


def call(path: Path, request: dict[str, object], timeout_s: float) -> dict[str, Any]:
    """Send one request to the daemon that listens at `path` and return its answer.

    Raises `ControlFailure` when no answer comes within `timeout_s` seconds, when the daemon
    belongs to another user, and when the answer is an error.
    """
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        _connect(sock, path)
        try:
            sock.sendall(json.dumps(request, separators=(",", ":")).encode() + b"\n")
            line = _read_line(sock, deadline)
        except OSError as error:
            raise _lost(path, request, timeout_s, error) from None
    if not line.endswith(b"\n"):
        raise _lost(path, request, timeout_s, None)
    return _opened(line, path)


class Follower:
    """A connection on which the daemon reports its role, for a program that polls `fileno`."""

    def __init__(self, path: Path, key: str, timeout_s: float) -> None:
        """Connect; raises `ControlFailure` when no daemon listens at `path`."""
        self._path = path
        self._received = b""
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(timeout_s)
        try:
            _connect(self._sock, path)
            self._sock.settimeout(None)  # with a timeout, `recv` waits whatever its flags say
            self._send({"op": "role.follow", "key": key})
        except BaseException:
            self._sock.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there are lines."""
        return self._sock.fileno()

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines that arrived since the last call, without waiting.

        Raises `ControlFailure` when the daemon refused or is gone.
        """
        try:
            chunk = self._sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if not chunk:
            raise self._gone()
        *lines, self._received = (self._received + chunk).split(b"\n")
        if len(self._received) > RECEIVE_BYTES:
            raise self._gone()
        return [_opened(line, self._path) for line in lines]

    def hold(self, number: int) -> None:
        """Request to be a tenant under this number; 0 ends the request."""
        self._send({"hold": number})

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _send(self, request: dict[str, object]) -> None:
        try:
            self._sock.sendall(json.dumps(request).encode() + b"\n", socket.MSG_DONTWAIT)
        except OSError:
            raise self._gone() from None

    def _gone(self) -> ControlFailure:
        return ControlFailure(Code.NO_DAEMON, f"the daemon at {self._path} hung up; see its log")


def _connect(sock: socket.socket, path: Path) -> None:
    try:
        sock.connect(os.fspath(path))
    except PermissionError:
        raise ControlFailure(Code.DENIED, _forbidden(path)) from None
    except (FileNotFoundError, ConnectionRefusedError):
        sentence = (
            f"no daemon answers at {path}; start one with 'qutrio serve', "
            "or name its socket in QUTRIO_SOCKET"
        )
        raise ControlFailure(Code.NO_DAEMON, sentence) from None
    except OSError as error:
        sentence = f"cannot reach a daemon at {path}: {plain_reason(error)}"
        raise ControlFailure(Code.NO_DAEMON, sentence) from None
    _, uid = peer_of(sock)
    if os.geteuid() != 0 and uid not in {0, os.geteuid()}:
        sentence = f"the daemon at {path} runs as {user_name(uid)}, neither you nor root, so it"
        sentence += " is not trusted; run this as that user or as root"
        raise ControlFailure(Code.DENIED, sentence)


def _read_line(sock: socket.socket, deadline: float) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = sock.recv(RECEIVE_BYTES)
        if not chunk or len(received) > ANSWER_BYTES_MAX:
            break
        received += chunk
    return bytes(received)


def _lost(
    path: Path, request: dict[str, object], timeout_s: float, error: OSError | None
) -> ControlFailure:
    timed_out = isinstance(error, TimeoutError)
    how = f"did not answer within {timeout_s:g}s" if timed_out else "hung up without an answer"
    if request.get("op") in READS:
        return ControlFailure(Code.NO_DAEMON, f"the daemon at {path} {how}; see its log")
    sentence = f"the daemon at {path} {how}: the change may or may not have taken effect; look"
    return ControlFailure(Code.UNKNOWN, sentence)


def _opened(line: bytes, path: Path) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ControlFailure(Code.FAILED, f"what answers at {path} is not a qutrio daemon")
    if answer.get("ok") is True:
        return answer
    try:
        code = Code(answer.get("code"))
    except ValueError:
        code = Code.FAILED
    raise ControlFailure(code, str(answer.get("error", "the daemon gave no reason; see its log")))


def _forbidden(path: Path) -> str:
    """Return who owns the socket, or the nearest folder above it whose owner can be read."""
    for place in (path, *path.parents):
        try:
            uid = place.stat().st_uid
        except OSError:
            continue
        what = f"the daemon at {path}" if place == path else f"{place}, where the daemon listens,"
        return f"{what} belongs to {user_name(uid)}; run this as that user or as root"
    return f"you may not look at {path}; run this as root"


def user_name(uid: int) -> str:
    """Return a user of this machine by name, or by number if it has no name."""
    import pwd  # noqa: PLC0415 - needed for an error only

    try:
        return f"user {pwd.getpwuid(uid).pw_name!r}"
    except KeyError:
        return f"uid {uid}"
