"""Proves to one server that a joiner holds the key in its certificate."""

from base64 import b64decode, b64encode
from pathlib import Path

import orjson
from attrs import frozen
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from qutrio.errors import EnrollmentError, PeerError, plain_reason
from qutrio.model.ids import Fingerprint

_PURPOSE = "qutrio join 1"


@frozen(kw_only=True)
class Claim:
    """The statement that a joiner signs.

    The nonce makes it fresh; the server's fingerprint and the cluster keep one server from
    presenting it to another; the other fields bind the request.
    """

    nonce: str
    server: Fingerprint
    cluster_id: str
    token: str
    name: str
    address: str

    def signed_bytes(self) -> bytes:
        """Return the bytes to sign; different claims never give equal bytes."""
        fields = [self.nonce, self.server, self.cluster_id, self.token, self.name, self.address]
        return orjson.dumps([_PURPOSE, *fields])


def sign(claim: Claim, key_file: Path) -> str:
    """Return the base64 of a signature; raises `EnrollmentError` when the key is unusable."""
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EnrollmentError(
            f"this node's key {key_file} cannot be used: {plain_reason(error)}"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise EnrollmentError(f"this node's key {key_file} is not P-256; restore it from a backup")
    signature = key.sign(claim.signed_bytes(), ec.ECDSA(hashes.SHA256()))
    return b64encode(signature).decode("ascii")


def verify(claim: Claim, signature: str, key: ec.EllipticCurvePublicKey) -> None:
    """Raise `PeerError` unless the holder of `key` signed exactly this claim."""
    try:
        raw = b64decode(signature, validate=True)
        key.verify(raw, claim.signed_bytes(), ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature):
        raise PeerError("the signature does not belong to the certificate") from None
