"""What only new values must obey: a document of an earlier version loads, and stays editable."""

import pytest
from attrs import evolve

from qutrio.core.api.mutations import AddToken, PutChannel, PutCheck, PutMember, RemoveCheck
from qutrio.core.api.new_items import ITEM_CHARS_MAX, MEMBER_CHARS_MAX
from qutrio.model.channels import SmtpChannel
from qutrio.model.check_base import IpFamily
from qutrio.model.checks import HttpCheck
from qutrio.model.ids import ChannelId, CheckId, Fingerprint, NodeId
from qutrio.model.rules import ID_CHARS_MAX
from tests.core.samples import DB, A, B, D, check, document, hook, member, token
from tests.core.test_mutations import claim, done, refused


def http(url: str, family: IpFamily) -> HttpCheck:
    return HttpCheck(id=CheckId("page"), name="page", url=url, ip_family=family)


def test_an_address_that_nobody_can_dial_is_refused_when_it_is_new() -> None:
    wrong = check(CheckId("api"), address="tcp://h:80")
    assert "is a URL" in refused(PutCheck(check=wrong))
    moved = check(address="a b:80")
    assert "holds a blank" in refused(PutCheck(check=moved, expect=check()))
    page = http("http://[::1]/", IpFamily.V4)
    assert "4 excludes '::1', an IPv6 address" in refused(PutCheck(check=page))


def test_a_document_that_holds_such_an_address_stays_editable() -> None:
    for old in (check(address="tcp://h:80"), http("http://[::1]/", IpFamily.V4)):
        held = document(A, checks=[old])
        edited = evolve(old, interval_s=60.0)
        assert done(PutCheck(check=edited, expect=old), held).checks[0].interval_s == 60.0
    page = http("http://[::1]/", IpFamily.V4)
    other = http("http://[::2]/", IpFamily.V4)
    assert "excludes" in refused(PutCheck(check=other, expect=page), document(A, checks=[page]))


def test_an_address_of_the_other_family_is_refused() -> None:
    wrong = check(CheckId("api"), address="[::1]:80", ip_family=IpFamily.V4)
    assert "ip_family: 4 excludes '::1'" in refused(PutCheck(check=wrong))
    right = check(CheckId("api"), address="[::1]:80", ip_family=IpFamily.V6)
    assert right in [evolve(c, changed=right.changed) for c in done(PutCheck(check=right)).checks]


def test_names_that_differ_by_case_alone_are_refused_when_they_are_new() -> None:
    assert "'web' exists" in refused(PutCheck(check=check(CheckId("w2"), name="WEB")))
    assert "'hook' exists" in refused(PutChannel(channel=hook(ChannelId("h2"), name="Hook")))
    b = member(B)
    renamed = evolve(b, name="NODE-n1")
    assert "'node-n1' exists" in refused(PutMember(member=renamed, expect=b))
    assert "'node-n1' is a member" in refused(AddToken(token=token("t9", name="Node-N1")))
    assert "is a member" in refused(claim(evolve(member(D), name="NODE-N1")))


def test_names_that_differ_by_case_already_stay_editable() -> None:
    pair = [check(name="web"), check(DB, name="WEB")]
    held = document(A, checks=pair)
    edited = evolve(pair[1], retries=2)
    assert done(PutCheck(check=edited, expect=pair[1]), held).checks[0].retries == 2
    renamed = done(PutCheck(check=evolve(pair[0], name="Site"), expect=pair[0]), held)
    assert {c.name for c in renamed.checks} == {"Site", "WEB"}


def test_the_same_item_may_change_the_case_of_its_name() -> None:
    assert done(PutCheck(check=check(name="Web"), expect=check())).checks[1].name == "Web"


def test_a_member_moves_only_to_an_address_that_can_be_dialled() -> None:
    b = member(B)
    near = evolve(b, address="192.0.2.9:9901")
    assert done(PutMember(member=near, expect=b)).members[1].address == near.address
    moved = evolve(b, address="tcp://h:1")
    assert "is a URL" in refused(PutMember(member=moved, expect=b))
    assert "is a URL" in refused(claim(evolve(member(D), address="tcp://h:1")))


def test_a_mail_server_that_nobody_can_dial_is_refused_when_it_is_new() -> None:
    old = SmtpChannel(
        id=ChannelId("m"), name="m", host="smtp://h:25", sender="a@b", recipients=("c@d",)
    )
    assert "is a URL" in refused(PutChannel(channel=old))
    held = document(A, channels=[old])
    assert done(PutChannel(channel=evolve(old, port=25), expect=old), held).channels[0] != old


def test_a_member_whose_address_nobody_can_dial_can_be_renamed() -> None:
    old = evolve(member(B), address="tcp://h:1")
    held = evolve(document(A), members=(member(A), old))
    renamed = evolve(old, name="bravo")
    assert done(PutMember(member=renamed, expect=old), held).members[1].name == "bravo"


@pytest.mark.parametrize("ident", ["", "L" * (ID_CHARS_MAX + 1), "a b", "a\n", "\u00e9", "\0"])
def test_an_id_that_cannot_travel_is_refused_when_it_is_new(ident: str) -> None:
    assert "is not an id" in refused(PutCheck(check=check(CheckId(ident), name="new")))
    assert "is not an id" in refused(PutChannel(channel=hook(ChannelId(ident), name="new")))
    assert "is not an id" in refused(AddToken(token=token(ident)))
    odd = evolve(member(D), id=NodeId(ident))
    assert "is not an id" in refused(AddToken(token=token("t9", claimant=odd)))
    assert "is not an id" in refused(claim(odd))


def test_the_longest_id_is_taken() -> None:
    longest = CheckId("L" * ID_CHARS_MAX)
    assert longest in [c.id for c in done(PutCheck(check=check(longest, name="new"))).checks]


def test_a_check_with_a_long_id_that_is_stored_can_be_edited_and_removed() -> None:
    old = check(CheckId("L" * 1_200_000), name="web")
    held = document(A, checks=[old])
    edited = evolve(old, enabled=False)
    assert not done(PutCheck(check=edited, expect=old), held).checks[0].enabled
    assert done(RemoveCheck(expect=old), held).checks == ()


def test_an_item_with_too_much_text_is_refused_unless_it_gets_shorter() -> None:
    def grown(chars: int) -> tuple[tuple[str, str], ...]:
        return (("x", "1" * chars),)

    large = check(CheckId("api"), extra=grown(ITEM_CHARS_MAX))
    assert "characters long; at most 131072" in refused(PutCheck(check=large))
    channel = hook(ChannelId("h2"), extra=grown(ITEM_CHARS_MAX))
    assert "characters long" in refused(PutChannel(channel=channel))
    old = check(extra=grown(2 * ITEM_CHARS_MAX))
    held = document(A, checks=[old])
    shorter = evolve(old, extra=grown(2 * ITEM_CHARS_MAX - 1))
    assert done(PutCheck(check=shorter, expect=old), held).checks[0].extra == shorter.extra
    longer = evolve(old, extra=grown(2 * ITEM_CHARS_MAX + 1))
    assert "characters long" in refused(PutCheck(check=longer, expect=old), held)


def test_an_invitation_or_a_member_with_too_much_text_is_refused() -> None:
    long = "x" * MEMBER_CHARS_MAX
    assert "characters long" in refused(AddToken(token=token("t9", secret_hash=long)))
    odd = evolve(member(D), fingerprint=Fingerprint(long))
    assert "characters long" in refused(AddToken(token=token("t9", claimant=odd)))
    assert "characters long" in refused(claim(odd))
