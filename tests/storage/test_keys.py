"""A node's identity, and which files are refused as one."""

import ssl
from pathlib import Path

import pytest

from qutrio.errors import DataDirectoryError, InvalidDocumentError
from qutrio.model.ids import NodeId
from qutrio.storage.directories import DataDirectory
from qutrio.storage.keys import create_identity, fingerprint_of, load_identity


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def test_the_id_follows_from_the_key(directory: DataDirectory) -> None:
    identity = create_identity(directory, None, "one")
    assert identity.node_id == "n" + identity.fingerprint[:12]
    assert fingerprint_of(identity.certificate_der) == identity.fingerprint
    assert load_identity(directory) == identity
    assert directory.key_file.stat().st_mode & 0o777 == 0o600


def test_an_interrupted_creation_is_finished_with_the_same_key(directory: DataDirectory) -> None:
    first = create_identity(directory, None, "one")
    directory.certificate_file.unlink()
    again = create_identity(directory, None, "one")
    assert again.fingerprint == first.fingerprint


def test_a_chosen_id_is_kept(directory: DataDirectory) -> None:
    assert create_identity(directory, NodeId("n00"), "one").node_id == "n00"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_refused(directory: DataDirectory, mode: int) -> None:
    create_identity(directory, None, "one")
    directory.key_file.chmod(mode)
    with pytest.raises(DataDirectoryError, match="chmod 600"):
        load_identity(directory)


def test_a_credential_may_be_readable_by_its_group(directory: DataDirectory) -> None:
    identity = create_identity(directory, None, "one")
    directory.key_file.chmod(0o440)
    loaded = load_identity(
        directory, key_file=directory.key_file, certificate_file=directory.certificate_file
    )
    assert loaded == identity


def test_a_certificate_of_another_key_is_refused(tmp_path: Path) -> None:
    one, other = DataDirectory(tmp_path / "1"), DataDirectory(tmp_path / "2")
    create_identity(one, None, "one")
    create_identity(other, None, "other")
    one.certificate_file.write_bytes(other.certificate_file.read_bytes())
    with pytest.raises(DataDirectoryError, match="does not belong to"):
        load_identity(one)


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"\x30\x82"])
def test_damaged_files_are_named(directory: DataDirectory, damage: bytes) -> None:
    create_identity(directory, None, "one")
    whole = directory.certificate_file.read_bytes()
    directory.certificate_file.write_bytes(damage)
    with pytest.raises(DataDirectoryError, match=r"node\.crt is damaged"):
        load_identity(directory)
    directory.certificate_file.write_bytes(whole)
    directory.key_file.write_bytes(damage)
    with pytest.raises(DataDirectoryError, match=r"node\.key is not an elliptic"):
        load_identity(directory)


def test_missing_files_name_init(directory: DataDirectory) -> None:
    with pytest.raises(DataDirectoryError, match="qutrio init"):
        load_identity(directory)


def test_invalid_certificate_bytes_are_refused() -> None:
    with pytest.raises(InvalidDocumentError, match="not a certificate"):
        fingerprint_of(b"rubbish")


def test_two_nodes_that_trust_each_other_shake_hands(tmp_path: Path) -> None:
    """The certificate is its own trust anchor, on both sides, with TLS 1.3 and nothing else."""
    server, client = (create_identity(DataDirectory(tmp_path / n), None, n) for n in "ab")
    contexts = []
    for purpose, mine, theirs in (
        (ssl.PROTOCOL_TLS_SERVER, server, client),
        (ssl.PROTOCOL_TLS_CLIENT, client, server),
    ):
        context = ssl.SSLContext(purpose)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(mine.certificate_file, mine.key_file)
        context.load_verify_locations(cadata=theirs.certificate_der)
        contexts.append(context)
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = contexts[0].wrap_bio(inward, outward, server_side=True)
    right = contexts[1].wrap_bio(outward, inward)
    for _ in range(4):
        for side in (right, left):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert left.getpeercert(binary_form=True) == client.certificate_der
    assert right.getpeercert(binary_form=True) == server.certificate_der
