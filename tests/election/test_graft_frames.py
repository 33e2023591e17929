"""The encoding of graft's messages, which other implementations read."""

import pytest

from qutrio.election.graft.frames import (
    Frame,
    Heartbeat,
    VoteRequest,
    VoteResponse,
    decode,
    encode,
)

BYTES: list[tuple[Frame, str]] = [
    (VoteRequest(7, "node-1", b"\x01\xff"), "080712066e6f64652d311a0201ff"),
    (VoteResponse(7, granted=True), "08071001"),
    (Heartbeat(8, "node-2"), "080812066e6f64652d32"),
]


@pytest.mark.parametrize(("frame", "recorded"), BYTES)
def test_messages_are_the_bytes_that_graft_speaks(frame: Frame, recorded: str) -> None:
    assert encode(frame).hex() == recorded
    assert decode(type(frame), bytes.fromhex(recorded)) == frame
