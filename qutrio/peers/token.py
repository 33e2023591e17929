"""The enrollment token: the addresses and keys of members, and the secret, as one text."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson
from attrs import field, frozen

from qutrio.errors import EnrollmentError, InvalidValueError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Fingerprint, NodeId, Seconds, TokenId, UnixTime
from qutrio.model.members import Token, split_address

TOKEN_PREFIX = "qt1_"  # noqa: S105 - not a password
TOKEN_CHARS_MAX = 4096
SECRET_BYTES = 32
ADDRESSES_MAX = 5
_CHECKSUM_BYTES = 4
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@frozen
class EnrollmentAddress:
    """A member that accepts the token: its address, and the key that it must prove to hold."""

    address: str
    fingerprint: Fingerprint


@frozen(kw_only=True)
class Invitation:
    """A parsed token."""

    cluster_id: str
    token_id: TokenId
    secret: str = field(repr=False)
    expires_unix: UnixTime
    addresses: tuple[EnrollmentAddress, ...]


def make_token(
    document: ClusterDocument,
    *,
    own: NodeId,
    ttl_s: Seconds,
    wall: UnixTime,
    name: str | None = None,
    auto_approve: bool = False,
) -> tuple[str, Token]:
    """Return the text for the joiner, and the token for the document (it holds no secret).

    The text names `own` first and up to four more members, so that it stays usable when one
    node is dead.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    token = Token(
        id=TokenId("t" + secrets.token_hex(6)),
        secret_hash=hash_secret(secret),
        name=name,
        created_unix=wall,
        expires_unix=UnixTime(wall + ttl_s),
        auto_approve=auto_approve,
    )
    nearest = sorted(document.members, key=lambda m: (m.id != own, not m.voter, m.id))
    addresses = [[m.address, m.fingerprint] for m in nearest[:ADDRESSES_MAX]]
    body = [document.cluster_id, token.id, secret, token.expires_unix, addresses]
    return TOKEN_PREFIX + _pack(orjson.dumps(body)), token


def parse_token(text: str) -> Invitation:
    """Return the invitation in a token; raises `EnrollmentError` that says what is wrong."""
    text = text.strip()
    if not text.startswith(TOKEN_PREFIX):
        raise EnrollmentError(
            f"this is not an enrollment token: one begins with {TOKEN_PREFIX!r}; "
            "make one with 'qutrio enroll create' on a member"
        )
    body = _unpack(text.removeprefix(TOKEN_PREFIX))
    try:
        return _read(orjson.loads(body))
    except (ValueError, TypeError, InvalidValueError):
        raise EnrollmentError(
            "this enrollment token was made by a program that this one does not understand"
        ) from None


def hash_secret(secret: str) -> str:
    """Return the hexadecimal SHA-256 of a secret, as a `Token` keeps it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _pack(body: bytes) -> str:
    checksum = hashlib.sha256(body).digest()[:_CHECKSUM_BYTES]
    return urlsafe_b64encode(checksum + body).decode("ascii").rstrip("=")


def _unpack(text: str) -> bytes:
    damaged = EnrollmentError(
        "the enrollment token is damaged or cut off: copy the whole line, without line breaks"
    )
    if len(text) > TOKEN_CHARS_MAX or not text.isascii():
        raise damaged
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise damaged from None
    checksum, body = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
    if hashlib.sha256(body).digest()[:_CHECKSUM_BYTES] != checksum:
        raise damaged
    return body


def _read(body: Any) -> Invitation:
    cluster_id, token_id, secret, expires_unix, pairs = body
    texts = [cluster_id, token_id, secret, *(text for pair in pairs for text in pair)]
    if not pairs or len(pairs) > ADDRESSES_MAX or not all(isinstance(t, str) for t in texts):
        raise ValueError
    for address, fingerprint in pairs:
        split_address(address)
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError
    return Invitation(
        cluster_id=cluster_id,
        token_id=TokenId(token_id),
        secret=secret,
        expires_unix=UnixTime(float(expires_unix)),
        addresses=tuple(EnrollmentAddress(address, Fingerprint(pin)) for address, pin in pairs),
    )
