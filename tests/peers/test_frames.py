"""The frames that are exchanged before two nodes trust one another."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qutrio.errors import PeerError
from qutrio.peers.frames import (
    FRAME_BYTES_MAX,
    REASON_CHARS_MAX,
    Challenge,
    Frame,
    Hello,
    Join,
    Pending,
    Proceed,
    Refused,
    Secret,
    Standing,
    Welcome,
    WhoAmI,
    from_bytes,
    plain_reason,
    to_bytes,
)

ALL: list[Frame] = [
    Hello(protocol=1, node="n", cluster="c", program="0.1"),
    Challenge(nonce="x", cluster="c"),
    Join(token="t", certificate="c", name="n", address="a:1", signature="s"),
    Proceed(),
    Secret(secret="s"),
    Pending(),
    Welcome(),
    Refused(reason="no"),
    WhoAmI(fingerprint="f"),
    Standing(member=True, revision=3),
]


def test_every_frame_comes_back_as_it_was() -> None:
    assert {type(f) for f in ALL} == set(get_args(Frame))
    assert [from_bytes(to_bytes(f)) for f in ALL] == ALL


def test_a_number_out_of_all_proportion_is_malformed() -> None:
    said = b'{"kind":"Standing","member":true,"revision":9007199254740993}'
    with pytest.raises(PeerError, match="revision is malformed"):
        from_bytes(said)


def test_fields_of_a_newer_version_are_ignored() -> None:
    assert from_bytes(b'{"kind":"Pending","mood":"good"}') == Pending()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"Hello"',
        b'{"kind":"Hello"}',
        b'{"kind":["Hello"]}',
        b'{"kind":"Nonsense"}',
        b'{"kind":"WhoAmI","fingerprint":7}',
        b'{"kind":"Standing","member":1,"revision":1}',
        b'{"kind":"Standing","member":true,"revision":true}',
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError, match="sent"):
        from_bytes(data)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_and_raise_nothing_else(data: bytes) -> None:
    with pytest.raises(PeerError):
        from_bytes(data)


def test_a_secret_is_not_shown_in_logs() -> None:
    assert "hush" not in repr(Secret(secret="hush"))


def test_a_reason_from_outside_is_bounded_and_printable() -> None:
    reason = plain_reason(Refused(reason="\x1b[31m\n" + "x" * 9999))
    assert reason.isprintable()
    assert len(reason) == REASON_CHARS_MAX


def test_a_frame_that_is_too_long_is_not_decoded() -> None:
    with pytest.raises(PeerError, match="at most"):
        from_bytes(b"x" * (FRAME_BYTES_MAX + 1))
