"""Mutations compare and set each item, so edits of different items merge and none is lost."""

import pytest
from attrs import evolve

from qutrio.core.api.mutations import (
    BATCH_MUTATIONS_MAX,
    AddToken,
    ApproveToken,
    Batch,
    ClaimToken,
    Mutation,
    PromoteMember,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    Refusal,
    RemoveChannel,
    RemoveCheck,
    RemoveMember,
    RevokeToken,
)
from qutrio.core.consensus.applying import apply
from qutrio.model.channels import DiscordChannel
from qutrio.model.document import TOKENS_MAX, ClusterDocument, Settings
from qutrio.model.ids import ChannelId, CheckId, Fingerprint, Revision, TokenId, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from tests.core.samples import (
    DB,
    MAIL,
    WALL,
    A,
    B,
    C,
    D,
    check,
    document,
    hook,
    member,
    token,
)

FULL = document(
    A,
    B,
    learners=[C],
    checks=[check(), check(DB, alerts=("mail",))],
    channels=[hook(), hook(MAIL, default=False)],
    tokens=[token("t1"), token("t2", claimant=member(D))],
)
LATER = UnixTime(WALL + 3601)
T1, T2 = TokenId("t1"), TokenId("t2")


def done(
    mutation: Mutation, held: ClusterDocument = FULL, wall: UnixTime = WALL
) -> ClusterDocument:
    outcome = apply(mutation, held, wall)
    assert isinstance(outcome, ClusterDocument), outcome
    assert outcome.revision == held.revision  # the master assigns revisions
    return outcome


def refused(mutation: Mutation, held: ClusterDocument = FULL, wall: UnixTime = WALL) -> str:
    outcome = apply(mutation, held, wall)
    assert isinstance(outcome, Refusal), "it was applied"
    return outcome.reason


def claim(
    claimant: Member | None = None, ident: TokenId = T1, secret: str = "hash", level: int = LEVEL
) -> ClaimToken:
    return ClaimToken(token=ident, secret_hash=secret, claimant=claimant or member(D), level=level)


# --- checks ---------------------------------------------------------------------------------


def test_a_new_check_records_the_revision_in_which_it_begins() -> None:
    after = done(PutCheck(check=check(CheckId("api"))))
    assert [c.id for c in after.checks] == ["api", "db", "web"]
    assert after.checks[0].changed == 2


def test_a_check_is_replaced_only_if_it_is_as_it_was() -> None:
    edited = check(interval_s=60.0)
    assert done(PutCheck(check=edited, expect=check())).checks[1].interval_s == 60.0
    assert "somebody else" in refused(PutCheck(check=edited, expect=check(retries=1)))
    gone = check(CheckId("gone"))
    assert "somebody else" in refused(PutCheck(check=gone, expect=gone))


def test_the_recorded_revision_of_a_check_does_not_prevent_an_edit() -> None:
    held = document(A, checks=[check(changed=Revision(9))])
    done(PutCheck(check=check(retries=1), expect=check(changed=Revision(3))), held)
    done(RemoveCheck(expect=check(changed=Revision(3))), held)


def test_an_edit_that_changes_nothing_makes_no_new_version_but_must_be_up_to_date() -> None:
    disabled = document(A, checks=[check(enabled=False, changed=Revision(9))])
    same = check(enabled=False)
    assert done(PutCheck(check=same, expect=same), disabled) == disabled
    assert "somebody else" in refused(PutCheck(check=check(), expect=check()), disabled)


def test_two_edits_of_different_checks_merge() -> None:
    first = done(PutCheck(check=check(retries=1), expect=check()))
    database = FULL.checks[0]
    second = done(PutCheck(check=evolve(database, enabled=False), expect=database), first)
    assert (second.checks[0].enabled, second.checks[1].retries) == (False, 1)


def test_a_check_that_exists_is_not_added_again() -> None:
    assert "with the id 'web' exists" in refused(PutCheck(check=check()))
    other = check(CheckId("web2"), name="web")
    assert "named 'web' exists" in refused(PutCheck(check=other))


def test_a_check_attaches_only_channels_that_exist() -> None:
    assert "no alert channel named 'sms'" in refused(
        PutCheck(check=check(CheckId("api"), alerts=("mail", "sms")))
    )
    done(PutCheck(check=check(CheckId("api"), alerts=("mail",))))


def test_a_check_is_removed_only_if_it_is_as_it_was() -> None:
    assert [c.id for c in done(RemoveCheck(expect=check())).checks] == [DB]
    assert "somebody else" in refused(RemoveCheck(expect=check(retries=1)))


# --- channels -------------------------------------------------------------------------------


def test_a_channel_is_added_and_replaced_only_if_it_is_as_it_was() -> None:
    after = done(PutChannel(channel=hook(), expect=None), document(A))
    assert after.channels == (hook(),)
    assert done(PutChannel(channel=hook(enabled=False), expect=hook())).channels[0].enabled is False
    assert "somebody else" in refused(PutChannel(channel=hook()))
    assert "somebody else" in refused(PutChannel(channel=hook(), expect=hook(enabled=False)))


def test_an_unencrypted_discord_url_is_refused_unless_it_is_there_already() -> None:
    """It must be possible to disable an old one."""
    open_one = DiscordChannel(id=ChannelId("d"), name="team", url="http://d.example/secret")
    assert "must begin with https://" in refused(PutChannel(channel=open_one))
    quiet = evolve(open_one, enabled=False)
    held = document(A, channels=[open_one])
    assert done(PutChannel(channel=quiet, expect=open_one), held).channels == (quiet,)


def test_two_channels_never_have_one_name() -> None:
    assert "named 'hook' exists" in refused(
        PutChannel(channel=hook(MAIL, name="hook"), expect=FULL.channels[1])
    )


def test_a_channel_that_checks_name_is_neither_renamed_nor_removed() -> None:
    mail = FULL.channels[1]
    renamed = evolve(mail, name="post")
    assert "cannot be renamed" in refused(PutChannel(channel=renamed, expect=mail))
    assert "attached to check 'db'" in refused(RemoveChannel(expect=mail))
    free = done(PutCheck(check=check(DB), expect=FULL.checks[0]))
    assert done(PutChannel(channel=renamed, expect=mail), free).channels[1].name == "post"
    assert done(RemoveChannel(expect=mail), free).channels == (hook(),)


def test_a_channel_is_removed_only_if_it_is_as_it_was() -> None:
    assert [c.id for c in done(RemoveChannel(expect=hook())).channels] == [MAIL]
    assert "somebody else" in refused(RemoveChannel(expect=hook(enabled=False)))


# --- settings and members -------------------------------------------------------------------


def test_settings_are_replaced_only_if_they_are_as_they_were() -> None:
    slow = Settings(dead_after_s=9.0)
    assert done(PutSettings(settings=slow, expect=Settings())).settings == slow
    assert "somebody else" in refused(PutSettings(settings=slow, expect=slow))


def test_settings_must_name_an_engine_that_there_is() -> None:
    wrong = PutSettings(settings=Settings(engine="highest-bidder"), expect=Settings())
    assert refused(wrong) == (
        "there is no election engine 'highest-bidder'; there is gossip, lowest-id, raft"
    )


def test_a_learner_gets_its_vote_once() -> None:
    after = done(PromoteMember(node=C))
    assert after.voters == {A, B, C}
    assert "no such learner" in refused(PromoteMember(node=C), after)
    assert "no such learner" in refused(PromoteMember(node=D))


def test_a_member_is_removed_but_never_the_last_voter() -> None:
    after = done(RemoveMember(node=B))
    assert [m.id for m in after.members] == [A, C]
    assert "last voting member" in refused(RemoveMember(node=A), after)
    done(RemoveMember(node=C), after)
    assert "no such member" in refused(RemoveMember(node=D))


def test_only_name_and_address_of_a_member_can_be_changed() -> None:
    wanted = evolve(
        member(B), name="bee", address="[::1]:1", voter=False, fingerprint=Fingerprint("forged")
    )
    after = done(PutMember(member=wanted, expect=member(B)))
    assert after.member(B) == evolve(member(B), name="bee", address="[::1]:1")


def test_a_member_is_changed_only_if_it_is_as_it_was_and_the_name_is_free() -> None:
    bee = evolve(member(B), name="bee")
    assert "somebody else" in refused(PutMember(member=bee, expect=bee))
    taken = evolve(member(B), name=member(A).name)
    assert "exists; choose another" in refused(PutMember(member=taken, expect=member(B)))


def test_no_member_takes_the_address_of_another() -> None:
    """A node that dials one of the two would reach the other, and cut the first off."""
    taken = evolve(member(B), address=member(A).address)
    problem = refused(PutMember(member=taken, expect=member(B)))
    assert problem.startswith(f"node '{member(A).name}' has the address {member(A).address}; give")
    newcomer = evolve(member(D), address=member(A).address)
    assert "has the address" in refused(claim(newcomer))
    held = evolve(FULL, members=tuple(taken if m.id == B else m for m in FULL.members))
    renamed = evolve(taken, name="bee")
    assert done(PutMember(member=renamed, expect=taken), held).member(B) == renamed


# --- invitations ----------------------------------------------------------------------------


def test_a_new_token_prunes_the_expired_ones() -> None:
    fresh = token("t0", expires_unix=UnixTime(LATER + 10))
    after = done(AddToken(token=fresh), wall=LATER)
    assert after.tokens == (fresh,)
    assert [t.id for t in done(AddToken(token=fresh)).tokens] == ["t0", "t1", "t2"]


def test_a_token_is_added_once_and_not_for_a_name_in_use() -> None:
    assert "exists" in refused(AddToken(token=token("t1")))
    assert "choose another" in refused(AddToken(token=token("t3", name=member(A).name)))
    done(AddToken(token=token("t3", name="new")))


def test_the_number_of_tokens_is_bounded() -> None:
    many = document(A, tokens=[token(f"t{n:04}") for n in range(TOKENS_MAX)])
    assert "tokens" in refused(AddToken(token=token("x")), many)


def test_a_claimed_token_waits_for_approval_and_then_admits_a_learner() -> None:
    claimed = done(claim())
    assert claimed.tokens[0].claimant == member(D, voter=False)
    assert claimed.member(D) is None
    admitted = done(ApproveToken(token=T1), claimed)
    assert admitted.member(D) == member(D, voter=False)
    assert [t.id for t in admitted.tokens] == [T2]


def test_a_token_that_approves_by_itself_admits_at_once() -> None:
    held = document(A, tokens=[token(auto_approve=True)])
    after = done(claim(), held)
    assert after.member(D) == member(D, voter=False)
    assert after.tokens == ()


def test_the_same_key_may_claim_again_and_a_member_is_in_already() -> None:
    claimed = done(claim())
    assert done(claim(), claimed) == claimed
    admitted = done(ApproveToken(token=T1), claimed)
    assert done(claim(), admitted) == admitted


def test_a_token_belongs_to_the_first_key_that_claimed_it() -> None:
    thief = evolve(member(D), id=C, name="thief", fingerprint=Fingerprint("other"))
    assert "used by another node" in refused(claim(thief, T2))


@pytest.mark.parametrize(
    ("ident", "secret"), [(TokenId("none"), "hash"), (T1, "guess")], ids=["id", "secret"]
)
def test_a_token_is_found_by_id_and_secret_only(ident: TokenId, secret: str) -> None:
    assert "unknown" in refused(claim(ident=ident, secret=secret))


def test_a_joining_node_whose_program_is_too_old_is_refused() -> None:
    reason = refused(claim(level=LEVEL - 1))
    levels = f"level {LEVEL - 1}, the cluster needs {LEVEL}"
    assert reason == f"{member(D).name} runs {levels}; upgrade it"


def test_an_expired_token_is_neither_claimed_nor_approved() -> None:
    at_end = UnixTime(WALL + 3600)
    assert "expired" in refused(claim(), wall=at_end)
    assert "expired" in refused(ApproveToken(token=T2), wall=at_end)


def test_a_token_for_a_name_is_for_that_name_only() -> None:
    held = document(A, tokens=[token(name="dora")])
    assert "for a node named 'dora'" in refused(claim(), held)
    done(claim(evolve(member(D), name="dora")), held)


@pytest.mark.parametrize(
    ("clashing", "reason"),
    [
        (evolve(member(D), id=B), "member already"),
        (evolve(member(D), fingerprint=member(B).fingerprint), "member already"),
        (evolve(member(D), name=member(B).name), "choose another"),
    ],
    ids=["id", "key", "name"],
)
def test_a_joining_node_that_clashes_with_a_member_is_refused(
    clashing: Member, reason: str
) -> None:
    assert reason in refused(claim(clashing))
    waiting = document(A, B, tokens=[token(claimant=clashing)])
    assert reason in refused(ApproveToken(token=T1), waiting)


def test_only_a_claimed_token_can_be_approved() -> None:
    assert "nobody has used" in refused(ApproveToken(token=T1))
    assert "no such token" in refused(ApproveToken(token=TokenId("none")))


def test_a_revoked_token_is_gone() -> None:
    assert [t.id for t in done(RevokeToken(token=T1)).tokens] == [T2]
    assert "no such token" in refused(RevokeToken(token=TokenId("none")))


# --- several at once ------------------------------------------------------------------------


def test_a_batch_is_atomic() -> None:
    good, bad = RemoveCheck(expect=check()), PromoteMember(node=D)
    assert refused(Batch(mutations=(good, bad))) == refused(bad)
    both = done(Batch(mutations=(good, RemoveChannel(expect=hook()))))
    assert ([c.id for c in both.checks], [c.id for c in both.channels]) == ([DB], [MAIL])


def test_a_batch_is_bounded() -> None:
    step = RemoveCheck(expect=check())
    assert "at most" in refused(Batch(mutations=(step,) * (BATCH_MUTATIONS_MAX + 1)))
