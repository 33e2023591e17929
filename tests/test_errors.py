"""Error messages are sentences without errno numbers, whatever raised them."""

import errno
import socket
import ssl

import pytest
import trio

from qutrio.errors import plain_reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("[Errno 111] Connection refused"), "Connection refused"),
        (OSError("Errno 32: Broken pipe"), "Broken pipe"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "No space left on device"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version (_ssl.c:992)"),
            "wrong version",
        ),
        (ExceptionGroup("all", [OSError(111, "Connection refused")]), "Connection refused"),
        (ValueError("plain"), "plain"),
        (OSError(111, "Error connecting to ('::1', 1): Connection refused"), "Connection refused"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_an_error_is_described_without_its_number(error: BaseException, words: str) -> None:
    assert plain_reason(error) == words


async def test_an_error_without_a_message_is_described_by_its_cause() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(OSError, match="connect") as caught:
        await trio.open_tcp_stream("127.0.0.1", port)
    assert "rrno" not in plain_reason(caught.value)
    outer = RuntimeError()
    outer.__cause__ = OSError(111, "Connection refused")
    assert plain_reason(outer) == "Connection refused"
