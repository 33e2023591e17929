"""A hand edit becomes the mutations that turn the old document into the new one."""

import pytest
from attrs import evolve

from qutrio.core.api.hand_edit import differences
from qutrio.core.api.mutations import Batch, PutCheck, Refusal
from qutrio.core.consensus.applying import apply
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import CheckId, Fingerprint, Revision
from tests.core.samples import DB, MAIL, WALL, A, B, C, check, document, hook, member, token

OLD = document(
    A,
    B,
    checks=[check(), check(DB, alerts=("mail",))],
    channels=[hook(), hook(MAIL, default=False)],
    tokens=[token()],
)


def batch(new: ClusterDocument) -> Batch:
    outcome = differences(OLD, new)
    assert isinstance(outcome, Batch), outcome
    return outcome


def plain(held: ClusterDocument) -> ClusterDocument:
    """Clear the revisions of checks, because the master assigns them."""
    return evolve(held, checks=tuple(evolve(c, changed=Revision(0)) for c in held.checks))


def test_an_unchanged_document_needs_no_mutation() -> None:
    assert batch(OLD) == Batch(mutations=())
    stamped = evolve(OLD, checks=tuple(evolve(c, changed=Revision(7)) for c in OLD.checks))
    assert batch(stamped) == Batch(mutations=())


@pytest.mark.parametrize(
    "new",
    [
        evolve(OLD, settings=Settings(dead_after_s=9.0)),
        evolve(OLD, members=(member(A), evolve(member(B), name="bee", address="[::1]:1"))),
        evolve(OLD, checks=(*OLD.checks[:1], check(retries=2))),
        evolve(OLD, checks=(check(CheckId("api"), name="web"), OLD.checks[0])),
        evolve(OLD, channels=(hook(enabled=False), OLD.channels[1])),
        evolve(OLD, checks=(check(DB), check()), channels=(hook(),)),
        evolve(OLD, checks=(), channels=()),
    ],
    ids=["settings", "member", "edit", "replace", "channel", "detach and remove", "all"],
)
def test_the_batch_turns_the_old_document_into_the_edited_one(new: ClusterDocument) -> None:
    outcome = apply(batch(new), OLD, WALL)
    assert isinstance(outcome, ClusterDocument), outcome
    assert plain(outcome) == plain(new)


def test_an_edit_merges_with_what_others_changed_meanwhile() -> None:
    edit = batch(evolve(OLD, checks=(OLD.checks[0], check(retries=2))))
    meanwhile = apply(PutCheck(check=check(CheckId("api"))), OLD, WALL)
    assert isinstance(meanwhile, ClusterDocument)
    merged = apply(edit, meanwhile, WALL)
    assert isinstance(merged, ClusterDocument)
    assert [c.id for c in merged.checks] == ["api", "db", "web"]
    assert merged.checks[2].retries == 2


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (evolve(OLD, cluster_id="other"), "cluster_id"),
        (evolve(OLD, tokens=()), "qutrio enroll"),
        (evolve(OLD, members=(member(A),)), "qutrio node"),
        (evolve(OLD, members=(*OLD.members, member(C))), "qutrio node"),
        (evolve(OLD, members=(member(A), member(B, voter=False))), "only name and address"),
        (
            evolve(OLD, members=(member(A), evolve(member(B), fingerprint=Fingerprint("x")))),
            "only name and address",
        ),
    ],
    ids=["cluster", "tokens", "removed", "added", "vote", "key"],
)
def test_identity_membership_and_keys_are_not_edited_by_hand(
    new: ClusterDocument, reason: str
) -> None:
    outcome = differences(OLD, new)
    assert isinstance(outcome, Refusal)
    assert reason in outcome.reason
