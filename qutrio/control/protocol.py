"""The line protocol of the control socket: a JSON object for the request, one for the answer.

A request is `{"op": "check.add", ...}`; an answer is `{"ok": true, ...}` or
`{"ok": false, "code": "refused", "error": "one sentence"}`.  Both ends import this module, so
it imports nothing that is slow to load: the command line must start fast.
"""

import struct
from enum import Enum
from socket import SO_PEERCRED, SOL_SOCKET
from typing import Protocol

from qutrio.errors import ControlError

REQUEST_BYTES_MAX = 1024 * 1024
ANSWER_BYTES_MAX = 256 * 1024 * 1024
PROPOSAL_WAIT_S_MAX = 30.0
"""How long the daemon waits for the cluster before it answers "unknown"."""

CHECK_TEST_WAIT_S_MAX = 120.0
CHANNEL_TEST_WAIT_S_MAX = 90.0
YIELD_WAIT_S_MAX = 120.0
READ_WAIT_S_MAX = 5.0

READS = frozenset(
    {
        "status",
        "check.list",
        "check.show",
        "alert.list",
        "enroll.list",
        "node.list",
        "settings.show",
        "incident.list",
        "incident.explain",
        "engine.show",
        "cluster.history",
        "document",
        "hooks.show",
    }
)
"""Operations that change nothing: a lost answer leaves no doubt about the outcome."""

_CREDENTIALS = struct.Struct("3i")


class Code(Enum):
    """How an operation failed."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    FAILED = "failed"
    NO_DAEMON = "no_daemon"
    DENIED = "denied"
    NO_MASTER = "no_master"
    UNKNOWN = "unknown"


class ControlFailure(ControlError):  # noqa: N818 - "failure" is the protocol's own term
    """An operation failed; `code` is for programs, the message for people."""

    def __init__(self, code: Code, sentence: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(sentence)
        self.code = code


class _Socket(Protocol):
    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


def peer_of(sock: _Socket) -> tuple[int, int]:
    """Return (pid, uid) of the process at the other end, as the kernel recorded them."""
    pid, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(SOL_SOCKET, SO_PEERCRED, _CREDENTIALS.size))
    return pid, uid


def wait_s(op: str) -> float:
    """Return how many seconds the answer to `op` may take, including the cluster's own waits."""
    if op in READS:
        return READ_WAIT_S_MAX
    waits = {
        "check.test": CHECK_TEST_WAIT_S_MAX,
        "alert.test": CHANNEL_TEST_WAIT_S_MAX,
        "cluster.yield": YIELD_WAIT_S_MAX,
    }
    return waits.get(op, PROPOSAL_WAIT_S_MAX) + READ_WAIT_S_MAX
