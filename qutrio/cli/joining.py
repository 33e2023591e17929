"""What `qutrio enroll join` does: set up, ask a member, wait for admission, keep the record."""

from functools import partial

import trio

from qutrio.cli.asking import secret
from qutrio.cli.places import data_directory, serve_command, set_up
from qutrio.errors import DataDirectoryError, EnrollmentError, InvalidValueError
from qutrio.model.stable import Promise, Record, Stable
from qutrio.peers.enrollment import Invitation, join
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.token import parse_token
from qutrio.storage.keys import Identity, load_identity
from qutrio.storage.lock import lock_directory
from qutrio.storage.node_file import load_node_file
from qutrio.storage.places import DataDirectory
from qutrio.storage.setup import adopt
from qutrio.storage.store import Store


def join_cluster(
    token: str,
    *,
    name: str | None,
    advertise: str | None,
    bind: str | None,
    port: int | None,
    directory: str | None,
) -> None:
    """Join the cluster that made `token`, and keep its document.

    Raises `InvalidValueError` for what is no valid token, `EnrollmentError` when the cluster
    says no, and `DataDirectoryError` when this directory cannot join.
    """
    invitation = _parse(secret(token, "token") or "")
    place = data_directory(directory)
    if not place.state_file.exists():
        set_up(place, name=name, advertise=advertise, bind=bind, port=port)
    _require_free(place, invitation)
    identity, node = load_identity(place), load_node_file(place)
    known_as = name or node.name
    asked = partial(
        join,
        invitation,
        _as_peer(identity),
        known_as,
        advertise or node.advertise,
        on_progress=_tell,
    )
    record: Record = trio.run(asked)
    # A newcomer has promised nothing to anybody in this cluster yet.
    adopt(place, identity, Stable(Promise(), accepted=record, committed=record))
    print(f"joined as {known_as}; start the node with '{serve_command(directory)}'")


def _parse(token: str) -> Invitation:
    try:
        return parse_token(token)
    except EnrollmentError as error:
        raise InvalidValueError("token", str(error)) from None


def _require_free(place: DataDirectory, invitation: Invitation) -> None:
    """Refuse before the token is used up what could not keep the cluster's record afterwards."""
    with lock_directory(place):
        mine = Store(place).load().committed.document
    own = len(mine.members) > 1 or mine.checks or mine.channels
    if own and mine.cluster_id != invitation.cluster_id:
        problem = f"{place.root} belongs to a cluster of its own; join from a fresh directory"
        raise DataDirectoryError(problem)


def _as_peer(identity: Identity) -> PeerIdentity:
    return PeerIdentity(
        node_id=identity.node_id,
        fingerprint=identity.fingerprint,
        certificate_der=identity.certificate_der,
        certificate_file=identity.certificate_file,
        key_file=identity.key_file,
    )


def _tell(what: str) -> None:
    print(what, flush=True)
