"""Serves the control socket: one request and one answer for each connection.

A request that opens a conversation is answered with lines until its caller disconnects.

Only root and the daemon's own user are answered: the socket's mode keeps others out, and the
caller's user id, as the kernel reports it, is checked as well.  A connection's error never
leaves its task, so a broken client cannot stop the monitor.
"""

import os
from functools import partial
from pathlib import Path
from typing import NoReturn

import orjson
import trio
from attrs import evolve

from qutrio.control.context import ControlContext
from qutrio.control.listener import listening
from qutrio.control.operations import CONVERSATIONS, perform
from qutrio.control.protocol import (
    ANSWER_BYTES_MAX,
    READS,
    REQUEST_BYTES_MAX,
    Code,
    ControlFailure,
    peer_of,
)
from qutrio.control.request import Request
from qutrio.control.services import ControlServices
from qutrio.control.shapes import Row
from qutrio.core.api.view import View
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log, trace_of

CONNECTIONS_MAX = 32
REQUEST_WAIT_S = 10.0
ANSWER_WAIT_S = 30.0
LINGER_S = 1.0
RECEIVE_BYTES = 64 * 1024


async def serve_control(
    path: Path,
    inbox: Inbox,
    view: Latest[View],
    services: ControlServices,
    log: Log,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Answer the command line at `path` until cancelled; started when the socket exists.

    Raises `ControlFailure` when another daemon answers there, or when the path is unusable.
    """
    context = ControlContext(inbox, view, services)
    slots = trio.CapacityLimiter(CONNECTIONS_MAX)
    async with listening(path) as listener, trio.open_nursery() as connections:
        log("control socket open", path=str(path))
        task_status.started()
        handler = partial(_connection, context=context, slots=slots, log=log)
        await trio.serve_listeners(handler, [listener], handler_nursery=connections)


async def _connection(
    stream: trio.SocketStream, *, context: ControlContext, slots: trio.CapacityLimiter, log: Log
) -> None:
    try:
        async with slots, stream:
            answer = await _answer(stream, context, log)
            if answer is None:
                return
            with trio.move_on_after(ANSWER_WAIT_S):
                await stream.send_all(answer)
                await stream.send_eof()
            with trio.move_on_after(LINGER_S):
                await _drain(stream)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return  # the caller is gone; its request was done or refused anyway


async def _answer(stream: trio.SocketStream, context: ControlContext, log: Log) -> bytes | None:
    """Return the answer; None after a conversation."""
    op = "(unread)"
    try:
        context = evolve(context, uid=_trusted(stream))
        request = await _read(stream)
        op = request.op
        if (converse := CONVERSATIONS.get(op)) is not None:
            await converse(context, request, stream)
            return None
        answer = _line({"ok": True, **await perform(context, request)})
        if op not in READS:
            log("control request done", op=op)
    except ControlFailure as failure:
        log("control request failed", op=op, code=failure.code.value)
        answer = _failure(failure)
    except trio.BrokenResourceError:
        raise
    except Exception as bug:  # noqa: BLE001 - one bad request must not stop the monitor
        log("bug in a control request", op=op, traceback=trace_of(bug))
        sentence = f"a bug in the daemon ({type(bug).__name__}); its log says more"
        answer = _failure(ControlFailure(Code.FAILED, sentence))
    return answer


async def _drain(stream: trio.SocketStream) -> None:
    """Read what the caller still sends: closing with unread data would destroy the answer."""
    while await stream.receive_some(RECEIVE_BYTES):
        pass


def _trusted(stream: trio.SocketStream) -> int:
    """Return the caller's user id; raises `ControlFailure` for a user that is not allowed."""
    _, uid = peer_of(stream.socket)
    if uid not in {0, os.geteuid()}:
        raise ControlFailure(Code.DENIED, "only root and the daemon's own user may ask")
    return uid


async def _read(stream: trio.abc.ReceiveStream) -> Request:
    received = bytearray()
    with trio.move_on_after(REQUEST_WAIT_S) as limit:
        while not received.endswith(b"\n"):
            chunk = await stream.receive_some(RECEIVE_BYTES)
            received += chunk
            if not chunk:
                raise ControlFailure(Code.INVALID, "the request ended before its line did")
            if len(received) > REQUEST_BYTES_MAX:
                sentence = f"the request is longer than {REQUEST_BYTES_MAX} bytes"
                raise ControlFailure(Code.INVALID, sentence)
    if limit.cancelled_caught:
        raise ControlFailure(Code.INVALID, f"no request came within {REQUEST_WAIT_S:g}s")
    try:
        fields = orjson.loads(received)
    except orjson.JSONDecodeError as error:
        raise ControlFailure(Code.INVALID, f"the request is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ControlFailure(Code.INVALID, "the request is not a JSON object")
    return Request(fields)


def _line(answer: Row) -> bytes:
    line = orjson.dumps(answer) + b"\n"
    assert len(line) <= ANSWER_BYTES_MAX
    return line


def _failure(failure: ControlFailure) -> bytes:
    return _line({"ok": False, "code": failure.code.value, "error": str(failure)})
