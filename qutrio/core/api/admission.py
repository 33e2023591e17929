"""What becomes of a node that wants to join: whether its token is good, and when it is a member."""

from enum import Enum

from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Fingerprint, TokenId, UnixTime
from qutrio.model.levels import can_belong
from qutrio.model.members import Token


class Admission(Enum):
    """How things stand for a node that has claimed a token."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    TOO_OLD = "too old"
    REVOKED = "revoked"
    EXPIRED = "expired"


def admission(
    document: ClusterDocument, key: Fingerprint, level: int, token: TokenId, wall: UnixTime
) -> Admission:
    """Return whether the node with this key, whose program knows `level`, is a member by now."""
    if document.member_by_key(key) is not None:
        return Admission.ADMITTED if can_belong(level, document) else Admission.TOO_OLD
    claimed = next((t for t in document.tokens if t.id == token), None)
    if claimed is None:
        return Admission.REVOKED
    return Admission.EXPIRED if claimed.expires_unix <= wall else Admission.WAITING


def problem_of(token: Token, key: Fingerprint, wall: UnixTime) -> str | None:
    """Say why the node with this key cannot claim a token; None when nothing is wrong with it."""
    if token.expires_unix <= wall:
        return "the token has expired; ask for a new one"
    if token.claimant is not None and token.claimant.fingerprint != key:
        return "the token was used by another node; ask for a new one"
    return None
