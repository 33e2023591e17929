"""What `qutrio enroll join` does: set up, ask a member, wait for admission, keep the record."""

import sys
from functools import partial
from typing import Any

import trio
from attrs import frozen

from qutrio.cli.asking import given
from qutrio.cli.inputs import Inputs
from qutrio.cli.places import data_directory, serve_command, set_up
from qutrio.codec.node_yaml import NodeFile
from qutrio.errors import DataDirectoryError, EnrollmentError, InvalidValueError
from qutrio.model.addresses import is_loopback, require_address_of_node
from qutrio.model.members import Member, lonely_problem, split_address
from qutrio.model.stable import Promise, Record, Stable
from qutrio.peers.enrollment import Invitation, join
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.token import parse_token
from qutrio.storage.joining import remember_joining
from qutrio.storage.keys import Identity, load_identity
from qutrio.storage.lock import lock_directory
from qutrio.storage.node_file import amend_node_file, load_node_file
from qutrio.storage.places import DataDirectory
from qutrio.storage.setup import adopt
from qutrio.storage.store import Store

Row = dict[str, Any]


@frozen(kw_only=True)
class Flags:
    """What the command line, or the environment, says of the node; None: nothing."""

    name: str | None
    advertise: str | None
    bind: str | None
    port: int | None


def join_cluster(token: str, flags: Flags, directory: str | None, *, as_json: bool) -> Row:
    """Join the cluster that made `token`, keep its document, and return what it says of the node.

    Raises `InvalidValueError` for what is no valid token, `EnrollmentError` when the cluster
    says no, and `DataDirectoryError` when this directory cannot join.
    """
    invitation = _parse(Inputs().line(token, "token") or "")
    if flags.advertise:
        require_address_of_node(flags.advertise, "advertise")
    place = data_directory(directory)
    member_before = _prepare(place, flags, invitation)
    identity, node = load_identity(place), load_node_file(place)
    _require_reachable(node.advertise, invitation, chosen=flags.advertise is not None)
    asked = partial(
        join,
        invitation,
        _as_peer(identity),
        node.name,
        node.advertise,
        on_progress=partial(_tell, sys.stderr if as_json else sys.stdout),
    )
    record: Record = trio.run(asked)
    # A newcomer has promised nothing to anybody in this cluster yet.
    adopt(place, identity, Stable(Promise(), accepted=record, committed=record))
    member = record.document.member_by_key(identity.fingerprint)
    assert member is not None, "what the cluster sends to a newcomer lists it"
    return {
        "cluster_id": record.document.cluster_id,
        "revision": record.document.revision,
        "node_id": member.id,
        "name": member.name,
        "address": member.address,
        "member_before": member_before,
        "warnings": _differences(member, node),
        "start": serve_command(directory),
    }


def _prepare(place: DataDirectory, flags: Flags, invitation: Invitation) -> bool:
    """Set an empty directory up, or let node.yaml say what the flags do.

    Refuses, before the token is used up, what could not keep the cluster's record afterwards.
    Returns whether the directory belongs to this cluster already.
    """
    if not place.state_file.exists():
        set_up(
            place,
            name=flags.name,
            advertise=flags.advertise,
            bind=flags.bind,
            port=flags.port,
            joining=invitation.cluster_id,
        )
    with lock_directory(place):
        mine = Store(place).load().committed.document
        belongs = mine.cluster_id == invitation.cluster_id
        if not belongs and (len(mine.members) > 1 or mine.checks or mine.channels):
            problem = f"{place.root} belongs to a cluster of its own; join from a fresh directory"
            raise DataDirectoryError(problem)
        amend_node_file(place, _changes(flags, load_node_file(place)))
        if not belongs:
            remember_joining(place, invitation.cluster_id)
    return belongs


def _changes(flags: Flags, node: NodeFile) -> dict[str, object]:
    """Return what the flags change of node.yaml; an address follows a port that it was made of."""
    changes = given(name=flags.name, advertise=flags.advertise, bind=flags.bind, port=flags.port)
    if flags.advertise is None and flags.port is not None:
        head, colon, port = node.advertise.rpartition(":")
        if int(port) == node.port:
            changes["advertise"] = f"{head}{colon}{flags.port}"
    return changes


def _require_reachable(address: str, invitation: Invitation, *, chosen: bool) -> None:
    """Refuse an address on which only this machine hears itself, unless somebody chose it."""
    doors = [split_address(door.address)[0] for door in invitation.doors]
    if not is_loopback(split_address(address)[0]) or any(map(is_loopback, doors)):
        return
    problem = lonely_problem(address)
    if not chosen:
        raise InvalidValueError("advertise", f"{problem}; give --advertise HOST:PORT")
    print(f"qutrio: warning: {problem}", file=sys.stderr)


def _differences(member: Member, node: NodeFile) -> list[str]:
    """Return what the cluster knows otherwise than node.yaml, which it is told at the start."""
    known, own = (member.name, member.address), (node.name, node.advertise)
    if known == own:
        return []
    there = f"the cluster knows this node as {known[0]} at {known[1]}"
    here = f"node.yaml says {own[0]} at {own[1]}"
    return [f"{there}; {here}, and the node tells the cluster so when it starts"]


def _parse(token: str) -> Invitation:
    try:
        return parse_token(token)
    except EnrollmentError as error:
        raise InvalidValueError("token", str(error)) from None


def _as_peer(identity: Identity) -> PeerIdentity:
    return PeerIdentity(
        node_id=identity.node_id,
        fingerprint=identity.fingerprint,
        certificate_der=identity.certificate_der,
        certificate_file=identity.certificate_file,
        key_file=identity.key_file,
    )


def _tell(stream: Any, what: str) -> None:
    print(what, file=stream, flush=True)
