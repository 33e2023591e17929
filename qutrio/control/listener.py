"""Creates the control socket: private from the start, and never in place of a live one.

The socket is bound under a temporary name, made private, and renamed into place: no client
finds it before it is private and listening, and the stale socket of a daemon that died is
replaced without a gap.  The folder must exist.
"""

import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio

from qutrio.control.protocol import Code, ControlFailure, peer_of
from qutrio.errors import plain_reason

PATH_BYTES_MAX = 107
BACKLOG = 64


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[trio.SocketListener]:
    """Listen at `path` while the context lasts, and remove the socket afterwards.

    Raises `ControlFailure` when another daemon listens there, and when the path is unusable.
    """
    _require_usable(path)
    try:
        listener = await _bind(path)
        inode = _inode(path)
    except OSError as error:
        sentence = f"cannot make the control socket {path}: {plain_reason(error)}"
        raise ControlFailure(Code.FAILED, sentence) from None
    try:
        async with listener:
            yield listener
    finally:
        _remove(path, inode)


async def _bind(path: Path) -> trio.SocketListener:
    temporary = _temporary(path)
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove(temporary, None)
        await sock.bind(os.fspath(temporary))
        sock.listen(BACKLOG)
        _unveil(temporary, path)
        return trio.SocketListener(sock)
    except BaseException:
        sock.close()
        raise


def _unveil(temporary: Path, path: Path) -> None:
    temporary.chmod(0o600)
    temporary.rename(path)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}")


def _inode(path: Path) -> int:
    return path.lstat().st_ino


def _remove(path: Path, inode: int | None) -> None:
    """Remove a socket if it still has this inode (None: any socket)."""
    with suppress(OSError):
        if inode is None or _inode(path) == inode:
            path.unlink()


def _require_usable(path: Path) -> None:
    longest = max(len(os.fsencode(path)), len(os.fsencode(_temporary(path))))
    if longest > PATH_BYTES_MAX:
        sentence = f"the socket's path {path} is too long; name a shorter one in QUTRIO_SOCKET"
        raise ControlFailure(Code.INVALID, sentence)
    _require_free(path)


def _require_free(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        sentence = f"{path} exists and is not a socket; move it away, or set QUTRIO_SOCKET"
        raise ControlFailure(Code.FAILED, sentence)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(os.fspath(path))
        except BlockingIOError:
            pid = "?"  # its queue is full: a live but busy daemon
        except OSError:
            return
        else:
            pid = str(peer_of(probe)[0])
    sentence = f"a daemon (pid {pid}) answers at {path} already; stop it, or set QUTRIO_SOCKET"
    raise ControlFailure(Code.FAILED, sentence)
