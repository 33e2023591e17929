"""Compressed bodies: every form that browsers read, within the limit on what comes out."""

import gzip
import zlib

import pytest

from qutrio.probes.http_body import Body
from qutrio.probes.http_inflate import ENCODINGS_MAX, GZIP_MEMBERS_MAX

TEXT = b"all is well " * 20


def packed(data: bytes) -> bytes:
    """Compress without the time of day, so that every process collects the same tests."""
    return gzip.compress(data, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    press = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return press.compress(data) + press.flush()


def read(encodings: bytes, data: bytes, *, bytes_max: int = 10_000, step: int = 10_000) -> Body:
    """Return the body that was fed `data` in pieces of `step` bytes."""
    body = Body(bytes_max, wanted=True)
    body.begin(encodings)
    for at in range(0, len(data), step):
        body.feed(data[at : at + step])
    return body


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("encodings", "data"),
    [
        (b"", TEXT),
        (b"identity", TEXT),
        (b"UTF-8", TEXT),
        (b"none", TEXT),
        (b"8bit, binary", TEXT),
        (b"gzip", packed(TEXT)),
        (b" GZip ", packed(TEXT)),
        (b"x-gzip", packed(TEXT)),
        (b"gzip", zlib.compress(TEXT)),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", raw_deflate(TEXT)),
        (b"deflate", packed(TEXT)),
        (b"gzip", packed(TEXT[:99]) + packed(TEXT[99:])),
        (b"gzip", packed(TEXT[:99]) + b"\0\0\0" + packed(TEXT[99:])),
        (b"gzip", packed(TEXT) + b"\0" * 9),
        (b"gzip", packed(TEXT) + b"garbage"),
        (b"deflate", zlib.compress(TEXT) + b"garbage"),
        (b"deflate", raw_deflate(TEXT) + b"garbage"),
        (b"gzip", packed(TEXT)[:-8]),
        (b"deflate", zlib.compress(TEXT)[:-4]),
        (b"gzip, gzip", packed(packed(TEXT))),
        (b"deflate,gzip", packed(zlib.compress(TEXT))),
        (b"identity, gzip", packed(TEXT)),
        (b"gzip, utf-8", packed(TEXT)),
        (b"gzip,", packed(TEXT)),
    ],
)
def test_every_form_that_browsers_read_is_read(encodings: bytes, data: bytes, step: int) -> None:
    body = read(encodings, data, step=step)
    assert (body.problem, body.full) == (None, False)
    assert "".join(body.text(b"text/plain")).encode() == TEXT


@pytest.mark.parametrize(
    ("encodings", "data", "problem"),
    [
        (b"gzip", TEXT, "the body is not validly compressed"),
        (b"deflate", b"\xff" * 20, "the body is not validly compressed"),
        (b"gzip", packed(TEXT)[:-8] + b"12345678", "the body is not validly compressed"),
        (b"br", b"x", "the body is encoded as 'br', which cannot be read here"),
        (b"ZSTD", b"x", "the body is encoded as 'zstd', which cannot be read here"),
        (b"gzip, compress", b"x", "the body is encoded as 'compress', which cannot be read here"),
        (
            b"gzip," * (ENCODINGS_MAX + 1),
            b"x",
            f"the body is encoded more than {ENCODINGS_MAX} times",
        ),
        (
            b"gzip",
            packed(b"a") * (GZIP_MEMBERS_MAX + 1),
            f"the body has more than {GZIP_MEMBERS_MAX} gzip members",
        ),
    ],
)
def test_a_body_that_cannot_be_decoded_is_a_problem_with_a_sentence(
    encodings: bytes, data: bytes, problem: str
) -> None:
    assert read(encodings, data).problem == problem


@pytest.mark.parametrize(
    ("encodings", "bomb"),
    [
        (b"gzip", packed(b"\0" * 10_000_000)),
        (b"deflate", raw_deflate(b"\0" * 10_000_000)),
        (b"gzip", packed(b"\0" * 5_000) * 50),
        (b"gzip, gzip", packed(packed(b"\0" * 10_000_000))),
        (b"gzip, gzip", packed(b"\x1f\x8b\x08\0" + b"\0" * 10_000_000)),
    ],
)
def test_no_more_than_the_limit_comes_out(encodings: bytes, bomb: bytes) -> None:
    body = read(encodings, bomb, bytes_max=20_000)
    assert body.full
    assert body.size <= 20_000


def test_a_body_that_nobody_looks_into_is_not_inflated() -> None:
    body = Body(100, wanted=False)
    body.begin(b"br")
    body.feed(b"whatever")
    assert (body.problem, body.size) == (None, 8)
