"""A node's identity: one P-256 key, and a self-signed certificate that other nodes pin.

The certificate is no authority (CA:FALSE) and does not expire; trust begins and ends with
membership.  A node's id is made from the hash of its key, so that no node can choose a low id.
"""

import os
import stat
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from qutrio.errors import DataDirectoryError, InvalidDocumentError, plain_reason
from qutrio.model.ids import Fingerprint, NodeId
from qutrio.storage.atomic import write_atomic
from qutrio.storage.directories import DIRECTORY_MODE, DataDirectory
from qutrio.storage.leftovers import missing

NODE_ID_DIGITS = 12
KEY_FILE_BYTES_MAX = 64 * 1024
CERTIFICATE_MODE = 0o644
VALID_FROM = datetime(2000, 1, 1, tzinfo=UTC)
VALID_UNTIL = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_PEM = serialization.Encoding.PEM


@frozen(kw_only=True)
class Identity:
    """The node's id, fingerprint and certificate, and the files that prove them."""

    node_id: NodeId
    fingerprint: Fingerprint
    certificate_der: bytes = field(repr=False)
    key_file: Path
    certificate_file: Path


def create_identity(directory: DataDirectory, node_id: NodeId | None, name: str) -> Identity:
    """Create a key and a certificate, or finish what a crash interrupted.

    Without `node_id` the id is made from the key.  `name` is only for people who read the
    certificate.  Raises `DataDirectoryError` when the files cannot be written.
    """
    try:
        directory.key_file.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        if not directory.key_file.exists():
            write_atomic(directory.key_file, _new_key())
        key = _load_key(directory.key_file)
        if not directory.certificate_file.exists():
            certificate = _certify(key, node_id or _id_of(key), name)
            write_atomic(
                directory.certificate_file, certificate.public_bytes(_PEM), CERTIFICATE_MODE
            )
    except OSError as error:
        raise DataDirectoryError(
            f"cannot write the keys to {directory.key_file.parent}: {plain_reason(error)}"
        ) from None
    return load_identity(directory)


def load_identity(
    directory: DataDirectory,
    *,
    key_file: Path | None = None,
    certificate_file: Path | None = None,
) -> Identity:
    """Read the identity, by default from the data directory.

    Files given by path (systemd's LoadCredential) may be readable by a group; the data
    directory's key may not.  Raises `DataDirectoryError` that says what to do.
    """
    key_path = key_file or directory.key_file
    certificate_path = certificate_file or directory.certificate_file
    for path in (key_path, certificate_path):
        _require_present(directory, path)
    _require_closed(key_path, 0o077 if key_file is None else 0o007)
    key = _load_key(key_path)
    try:
        certificate = x509.load_pem_x509_certificate(_read(certificate_path))
        common_name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    except (ValueError, IndexError):
        raise DataDirectoryError(
            f"{certificate_path} is damaged; restore it from a backup"
        ) from None
    if certificate.public_key() != key.public_key():
        raise DataDirectoryError(
            f"{certificate_path} does not belong to {key_path}; restore both from one backup"
        )
    return Identity(
        node_id=NodeId(str(common_name)),
        fingerprint=_fingerprint(certificate.public_key()),
        certificate_der=certificate.public_bytes(serialization.Encoding.DER),
        key_file=key_path,
        certificate_file=certificate_path,
    )


def fingerprint_of(certificate_der: bytes) -> Fingerprint:
    """Return the SHA-256 of a certificate's public key (SubjectPublicKeyInfo), in hexadecimal.

    Raises `InvalidDocumentError` for bytes that are not a certificate.
    """
    try:
        return _fingerprint(x509.load_der_x509_certificate(certificate_der).public_key())
    except ValueError:
        raise InvalidDocumentError("is not a certificate") from None


def _fingerprint(key: object) -> Fingerprint:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidDocumentError("the certificate's key is not an elliptic curve key")
    info = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Fingerprint(sha256(info).hexdigest())


def _id_of(key: ec.EllipticCurvePrivateKey) -> NodeId:
    return NodeId("n" + _fingerprint(key.public_key())[:NODE_ID_DIGITS])


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certify(key: ec.EllipticCurvePrivateKey, node_id: NodeId, name: str) -> x509.Certificate:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, node_id),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "qutrio"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, name),
        ]
    )
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(node_id)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(key, hashes.SHA256())
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise DataDirectoryError(
            f"{path} is not an elliptic curve private key; restore it from a backup"
        )
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(KEY_FILE_BYTES_MAX)
    except OSError as error:
        raise DataDirectoryError(f"cannot read {path}: {plain_reason(error)}") from None


def _require_present(directory: DataDirectory, path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise missing(directory, path) from None
    except OSError as error:
        raise DataDirectoryError(f"cannot read {path}: {plain_reason(error)}") from None


def _require_closed(path: Path, forbidden: int) -> None:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in {0, os.getuid()}:
        raise DataDirectoryError(
            f"{path} belongs to another user; run 'chown {os.getuid()} {path}'"
        )
    if mode & forbidden:
        raise DataDirectoryError(
            f"{path} can be read by others (mode {mode:o}); run 'chmod 600 {path}'"
        )
