"""A node's identity on the network: a key, its self-signed certificate, and the id they give."""

import hashlib
from base64 import b64decode, b64encode
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qutrio.errors import PeerError
from qutrio.model.ids import Fingerprint, NodeId

CERTIFICATE_BYTES_MAX = 4096
NODE_ID_DIGITS = 12


@frozen(kw_only=True)
class PeerIdentity:
    """The node's id, fingerprint and certificate, and the files that prove them."""

    node_id: NodeId
    fingerprint: Fingerprint
    certificate_der: bytes = field(repr=False)
    certificate_file: Path
    key_file: Path

    @property
    def certificate(self) -> str:
        """The certificate as a `Member` carries it: base64 of DER."""
        return b64encode(self.certificate_der).decode("ascii")


def fingerprint_of(certificate_der: bytes) -> Fingerprint:
    """Return the SHA-256 of a certificate's public key; raises `PeerError` if it is unreadable."""
    try:
        key = x509.load_der_x509_certificate(certificate_der).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PeerError(f"the certificate cannot be read: {error}") from None
    return Fingerprint(hashlib.sha256(spki).hexdigest())


def node_id_of(fingerprint: Fingerprint) -> NodeId:
    """Return the id that belongs to a key, so that no node can choose another one's id."""
    return NodeId("n" + fingerprint[:NODE_ID_DIGITS])


def certificate_bytes(text: str) -> bytes:
    """Return the DER of a `Member.certificate`; raises `PeerError` when it is not base64."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise PeerError("the certificate is not base64") from None


def trustworthy_key(certificate_der: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key of a certificate that may become a trust anchor; raises `PeerError`.

    A certificate that may sign others (CA:TRUE) is refused: its owner could mint identities
    that TLS would accept.
    """
    if len(certificate_der) > CERTIFICATE_BYTES_MAX:
        raise PeerError(f"the certificate is larger than {CERTIFICATE_BYTES_MAX} bytes")
    try:
        certificate = x509.load_der_x509_certificate(certificate_der)
        key = certificate.public_key()
        extensions = certificate.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension) as e:
        raise PeerError(f"the certificate cannot be used: {e}") from None
    if basic.ca:
        raise PeerError("the certificate may sign other certificates; a node's must not")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PeerError("the certificate's key is not P-256")
    return key
