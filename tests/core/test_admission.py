"""Admission: when a joining node is a member, and which tokens are refused."""

import pytest
from attrs import evolve

from qutrio.core.api.admission import Admission, admission, token_problem
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Fingerprint, TokenId, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from tests.core.samples import WALL, A, B, C, document, member, token

BOB, TOKEN = member(B), token()
WAITS = evolve(document(A), tokens=(TOKEN,))


def asked(
    in_document: ClusterDocument = WAITS, *, level: int = LEVEL, wall: float = WALL
) -> Admission:
    """Ask for Bob."""
    return admission(in_document, BOB.fingerprint, level, TokenId("t1"), UnixTime(wall))


def test_a_joining_node_waits_until_the_document_lists_it() -> None:
    """The operator's approval is a change of the document like any other."""
    assert asked() is Admission.WAITING
    assert asked(document(A, B)) is Admission.ADMITTED


def test_a_member_is_known_by_its_key_and_not_by_its_id() -> None:
    """A member with the same id and another key is another node."""
    other = evolve(BOB, fingerprint=Fingerprint("another"))
    impostor = evolve(WAITS, members=(*WAITS.members, other))
    assert asked(impostor) is Admission.WAITING


def test_a_joining_node_is_told_that_its_token_is_gone_or_expired() -> None:
    """It would wait in vain."""
    assert asked(document(A)) is Admission.REVOKED
    assert asked(wall=TOKEN.expires_unix) is Admission.EXPIRED


def test_a_program_that_is_too_old_is_not_welcome_even_as_a_member() -> None:
    """It could not read the document."""
    assert asked(evolve(document(A, B), level=LEVEL), level=LEVEL - 1) is Admission.TOO_OLD


@pytest.mark.parametrize(
    ("claimant", "wall", "problem"),
    [
        (None, WALL, None),
        (BOB, WALL, None),
        (member(C), WALL, "the token was used by another node; ask for a new one"),
        (None, TOKEN.expires_unix, "the token has expired; ask for a new one"),
    ],
    ids=["fresh", "claimed-by-itself", "claimed-by-another", "expired"],
)
def test_a_token_is_good_for_one_key_until_it_expires(
    claimant: Member | None, wall: float, problem: str | None
) -> None:
    """The same node may claim it again, because it may not have heard of its first claim."""
    claimed = evolve(TOKEN, claimant=claimant)
    assert token_problem(claimed, BOB.fingerprint, UnixTime(wall)) == problem
