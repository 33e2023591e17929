"""What only new values must obey: a document of an earlier version loads, and stays editable."""

from typing import Any

import pytest
from attrs import evolve

from qutrio.core.mutations import AddToken, PutChannel, PutCheck, PutMember
from qutrio.model.channels import SmtpChannel
from qutrio.model.check_base import IpFamily
from qutrio.model.checks import Check, HttpCheck
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.ids import ChannelId, CheckId, Revision
from qutrio.model.tls_check import TlsCheck
from tests.core.samples import DB, A, B, D, check, document, hook, member, token
from tests.core.test_mutations import claim, done, refused

PAGE = CheckId("page")


def http(url: str, family: IpFamily) -> HttpCheck:
    return HttpCheck(id=PAGE, name="page", url=url, ip_family=family)


def page(**fields: Any) -> HttpCheck:
    return HttpCheck(id=PAGE, name="page", **{"url": "https://example.org/", **fields})


def targets(host: str, literal: str) -> list[Check]:
    """Checks of each kind that dials; `literal` is the host as it stands before a port."""
    return [
        page(url=f"http://{literal}/"),
        check(PAGE, address=f"{literal}:80"),
        TlsCheck(id=PAGE, name="page", address=f"{literal}:443"),
        IcmpCheck(id=PAGE, name="page", host=host),
    ]


def test_an_address_that_nobody_can_dial_is_refused_when_it_is_new() -> None:
    wrong = check(CheckId("api"), address="tcp://h:80")
    assert "is a URL" in refused(PutCheck(check=wrong))
    moved = check(address="a b:80")
    assert "holds a blank" in refused(PutCheck(check=moved, expect=check()))
    literal = http("http://[::1]/", IpFamily.V4)
    assert "4 excludes '::1', an IPv6 address" in refused(PutCheck(check=literal))


def test_a_document_that_holds_such_an_address_stays_editable() -> None:
    for old in (check(address="tcp://h:80"), http("http://[::1]/", IpFamily.V4)):
        held = document(A, checks=[old])
        edited = evolve(old, interval_s=60.0)
        assert done(PutCheck(check=edited, expect=old), held).checks[0].interval_s == 60.0
    literal = http("http://[::1]/", IpFamily.V4)
    other = http("http://[::2]/", IpFamily.V4)
    assert "excludes" in refused(
        PutCheck(check=other, expect=literal), document(A, checks=[literal])
    )


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


@pytest.mark.parametrize(
    ("host", "literal", "words"),
    [
        ("0.0.0.0", "0.0.0.0", "is where a server listens; give the address that others dial"),
        ("::", "[::]", "is where a server listens"),
        ("::ffff:0.0.0.0", "[::ffff:0.0.0.0]", "is where a server listens"),
        ("224.0.0.1", "224.0.0.1", "stands for many hosts at once; give the address of one"),
        ("ff02::1", "[ff02::1]", "stands for many hosts at once"),
        ("255.255.255.255", "255.255.255.255", "stands for many hosts at once"),
    ],
)
def test_an_address_that_no_single_host_has_is_refused_as_a_target_of_every_kind(
    host: str, literal: str, words: str
) -> None:
    for wrong in targets(host, literal):
        assert f"'{host}' {words}" in refused(PutCheck(check=wrong))
        held = document(A, checks=[wrong])
        slower = evolve(wrong, interval_s=60.0)
        assert done(PutCheck(check=slower, expect=wrong), held).checks[0].interval_s == 60.0
    mail = SmtpChannel(id=ChannelId("m"), name="m", host=host, sender="a@b", recipients=("c@d",))
    assert f"host: '{host}' {words}" in refused(PutChannel(channel=mail))


@pytest.mark.parametrize("address", ["0.0.0.0:9901", "[::]:9901", "[0:0::0]:9901"])
def test_a_member_is_not_told_to_be_where_a_node_listens(address: str) -> None:
    b, words = member(B), f"'{address}' is where a node listens; give the address that others dial"
    assert words in refused(PutMember(member=evolve(b, address=address), expect=b))
    assert words in refused(claim(evolve(member(D), address=address)))
    old = evolve(b, address=address)
    held = evolve(document(A), members=(member(A), old))
    assert done(PutMember(member=evolve(old, name="bravo"), expect=old), held).members[1] != old


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://[fe80::1%25]/", "'fe80::1%' is not an IPv6 address"),
        ("http://1.2.3/", "'1.2.3' is not an IPv4 address"),
        ("http://a..b/", "'a..b' is no name of a host"),
        ("http://example.org:080/", "the port 080 begins with a zero; write 80"),
    ],
)
def test_a_host_and_a_port_are_read_in_a_url_as_in_an_address(url: str, words: str) -> None:
    assert f"url: {words}" in refused(PutCheck(check=page(url=url)))
    address = url.removeprefix("http://").removesuffix("/").replace("%25", "%")
    other = check(PAGE, address=address if address[-3:] == "080" else f"{address}:80")
    assert f"address: {words}" in refused(PutCheck(check=other))
    old = page(url=url)
    again = evolve(old, ip_family=IpFamily.V6)
    assert done(PutCheck(check=again, expect=old), document(A, checks=[old])).checks[0] != old


@pytest.mark.parametrize("url", ["http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]:8080/"])
def test_a_zone_that_is_there_is_taken_in_both_forms(url: str) -> None:
    assert done(PutCheck(check=page(url=url))).checks


@pytest.mark.parametrize(
    "field",
    [
        "body_contains",
        "body_not_contains",
        "body_regex",
        "basic_user",
        "basic_password",
        "bearer_token",
    ],
)
def test_an_empty_secret_or_condition_of_a_check_is_refused(field: str) -> None:
    wrong = page(**{field: ""})
    assert f"{field}: is empty; give a value, or none at all" in refused(PutCheck(check=wrong))
    assert f"--unset {field}" in refused(PutCheck(check=wrong))
    held = document(A, checks=[wrong])
    edited = evolve(wrong, retries=3)
    assert done(PutCheck(check=edited, expect=wrong), held).checks[0].retries == 3


def test_a_user_and_a_password_of_a_check_are_given_together() -> None:
    words = "give both (--basic-user, --basic-password) or neither"
    alone = page(basic_user="ann")
    assert f"basic_password: is missing, although there is a user; {words}" in refused(
        PutCheck(check=alone)
    )
    assert f"basic_user: is missing, although there is a password; {words}" in refused(
        PutCheck(check=page(basic_password="hush"))
    )
    both = page(basic_user="ann", basic_password="hush:x")
    assert evolve(both, changed=Revision(2)) in done(PutCheck(check=both)).checks
    held, slower = document(A, checks=[alone]), evolve(alone, retries=1)
    assert done(PutCheck(check=slower, expect=alone), held).checks[0] != alone


def test_a_user_of_a_check_holds_no_colon() -> None:
    wrong = page(basic_user="ann:x", basic_password="hush")
    assert "basic_user: holds a colon" in refused(PutCheck(check=wrong))


def test_a_header_is_given_once_in_whatever_case() -> None:
    wrong = page(headers=(("X-A", "1"), ("B", "2"), ("x-a", "3")))
    words = "headers: number 3 has the name of number 1; a header is given once"
    assert words in refused(PutCheck(check=wrong))
    held, slower = document(A, checks=[wrong]), evolve(wrong, retries=1)
    assert done(PutCheck(check=slower, expect=wrong), held).checks[0] != wrong
