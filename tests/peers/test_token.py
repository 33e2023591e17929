"""The text that an operator carries to a new node."""

import hashlib
from base64 import urlsafe_b64encode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qutrio.errors import EnrollmentError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Fingerprint, NodeId, Revision, UnixTime
from qutrio.model.members import Member
from qutrio.peers.enrollment_client import make_token, parse_token
from qutrio.peers.token import TOKEN_PREFIX, EnrollmentAddress, hash_secret
from tests.peers.enrollment_setup import HOME, TTL_S
from tests.peers.world import (
    BASE_UNIX,
    CLUSTER,
    Person,
    document_of,
)


def test_a_token_carries_all_its_fields(people: list[Person]) -> None:
    text, token = make_token(
        document_of(*people),
        own=people[1].member.id,
        ttl_s=TTL_S,
        wall=UnixTime(BASE_UNIX),
        name="zoe",
        auto_approve=True,
    )
    invitation = parse_token(f"  {text}\n")
    assert text.startswith("qt1_")
    assert invitation.cluster_id == CLUSTER
    assert invitation.token_id == token.id
    assert invitation.expires_unix == token.expires_unix == BASE_UNIX + TTL_S
    assert hash_secret(invitation.secret) == token.secret_hash
    assert invitation.secret not in repr((token, invitation))
    assert (token.name, token.auto_approve, token.claimant) == ("zoe", True, None)
    own_first = [people[1], people[0], people[2]]
    assert invitation.addresses == tuple(
        EnrollmentAddress(p.member.address, p.identity.fingerprint) for p in own_first
    )


def test_no_two_tokens_are_alike(people: list[Person]) -> None:
    made = [
        make_token(
            document_of(people[0]), own=people[0].member.id, ttl_s=1, wall=UnixTime(BASE_UNIX)
        )
        for _ in range(50)
    ]
    assert len({token.id for _, token in made}) == 50
    assert len({parse_token(text).secret for text, _ in made}) == 50


@given(data=st.data())
def test_a_damaged_token_is_refused_with_a_sentence(data: st.DataObject) -> None:
    """Cut short, or with one character changed: never another error, never accepted."""
    member = Member(
        id=NodeId("n1"), name="a", address=HOME, fingerprint=Fingerprint("f" * 64), certificate=""
    )
    document = ClusterDocument(cluster_id=CLUSTER, revision=Revision(1), members=(member,))
    text, _ = make_token(document, own=member.id, ttl_s=TTL_S, wall=UnixTime(BASE_UNIX))
    if data.draw(st.booleans()):
        damaged = text[: data.draw(st.integers(0, len(text) - 1))]
    else:
        at = data.draw(st.integers(0, len(text) - 1))
        damaged = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    assume(damaged.strip().rstrip("=") != text)
    try:
        assert parse_token(damaged) == parse_token(text), "a spare bit of base64, at most"
    except EnrollmentError as error:
        assert "token" in str(error)  # noqa: PT017 - either outcome is right


def test_a_truncated_token_is_named_as_such(people: list[Person]) -> None:
    text, _ = make_token(
        document_of(*people), own=people[0].member.id, ttl_s=1, wall=UnixTime(BASE_UNIX)
    )
    for cut in range(len(TOKEN_PREFIX), len(text)):
        with pytest.raises(EnrollmentError, match="damaged or cut off"):
            parse_token(text[:cut])
    with pytest.raises(EnrollmentError, match="damaged or cut off"):
        parse_token(text + "A" * 10_000)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[1,2]",
        "null",
        '["c","t","s",1.0,[]]',
        '["c","t","s",1.0,[["nowhere","%s"]]]' % ("f" * 64),
        '["c","t","s",1.0,[["127.0.0.1:1","short"]]]',
        '["c","t","s","soon",[["127.0.0.1:1","%s"]]]' % ("f" * 64),
        '["c",7,"s",1.0,[["127.0.0.1:1","%s"]]]' % ("f" * 64),
        '["c","t","s",1.0,"doors"]',
    ],
)
def test_a_whole_token_of_another_shape_is_not_understood(body: str) -> None:
    """Made by a newer program, or by hand."""
    raw = hashlib.sha256(body.encode()).digest()[:4] + body.encode()
    with pytest.raises(EnrollmentError, match="does not understand"):
        parse_token(TOKEN_PREFIX + urlsafe_b64encode(raw).decode())


def test_text_that_is_no_token_is_answered_with_how_to_get_one() -> None:
    with pytest.raises(EnrollmentError, match="qutrio enroll create"):
        parse_token("hello")
