"""Sets up a data directory for a cluster of one node, or for a node that joins a cluster."""

import base64
import os
import re
import secrets
import socket
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve, frozen

from qutrio.codec.node_yaml import NodeFile, emit
from qutrio.errors import DataDirectoryError, StorageError, plain_reason
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Revision, UnixTime
from qutrio.model.incidents import Ledger
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from qutrio.model.rules import NAME_CHARS_MAX
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.storage.atomic import write_atomic
from qutrio.storage.directories import DIRECTORY_MODE, DataDirectory
from qutrio.storage.joining import forget_joining, remember_joining
from qutrio.storage.keys import Identity, create_identity
from qutrio.storage.leftovers import refuse_second_setup, tidy
from qutrio.storage.lock import lock_directory
from qutrio.storage.store import Store

CLUSTER_ID_BYTES = 8
NAME_DEFAULT = "node"
UNFINISHED_NOTE = "'qutrio init' has not finished here; run it again.\n"
LOOPBACK = "127.0.0.1"
ROUTED_EXAMPLE = ("192.0.2.1", 9)
"""An address that stands for any other machine (RFC 5737); nothing is sent to it."""
ANY_ADDRESSES = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to recognise them


@frozen
class Advertised:
    """The address at which others are to reach a node, and a warning about it for the operator."""

    address: str
    warning: str | None


def default_name(hostname: str) -> str:
    """Return the first label of a host's name as a valid node name."""
    label = re.sub(r"[^A-Za-z0-9_-]+", "-", hostname.partition(".")[0]).strip("-_")
    return label[:NAME_CHARS_MAX] or NAME_DEFAULT


def default_advertise(bind: str, port: int) -> Advertised:
    """Return the address at which other nodes probably reach this one."""
    if bind not in ANY_ADDRESSES:
        return Advertised(_join(bind, port), None)
    found = _own_address()
    address = _join(found or LOOPBACK, port)
    if found is None:
        warning = f"no address of this machine is known; other nodes are told {address}"
    else:
        warning = f"other nodes are told {address}"
    return Advertised(address, f"{warning}: give --advertise if they cannot reach that")


def initialise(
    directory: DataDirectory,
    *,
    name: str,
    advertise: str,
    bind: str,
    port: int,
    wall: UnixTime,
    joining: str = "",
) -> Identity:
    """Create keys, node.yaml, and the state of a cluster whose only member is this node.

    `joining` is the id of the cluster that the node is to join, if any.  It is stored until
    `adopt`, so that the node does not start as a cluster of its own by mistake.

    After a crash, call it again: a file marks the directory until its state is durable, and
    without that mark existing files are not used.  Raises `DataDirectoryError` for a directory
    that has files of a node or cannot be written, `InvalidValueError` for a bad name or address,
    and `StorageError` when the state did not become durable.
    """
    node = NodeFile(node_id=NodeId(""), name=name, advertise=advertise, bind=bind, port=port)
    _make_root(directory)
    with lock_directory(directory):
        refuse_second_setup(directory)
        if joining:
            remember_joining(directory, joining)
        _write(directory.unfinished_file, UNFINISHED_NOTE)
        identity = create_identity(directory, None, name)
        day = datetime.fromtimestamp(wall, UTC).date()
        text = emit(evolve(node, node_id=identity.node_id), f"Written by 'qutrio init' on {day}.")
        _write(directory.node_file, text)
        Store(directory).create(_first_state(identity, name, advertise))
        tidy(directory)
    return identity


def adopt(directory: DataDirectory, identity: Identity, stable: Stable) -> None:
    """Replace the state of a fresh one-node cluster by that of the cluster it joined.

    A node that was in this cluster before keeps its promise, and gets the record that was
    committed since: with its old record it would find itself removed, if it was.  Raises
    `DataDirectoryError` when the directory belongs to a cluster with other members, checks or
    channels, or when a daemon uses it.
    """
    with lock_directory(directory):
        store = Store(directory)
        before = store.load()
        mine, theirs = before.committed.document, stable.committed.document
        if theirs.member_by_key(identity.fingerprint) is None:
            raise DataDirectoryError("the cluster's answer does not list this node; join again")
        if mine.cluster_id == theirs.cluster_id:
            store.create(before.caught_up(stable.committed))
            forget_joining(directory)
            return
        if len(mine.members) > 1 or mine.checks or mine.channels:
            raise DataDirectoryError(
                f"{directory.root} belongs to a cluster of its own with"
                f" {len(mine.members)} members, {len(mine.checks)} checks and"
                f" {len(mine.channels)} alert channels; join from a fresh directory"
            )
        _set_aside(directory)
        store.create(stable)
        forget_joining(directory)


def _make_root(directory: DataDirectory) -> None:
    try:
        directory.root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        ways = (directory.root, *directory.root.parents)
        file = next((p for p in ways if os.path.lexists(p) and not p.is_dir()), directory.root)
        problem = f"{file} is not a directory; move it away, or choose another place with --dir"
        raise DataDirectoryError(problem) from None
    except OSError as error:
        raise DataDirectoryError(f"cannot make {directory.root}: {plain_reason(error)}") from None


def _write(path: Path, text: str) -> None:
    try:
        write_atomic(path, text.encode())
    except OSError as error:
        raise StorageError(f"cannot write {path}: {plain_reason(error)}") from None


def _set_aside(directory: DataDirectory) -> None:
    """Rename the file of the one-node cluster, which would look like an edit after the join."""
    aside = directory.cluster_file.with_name("cluster.yaml.before-join")
    try:
        directory.cluster_file.replace(aside)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(
            f"cannot rename {directory.cluster_file}: {plain_reason(error)}"
        ) from None


def _first_state(identity: Identity, name: str, advertise: str) -> Stable:
    member = Member(
        id=identity.node_id,
        name=name,
        address=advertise,
        fingerprint=identity.fingerprint,
        certificate=base64.b64encode(identity.certificate_der).decode(),
    )
    document = ClusterDocument(
        cluster_id="q" + secrets.token_hex(CLUSTER_ID_BYTES),
        revision=Revision(1),
        members=(member,),
        level=LEVEL,
    )
    record = Record(Position(), document, Ledger())
    return Stable(Promise(), record, record)


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _own_address() -> str | None:
    """Return the source address of packets to other machines; none is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(ROUTED_EXAMPLE)
            return str(probe.getsockname()[0])
    except OSError:
        return None
