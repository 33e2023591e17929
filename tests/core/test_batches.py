"""Batches: quick, and with the same outcome as one change after the other."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from random import Random

import pytest
from attrs import evolve

from qutrio.core.api.mutations import (
    BATCH_MUTATIONS_MAX,
    AddToken,
    Batch,
    Mutation,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    Refusal,
    RemoveChannel,
    RemoveCheck,
    RemoveMember,
    RevokeToken,
    weight,
)
from qutrio.core.api.new_items import ITEM_CHARS_MAX
from qutrio.core.consensus.applying import apply
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel
from qutrio.model.checks import Check
from qutrio.model.document import CHANNELS_MAX, CHECKS_MAX, ClusterDocument
from qutrio.model.ids import ChannelId, CheckId, Revision, TokenId
from tests.core.item_by_item import item_by_item
from tests.core.samples import WALL, A, B, C, check, document, hook, member, token


def discord(ident: str, url: str) -> DiscordChannel:
    return DiscordChannel(id=ChannelId(ident), name=ident, url=url)


def mail(ident: str, host: str) -> SmtpChannel:
    return SmtpChannel(
        id=ChannelId(ident), name=ident, host=host, sender="a@b", recipients=("c@d",)
    )


CHECKS: list[Check] = [
    check(CheckId("web"), name="web", changed=Revision(9)),
    check(CheckId("web"), name="web", retries=1),
    check(CheckId("web"), name="site", alerts=("hook",)),
    check(CheckId("db"), name="WEB"),
    check(CheckId("db"), name="db", alerts=("mail", "hook")),
    check(CheckId("db"), name="db", address="tcp://h:80"),
    check(CheckId("no id"), name="odd"),
    check(CheckId("big"), name="big", extra=(("x", "1" * ITEM_CHARS_MAX),)),
]
CHANNELS: list[Channel] = [
    hook(),
    hook(name="mail"),
    hook(ChannelId("mail"), name="mail"),
    hook(ChannelId("mail"), name="HOOK"),
    discord("dis", "http://example.org/x"),
    discord("dis2", "http://example.org/x"),
    mail("smtp", "mail.example.org"),
    mail("smtp", "a b"),
]
OTHERS: list[Mutation] = [
    RemoveMember(node=B),
    PutMember(member=evolve(member(C), name="node-n1"), expect=member(C)),
    PutSettings(
        settings=evolve(document(A).settings, heartbeat_s=0.5), expect=document(A).settings
    ),
    AddToken(token=token("t1")),
    RevokeToken(token=TokenId("t1")),
]
HELD = [
    document(A, B, C),
    document(A, B, C, checks=CHECKS[:1], channels=CHANNELS[:1]),
    document(A, B, C, checks=[CHECKS[4], CHECKS[2]], channels=[CHANNELS[0], CHANNELS[2]]),
    document(A, checks=[CHECKS[3], CHECKS[0]], channels=[CHANNELS[4]], tokens=[token("t1")]),
    document(A, checks=[CHECKS[5], CHECKS[6]], channels=[CHANNELS[3], CHANNELS[0], CHANNELS[7]]),
]


def changes() -> list[Mutation]:
    """Every change of one of the items, from each other one with its id and from nothing."""
    found: list[Mutation] = list(OTHERS)
    found += [PutCheck(check=c) for c in CHECKS] + [RemoveCheck(expect=c) for c in CHECKS]
    found += [PutChannel(channel=c) for c in CHANNELS]
    found += [RemoveChannel(expect=c) for c in CHANNELS]
    found += [PutCheck(check=c, expect=w) for c, w in product(CHECKS, CHECKS) if c.id == w.id]
    for channel, was in product(CHANNELS, CHANNELS):
        if channel.id == was.id:
            found.append(PutChannel(channel=channel, expect=was))
    return found


ALL = changes()


def alike(batch: Sequence[Mutation], held: ClusterDocument) -> ClusterDocument | Refusal:
    """Apply a batch both ways; what was not touched must be the same object in both."""
    quick = apply(Batch(mutations=tuple(batch)), held, WALL)
    slow = item_by_item(Batch(mutations=tuple(batch)), held, WALL)
    assert quick == slow, batch
    if isinstance(quick, ClusterDocument) and isinstance(slow, ClusterDocument):
        assert (quick.checks is held.checks) == (slow.checks is held.checks), batch
        assert (quick.channels is held.channels) == (slow.channels is held.channels), batch
        before = {id(c) for c in held.checks}
        assert [id(c) in before for c in quick.checks] == [id(c) in before for c in slow.checks]
    return quick


@pytest.mark.parametrize("held", HELD)
def test_two_changes_have_the_same_outcome_as_one_after_the_other(held: ClusterDocument) -> None:
    for pair in product(ALL, ALL):
        alike(pair, held)


def test_longer_batches_have_the_same_outcome_too() -> None:
    dice, lengths = Random(7), Counter[int]()
    for _ in range(3000):
        held, steps = dice.choice(HELD), list[Mutation]()
        for _ in range(8):  # as long as it is accepted, so that later changes are reached
            more = [*steps, dice.choice(ALL)]
            if isinstance(item_by_item(Batch(mutations=tuple(more)), held, WALL), ClusterDocument):
                steps = more
        lengths[len(steps)] += 1
        alike(steps, held)
        alike([*steps[:2], Batch(mutations=tuple(steps[2:])), dice.choice(ALL)], held)
    assert max(lengths) > 5


def test_a_batch_that_holds_one_item_too_many_is_refused_at_that_one() -> None:
    channels = [hook(ChannelId(f"h{n:03}"), name=f"h{n:03}") for n in range(CHANNELS_MAX)]
    held = document(A, channels=channels)
    one_more = PutChannel(channel=hook(ChannelId("one"), name="one"))
    gone = RemoveChannel(expect=channels[0])
    told = alike([one_more, gone], held)
    assert isinstance(told, Refusal)
    assert "257 of them; at most 256" in told.reason
    assert isinstance(alike([gone, one_more], held), ClusterDocument)


def test_a_batch_of_ten_thousand_checks_is_applied_in_one_go() -> None:
    """A hand edit; item by item it takes a minute."""
    puts = [PutCheck(check=check(CheckId(f"c{n:05}"))) for n in range(10_000)]
    after = apply(Batch(mutations=tuple(puts)), document(A), WALL)
    assert isinstance(after, ClusterDocument)
    assert len(after.checks) == 10_000
    assert len(puts) < CHECKS_MAX < BATCH_MUTATIONS_MAX


def test_a_batch_in_a_batch_counts_with_all_that_is_in_it() -> None:
    step = RemoveCheck(expect=check())
    assert weight(step) == 1
    assert weight(Batch(mutations=(step, Batch(mutations=(step, step))))) == 5
    many = Batch(mutations=(step,) * BATCH_MUTATIONS_MAX)
    outcome = apply(Batch(mutations=(many,)), document(A), WALL)
    assert isinstance(outcome, Refusal)
    assert "25001 changes at once; at most 25000" in outcome.reason
