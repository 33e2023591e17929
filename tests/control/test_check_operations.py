"""Operations on checks, asked at the desk without a socket."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.control.protocol import Code
from qutrio.core.api.messages import Ruling
from qutrio.model.checks import HttpCheck, StatusRange, TcpCheck
from qutrio.model.levels import LEVEL
from qutrio.model.results import Outcome
from tests.control.requests import HTTP, ask, refused, with_check
from tests.control.scripted_node import ME, PEER, new_scripted_node


async def test_added_check_is_committed_with_an_id_of_its_own() -> None:
    """Defaults are the model's; the id begins with a letter."""
    scripted = await with_check()
    (check,) = scripted.document.checks
    assert isinstance(check, HttpCheck)
    assert check.interval_s == 20.0
    assert check.expect_status == (StatusRange(200, 299),)
    assert check.id[0].isalpha()
    assert len(check.id) == 12


async def test_an_internationalized_url_is_stored_in_ascii_and_shown_in_both_forms() -> None:
    """Also by an edit, and the same URL again is no change."""
    scripted = await with_check(url="http://MÜNCHEN.example/straße")
    (check,) = scripted.document.checks
    assert isinstance(check, HttpCheck)
    assert check.url == "http://xn--mnchen-3ya.example/stra%C3%9Fe"
    shown = "http://xn--mnchen-3ya.example/stra%C3%9Fe (http://münchen.example/straße)"
    assert check.target == shown
    answer = await ask(scripted, "check.show", name="web")
    assert (answer["check"]["url"], answer["status"]["target"]) == (check.url, shown)
    await ask(scripted, "check.edit", name="web", set={"url": "http://☃.example/"})
    (check,) = scripted.document.checks
    assert isinstance(check, HttpCheck)
    assert check.url == "http://xn--n3h.example/"


@pytest.mark.parametrize(
    ("kind", "field", "given_as", "stored"),
    [
        ("tcp", "address", "bücher.example:80", "xn--bcher-kva.example:80"),
        ("tls", "address", "bücher.example:443", "xn--bcher-kva.example:443"),
        ("icmp", "host", "bücher.example", "xn--bcher-kva.example"),
        ("dns", "host", "bücher.example", "xn--bcher-kva.example"),
    ],
)
async def test_an_internationalized_host_is_stored_in_ascii_and_shown_in_both_forms(
    kind: str, field: str, given_as: str, stored: str
) -> None:
    scripted = new_scripted_node()
    scripted.publish(evolve(scripted.document, level=LEVEL))
    await ask(scripted, "check.add", check={"kind": kind, "name": "books", field: given_as})
    answer = await ask(scripted, "check.show", name="books")
    assert answer["check"][field] == stored
    assert answer["status"]["target"].startswith(f"{stored} ({given_as})")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "ftp://x"}, ["web", "url", "ftp://x"]),
        ({"url": "http://ä b.example/"}, ["web", "url", "ä b"]),
        ({"interval": "soon"}, ["web", "interval", "soon", "30s"]),
        ({"intervall": "3s"}, ["web", "intervall", "interval"]),
        ({"name": "no spaces"}, ["name", "no spaces"]),
        ({"retries": 99}, ["web", "retries", "99"]),
        ({"kind": "gopher"}, ["web", "kind", "gopher"]),
    ],
)
async def test_bad_field_is_refused_with_its_name(
    changes: dict[str, object], words: list[str]
) -> None:
    """Bad input is told in one sentence that names check, field and value."""
    failure = await refused(new_scripted_node(), "check.add", check={**HTTP, **changes})
    assert failure.code is Code.INVALID
    assert [w for w in words if w not in str(failure)] == []
    assert "\n" not in str(failure)


async def test_second_check_of_the_same_name_is_refused_by_the_cluster() -> None:
    """What the mutation refuses is REFUSED, with its reason."""
    scripted = await with_check()
    failure = await refused(scripted, "check.add", check=HTTP)
    assert failure.code is Code.REFUSED
    assert "exists" in str(failure)


async def test_edit_keeps_what_it_does_not_name() -> None:
    """Only the given field changes, and secrets survive."""
    scripted = await with_check(bearer_token="s3cret", body_contains="fine")
    await ask(scripted, "check.edit", name="web", set={"interval": "5s"}, unset=["body_contains"])
    (check,) = scripted.document.checks
    assert isinstance(check, HttpCheck)
    assert (check.interval_s, check.bearer_token, check.body_contains) == (5.0, "s3cret", None)
    assert check.url == "https://example.org/"


async def test_edit_keeps_the_fields_of_a_newer_version() -> None:
    """An unknown field of the document is carried over by an edit, which is read strictly."""
    scripted = await with_check()
    newer = evolve(scripted.document.checks[0], extra=(("colour", '"red"'),))
    scripted.publish(evolve(scripted.document, checks=(newer,)))
    await ask(scripted, "check.edit", name="web", set={"retries": 1})
    assert scripted.document.checks[0].extra == (("colour", '"red"'),)
    assert scripted.document.checks[0].retries == 1


@pytest.mark.parametrize("field", ["id", "kind", "changed"])
async def test_identity_of_a_check_cannot_be_edited(field: str) -> None:
    """Some fields are not a person's to change."""
    scripted = await with_check()
    failure = await refused(scripted, "check.edit", name="web", set={field: "x"})
    assert failure.code is Code.INVALID
    assert field in str(failure)


async def test_unset_of_what_is_no_field_names_the_known_ones() -> None:
    """It must not pass for a change, and neither must a field of another kind of check."""
    scripted = await with_check()
    failure = await refused(scripted, "check.edit", name="web", set={}, unset=["bogus"])
    assert failure.code is Code.INVALID
    assert [w for w in ("bogus", "interval", "body_contains") if w not in str(failure)] == []
    assert "changed" not in str(failure)
    assert (
        await refused(scripted, "check.edit", name="web", set={}, unset=["address"])
    ).code is Code.INVALID


async def test_field_both_set_and_unset_is_refused() -> None:
    """Nobody can tell which was meant."""
    scripted = await with_check()
    failure = await refused(
        scripted, "check.edit", name="web", set={"interval": "5s"}, unset=["interval"]
    )
    assert failure.code is Code.INVALID
    assert "both set and unset" in str(failure)


async def test_edit_without_changes_says_so() -> None:
    """An edit that names nothing is a mistake."""
    failure = await refused(await with_check(), "check.edit", name="web", set={})
    assert failure.code is Code.INVALID
    assert "nothing to change" in str(failure)


async def test_unknown_name_is_answered_with_the_nearest() -> None:
    """A typing error is met with a suggestion."""
    failure = await refused(await with_check(), "check.show", name="wbe")
    assert failure.code is Code.NOT_FOUND
    assert "did you mean 'web'" in str(failure)


async def test_unknown_name_without_a_near_one_points_to_the_list() -> None:
    """Nothing similar: the command that lists them is named."""
    failure = await refused(new_scripted_node(), "check.remove", name="web")
    assert failure.code is Code.NOT_FOUND
    assert "qutrio check list" in str(failure)


async def test_disabled_check_is_kept_and_can_be_enabled_again() -> None:
    """Enabling twice is no error and no new revision."""
    scripted = await with_check()
    enabled = []
    for op in ("check.disable", "check.enable", "check.enable"):
        answer = await ask(scripted, op, name="web")
        enabled.append((scripted.document.checks[0].enabled, answer["revision"]))
    assert enabled == [(False, 3), (True, 4), (True, 4)]


async def test_change_that_this_node_takes_for_none_is_still_ruled_on_by_the_master() -> None:
    """A node that is behind sees the check enabled; the cluster may have disabled it since."""
    scripted = await with_check()
    scripted.ruling = (Ruling.REFUSED, "changed by somebody else")
    failure = await refused(scripted, "check.enable", name="web")
    assert (failure.code, str(failure)) == (Code.REFUSED, "changed by somebody else")


async def test_check_can_be_named_by_its_id() -> None:
    """An id does where a name does."""
    scripted = await with_check()
    await ask(scripted, "check.remove", name=scripted.document.checks[0].id)
    assert scripted.document.checks == ()


async def test_shown_check_masks_its_secrets() -> None:
    """No read gives a secret away."""
    scripted = await with_check(bearer_token="s3cret")
    shown = await ask(scripted, "check.show", name="web")
    listed = await ask(scripted, "check.list")
    document = await ask(scripted, "document")
    assert shown["check"]["bearer_token"] == "********"
    assert shown["status"]["name"] == "web"
    assert "s3cret" not in repr((shown, listed, document))


async def test_check_test_waits_for_every_live_node(autojump_clock: MockClock) -> None:
    """The answer is made of votes that are newer than the question."""
    scripted = await with_check()
    scripted.votes = {ME: Outcome.OK, PEER: Outcome.FAIL}
    started = trio.current_time()
    answer = await ask(scripted, "check.test", name="web")
    assert scripted.probed == [scripted.document.checks[0].id]
    assert answer["state"] == "up"
    assert answer["votes"] == {"ok": 1, "fail": 1, "abstain": 0}
    assert [e["node"] for e in answer["evidence"]] == [ME, PEER]
    assert answer["silent"] == []
    assert trio.current_time() - started < 1.0


async def test_check_test_names_the_silent_when_time_is_up(autojump_clock: MockClock) -> None:
    """A node that does not vote is waited for as long as the check may take, then named."""
    scripted = await with_check(timeout="3s")
    scripted.votes = {ME: Outcome.FAIL}
    started = trio.current_time()
    answer = await ask(scripted, "check.test", name="web")
    assert answer["silent"] == ["b"]
    assert 3.0 < trio.current_time() - started < 6.0


async def test_one_failing_vote_of_two_voters_is_no_outage(autojump_clock: MockClock) -> None:
    """It takes a majority to say that a target fails, in a test as well."""
    scripted = await with_check(timeout="1s")
    scripted.votes = {ME: Outcome.FAIL}
    answer = await ask(scripted, "check.test", name="web")
    assert (answer["state"], answer["votes"]["fail"]) == ("unknown", 1)
    scripted.votes = {ME: Outcome.FAIL, PEER: Outcome.FAIL}
    assert (await ask(scripted, "check.test", name="web"))["state"] == "down"


async def test_who_is_silent_is_asked_again(autojump_clock: MockClock) -> None:
    """A member may be told of the check after it is asked to probe it."""
    scripted = await with_check(timeout="10s")
    scripted.votes = {ME: Outcome.OK}
    scripted.late = {PEER: Outcome.OK}
    answer = await ask(scripted, "check.test", name="web")
    assert answer["silent"] == []
    assert scripted.probed_by == [None, frozenset({PEER})]


async def test_check_test_ignores_votes_from_before(autojump_clock: MockClock) -> None:
    """Old evidence is no answer to a new question."""
    scripted = await with_check(timeout="1s")
    scripted.votes = {ME: Outcome.OK, PEER: Outcome.OK}
    await ask(scripted, "check.test", name="web")
    await trio.sleep(60)
    scripted.votes = {}
    answer = await ask(scripted, "check.test", name="web")
    assert answer["state"] == "unknown"
    assert answer["silent"] == ["a", "b"]


async def test_disabled_check_is_not_tested() -> None:
    """The sentence says how to enable it."""
    failure = await refused(await with_check(enabled=False), "check.test", name="web")
    assert failure.code is Code.REFUSED
    assert "qutrio check enable web" in str(failure)


async def test_tcp_check_can_be_added() -> None:
    """The other kind goes the same way."""
    scripted = new_scripted_node()
    check = {"kind": "tcp", "name": "db", "address": "db.example.org:5432"}
    await ask(scripted, "check.add", check=check)
    assert isinstance(scripted.document.checks[0], TcpCheck)
