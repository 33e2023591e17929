"""Admission of a node that joins: whether its token is valid, and whether it is a member yet."""

from enum import Enum

from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Fingerprint, TokenId, UnixTime
from qutrio.model.levels import can_belong
from qutrio.model.members import Token


class Admission(Enum):
    """The state of a node that has claimed a token."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    TOO_OLD = "too old"
    REVOKED = "revoked"
    EXPIRED = "expired"


def admission(
    document: ClusterDocument, key: Fingerprint, level: int, token: TokenId, wall: UnixTime
) -> Admission:
    """Return the admission of the node with this key, whose program knows `level`."""
    if document.member_by_key(key) is not None:
        return Admission.ADMITTED if can_belong(level, document) else Admission.TOO_OLD
    claimed = next((t for t in document.tokens if t.id == token), None)
    if claimed is None:
        return Admission.REVOKED
    return Admission.EXPIRED if claimed.expires_unix <= wall else Admission.WAITING


def token_problem(token: Token, key: Fingerprint, wall: UnixTime) -> str | None:
    """Return why the node with this key cannot claim a token; None if it can."""
    if token.expires_unix <= wall:
        return "the token has expired; ask for a new one"
    if token.claimant is not None and token.claimant.fingerprint != key:
        return "the token was used by another node; ask for a new one"
    return None
