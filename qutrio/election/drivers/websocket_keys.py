"""The keys and certificates of participants that are linked by TLS: making and loading them."""

from __future__ import annotations

import fcntl
import os
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from qutrio.errors import DataDirectoryError, InvalidValueError, plain_reason
from qutrio.model.members import Member
from qutrio.peers.identity import PeerIdentity, fingerprint_of, trustworthy_key
from qutrio.storage.directories import DIRECTORY_MODE, DataDirectory
from qutrio.storage.keys import create_identity, load_identity
from qutrio.storage.regular_file import explain, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qutrio.model.ids import NodeId

CERTIFICATE_FILE_BYTES_MAX = 64 * 1024
LOCK_NAME = "lock"
_CERTIFIED_NAME = "election seat"
"""The certificate's name, for people; a participant is identified by its key."""


@frozen
class At:
    """The address of a member, as host:port, and the file of its certificate."""

    address: str
    certificate: Path = field(converter=Path)


def make_keys(directory: Path | str) -> Path:
    """Make a key and a certificate in a folder, unless they exist; return the certificate's path.

    Give the certificate to every other member; keep the rest of the folder private.  Raises
    `DataDirectoryError`.
    """
    data = DataDirectory(Path(directory))
    return create_identity(data, None, _CERTIFIED_NAME).certificate_file


def keys_for_all(directory: Path, participants: Iterable[str]) -> dict[str, Path]:
    """Make the participants' missing keys in one folder, and return their certificates.

    Several programs may do this at once.  Raises `DataDirectoryError`.
    """
    with _locked(directory):
        return {participant: make_keys(directory / participant) for participant in participants}


def member_of(participant: NodeId, at: At) -> Member:
    """Return the member that a link needs; raises `QutrioError` for an invalid certificate."""
    problem = f"the certificate of {participant} cannot be used: {at.certificate}"
    try:
        pem = read_regular(at.certificate, CERTIFICATE_FILE_BYTES_MAX, follow=True)
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except OSError as error:
        raise InvalidValueError("certificate", f"{problem}: {explain(error)}") from None
    except ValueError:
        raise InvalidValueError("certificate", f"{problem} is no PEM certificate") from None
    trustworthy_key(der)
    return Member(
        id=participant,
        name=participant,
        address=at.address,
        fingerprint=fingerprint_of(der),
        certificate=b64encode(der).decode("ascii"),
    )


def identify(directory: Path, member: Member) -> PeerIdentity:
    """Return the identity in a folder, which must be the member's; raises `QutrioError`."""
    data = DataDirectory(directory)
    if not data.key_file.exists():
        advice = "make one with qutrio.election.drivers.websocket.make_keys"
        raise DataDirectoryError(f"there is no key in {directory}; {advice}")
    identity = load_identity(data)
    if identity.fingerprint != member.fingerprint:
        raise DataDirectoryError(
            f"the key in {directory} is not that of {member.id}: its certificate among the"
            " members is another one; give every participant the same certificates"
        )
    return PeerIdentity(
        node_id=member.id,
        fingerprint=identity.fingerprint,
        certificate_der=identity.certificate_der,
        certificate_file=identity.certificate_file,
        key_file=identity.key_file,
    )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold a folder's lock, and make the folder if it is missing."""
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(directory / LOCK_NAME, flags, 0o600)
    except OSError as error:
        raise DataDirectoryError(f"cannot use {directory}: {plain_reason(error)}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
