"""A document shows a change once it was made, and no longer when another one overwrote it."""

import pytest
from attrs import evolve

from qutrio.core.api.mutations import (
    AddToken,
    ApproveToken,
    Batch,
    Mutation,
    PromoteMember,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    RemoveChannel,
    RemoveCheck,
    RemoveMember,
    RevokeToken,
)
from qutrio.core.api.shown import shows
from qutrio.model.document import Settings
from qutrio.model.ids import ChannelId, CheckId, NodeId
from tests.core.samples import B, C, E, check, hook, member, token
from tests.core.test_mutations import FULL, T1, T2, claim, done

API = check(CheckId("api"))
CHANGES: list[Mutation] = [
    PutCheck(check=API),
    PutCheck(check=evolve(check(), interval_s=90.0), expect=check()),
    RemoveCheck(expect=check()),
    PutChannel(channel=hook(ChannelId("pager"))),
    RemoveChannel(expect=evolve(hook(), id=ChannelId("unused"), name="unused")),
    PutSettings(settings=Settings(dead_after_s=9.0), expect=FULL.settings),
    AddToken(token=token("t3")),
    claim(member(E)),
    ApproveToken(token=T2),
    RevokeToken(token=T1),
    PromoteMember(node=C),
    RemoveMember(node=B),
    PutMember(member=evolve(member(B), name="other"), expect=member(B)),
    Batch(mutations=(PutCheck(check=API), RemoveCheck(expect=check()))),
]
HELD = evolve(
    FULL, channels=(*FULL.channels, evolve(hook(), id=ChannelId("unused"), name="unused"))
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_a_change_shows_once_it_was_made(change: Mutation) -> None:
    assert not shows(HELD, change)
    assert shows(done(change, HELD), change)


def test_a_change_that_another_one_overwrote_does_not_show() -> None:
    first = PutCheck(check=API)
    second = PutCheck(check=evolve(API, interval_s=90.0), expect=API)
    document = done(second, done(first, HELD))
    assert not shows(document, first)
    assert shows(document, second)


def test_a_batch_shows_only_as_a_whole_and_may_hold_another() -> None:
    inner = Batch(mutations=(PutCheck(check=API),))
    both = Batch(mutations=(inner, RemoveCheck(expect=check())))
    assert not shows(done(inner, HELD), both)
    assert shows(done(both, HELD), both)


def test_a_member_that_is_not_there_does_not_show_its_new_name() -> None:
    stranger = member(NodeId("n9"))
    assert not shows(HELD, PutMember(member=stranger, expect=stranger))
