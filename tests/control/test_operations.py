"""Operations on everything but checks, asked at the desk without a socket."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.control.operations import OPERATIONS, perform
from qutrio.control.protocol import READS, Code, ControlFailure
from qutrio.control.request import Request
from qutrio.core.api.messages import Ruling
from qutrio.model.channels import SmtpChannel
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, UnixTime
from qutrio.model.parts import RefusedRecipient
from tests.control.requests import HTTP, ask, refused, with_check
from tests.control.scripted_node import ME, WALL, member, new_scripted_node

MAIL = {
    "kind": "smtp",
    "name": "ops",
    "host": "mail.example.org",
    "sender": "qutrio@example.org",
    "recipients": ["oncall@example.org"],
    "username": "u",
    "password": "hunter2",
}


async def test_status_tells_who_leads_and_what_is_watched() -> None:
    """The fields that scripts and the demo rely on are there."""
    scripted = await with_check()
    answer = await ask(scripted, "status")
    assert answer["master"] == {"id": ME, "name": "a"}
    assert answer["quorum"] == {"holds": True, "have": 2, "need": 2}
    assert answer["revision"] == 2
    assert len(answer["digest"]) == 64
    assert answer["outbox"] == 0
    assert [m["name"] for m in answer["members"]] == ["a", "b"]
    (check,) = answer["checks"]
    assert check["name"] == "web"
    assert check["state"] == "up"
    assert check["since"] == WALL - 125
    assert check["votes"] == {"ok": 1, "fail": 0, "abstain": 0}
    assert check["incident"] is None


async def test_status_of_a_leaderless_node_names_no_master() -> None:
    """`master` is null and `stale` true when nobody leads."""
    scripted = new_scripted_node()
    scripted.master = None
    answer = await ask(scripted, "status")
    assert answer["master"] is None
    assert answer["stale"] is True
    assert "no quorum" in answer["reason"]


async def test_alert_channel_lives_from_add_to_remove() -> None:
    """Added, edited without losing its password, listed without showing it, removed."""
    scripted = new_scripted_node()
    await ask(scripted, "alert.add", channel=MAIL)
    await ask(scripted, "alert.edit", name="ops", set={"port": 2525})
    (channel,) = scripted.document.channels
    assert isinstance(channel, SmtpChannel)
    assert (channel.port, channel.password) == (2525, "hunter2")
    listed = await ask(scripted, "alert.list")
    assert "hunter2" not in repr(listed)
    assert listed["channels"][0]["target"] == "oncall@example.org"
    await ask(scripted, "alert.remove", name="ops")
    assert scripted.document.channels == ()


async def test_alert_list_tells_how_it_goes_with_each_channel() -> None:
    scripted = new_scripted_node()
    await ask(scripted, "alert.add", channel=MAIL)
    [channel] = scripted.document.channels
    scripted.refusals = (
        RefusedRecipient(channel=channel.id, recipient="x@y", said="550 no", at_unix=UnixTime(1)),
    )
    listed = await ask(scripted, "alert.list")
    [row] = listed["channels"]
    assert (row["waiting"], row["trying"], row["next_try_s"]) == (2, False, 12.346)
    assert (row["last_error"], row["asked_to_wait_until_unix"]) == ("", None)
    assert row["refused"] == [{"recipient": "x@y", "said": "550 no", "at_unix": 1}]
    assert listed["master"] is not None


@pytest.mark.parametrize(
    "change", [{"recipients": ["a@x;b@x"]}, {"sender": "a;b@example.org"}], ids=["to", "from"]
)
async def test_a_mail_address_is_looked_at_when_it_is_added_and_when_it_is_edited(
    change: dict[str, object],
) -> None:
    scripted = new_scripted_node()
    failure = await refused(scripted, "alert.add", channel=MAIL | change)
    assert failure.code is Code.INVALID
    assert "is not a mail address" in str(failure)
    await ask(scripted, "alert.add", channel=MAIL)
    failure = await refused(scripted, "alert.edit", name="ops", set=change)
    assert "is not a mail address" in str(failure)


async def test_a_sender_with_a_name_waits_until_every_member_can_read_it() -> None:
    """Else an older member could not read the document any more."""
    scripted, named = new_scripted_node(), MAIL | {"sender": "Night shift <qutrio@example.org>"}
    scripted.view.publish(evolve(scripted.view.value, document=evolve(scripted.document, level=1)))
    assert "needs level 2" in str(await refused(scripted, "alert.add", channel=named))
    scripted.view.publish(evolve(scripted.view.value, document=evolve(scripted.document, level=2)))
    await ask(scripted, "alert.add", channel=named)
    [channel] = scripted.document.channels
    assert isinstance(channel, SmtpChannel)
    assert channel.sender == "Night shift <qutrio@example.org>"


async def test_unset_of_what_is_no_field_of_the_channel_is_refused() -> None:
    """With the fields that it has."""
    scripted = new_scripted_node()
    await ask(scripted, "alert.add", channel=MAIL)
    failure = await refused(scripted, "alert.edit", name="ops", set={}, unset=["bogus"])
    assert failure.code is Code.INVALID
    assert [w for w in ("bogus", "username") if w not in str(failure)] == []


async def test_check_must_name_channels_that_exist() -> None:
    """A check cannot tell a channel that is not there."""
    scripted = new_scripted_node()
    failure = await refused(scripted, "check.add", check={**HTTP, "alerts": ["nobody"]})
    assert failure.code is Code.NOT_FOUND
    assert "nobody" in str(failure)
    await ask(scripted, "check.add", check=HTTP)
    failure = await refused(
        scripted, "check.edit", name="web", set={"alerts": ["nobody"]}, unset=[]
    )
    assert failure.code is Code.NOT_FOUND


async def test_settings_must_name_an_engine_that_exists() -> None:
    """What this node cannot apply itself is bad input, told with what there is."""
    scripted = new_scripted_node()
    failure = await refused(scripted, "settings.set", set={"engine": "nosuch"})
    assert failure.code is Code.INVALID
    assert [w for w in ("nosuch", "lowest-id") if w not in str(failure)] == []
    assert scripted.document.revision == 1


async def test_alert_test_tells_how_the_attempt_ended() -> None:
    """A failed delivery is an answer, not an error."""
    scripted = new_scripted_node()
    await ask(scripted, "alert.add", channel=MAIL)
    scripted.delivered = lambda _: (False, "535 authentication failed")
    answer = await ask(scripted, "alert.test", name="ops")
    assert answer["delivered"] is False
    assert answer["detail"] == "535 authentication failed"


async def test_token_is_shown_once_and_stored_without_its_secret() -> None:
    """Only the answer to `create` has the text."""
    scripted = new_scripted_node()
    made = await ask(scripted, "enroll.create", name="c", ttl="10m", auto_approve=True)
    assert made["token"] == "qt1_secret"
    assert made["expires_unix"] == WALL + 600
    assert made["auto_approve"] is True
    listed = await ask(scripted, "enroll.list")
    assert "qt1_secret" not in repr(listed)
    assert listed["tokens"][0]["claimant"] is None


@pytest.mark.parametrize("ttl", ["1s", "365d", "soon", -5, [1]])
async def test_token_lifetime_has_bounds(ttl: object) -> None:
    """Neither a token nobody can use in time nor one that outlives its purpose."""
    failure = await refused(new_scripted_node(), "enroll.create", ttl=ttl)
    assert failure.code is Code.INVALID
    assert "ttl" in str(failure)


async def test_waiting_node_can_be_approved_by_its_name() -> None:
    """The claimant's name finds the token."""
    scripted = new_scripted_node()
    await ask(scripted, "enroll.create")
    claimant = evolve(member(NodeId("n333333333333"), "new"), address="127.0.0.1:9903")
    tokens = tuple(evolve(t, claimant=claimant) for t in scripted.document.tokens)
    scripted.publish(evolve(scripted.document, tokens=tokens))
    answer = await ask(scripted, "enroll.approve", name="new")
    assert answer["name"] == "new"
    assert [m.name for m in scripted.document.members] == ["a", "b", "new"]


async def test_unused_token_cannot_be_approved() -> None:
    """The refusal says what is missing."""
    scripted = new_scripted_node()
    await ask(scripted, "enroll.create")
    failure = await refused(scripted, "enroll.approve", name="t1")
    assert failure.code is Code.REFUSED
    assert "nobody has used" in str(failure)


async def test_revoked_token_is_gone() -> None:
    """And cannot be found any more."""
    scripted = new_scripted_node()
    await ask(scripted, "enroll.create")
    await ask(scripted, "enroll.revoke", name="t1")
    failure = await refused(scripted, "enroll.revoke", name="t1")
    assert failure.code is Code.NOT_FOUND


async def test_node_can_be_renamed_and_removed() -> None:
    """By its name."""
    scripted = new_scripted_node()
    await ask(scripted, "node.edit", name="b", new_name="bravo", address="127.0.0.2:9901")
    assert [(m.name, m.address) for m in scripted.document.members][1] == (
        "bravo",
        "127.0.0.2:9901",
    )
    await ask(scripted, "node.remove", name="bravo")
    assert [m.name for m in scripted.document.members] == ["a"]


async def test_node_list_marks_the_master_and_this_node() -> None:
    """Who leads, and who answers."""
    answer = await ask(new_scripted_node(), "node.list")
    assert answer["self"] == ME
    assert [n["master"] for n in answer["nodes"]] == [True, False]


async def test_bad_address_of_a_node_is_invalid() -> None:
    """The model's rule is told as bad input."""
    failure = await refused(new_scripted_node(), "node.edit", name="b", address="nowhere")
    assert failure.code is Code.INVALID
    assert "host:port" in str(failure)


async def test_settings_change_together() -> None:
    """Two timers that only fit together are set in one step."""
    scripted = new_scripted_node()
    await ask(scripted, "settings.set", set={"heartbeat": "2s", "dead_after": "8s"})
    assert scripted.document.settings == Settings(heartbeat_s=2.0, dead_after_s=8.0)
    shown = await ask(scripted, "settings.show")
    assert shown["settings"]["heartbeat"] == "2s"


@pytest.mark.parametrize(
    ("change", "word"), [({"heartbeat": "9s"}, "dead_after"), ({"hartbeat": "1s"}, "heartbeat")]
)
async def test_settings_that_do_not_fit_are_refused(change: dict[str, str], word: str) -> None:
    """A broken rule or an unknown name is bad input."""
    failure = await refused(new_scripted_node(), "settings.set", set=change)
    assert failure.code is Code.INVALID
    assert word in str(failure)


async def test_refusal_without_a_master_has_a_code_of_its_own() -> None:
    """So that a script can tell "no" from "not now"."""
    scripted = new_scripted_node()
    scripted.master, scripted.ruling = None, (Ruling.REFUSED, "no quorum: 1 of 2")
    scripted.publish(scripted.document)
    failure = await refused(scripted, "check.add", check=HTTP)
    assert failure.code is Code.NO_MASTER
    assert str(failure) == "no quorum: 1 of 2"


async def test_unknown_ruling_is_told_as_unknown() -> None:
    """The master died: nobody can say what became of the change."""
    scripted = new_scripted_node()
    scripted.ruling = (Ruling.UNKNOWN, "the master did not answer in time; look")
    failure = await refused(scripted, "check.add", check=HTTP)
    assert failure.code is Code.UNKNOWN


async def test_silent_cluster_is_not_waited_for_for_ever(autojump_clock: MockClock) -> None:
    """A proposal that nobody answers ends as unknown."""
    scripted = new_scripted_node()
    scripted.deaf = True
    failure = await refused(scripted, "check.add", check=HTTP)
    assert failure.code is Code.UNKNOWN
    assert trio.current_time() > 1.0


async def test_stopping_daemon_answers_unknown() -> None:
    """A closed inbox is no bug."""
    scripted = new_scripted_node()
    scripted.inbox.close()
    with pytest.raises(ControlFailure) as caught:
        await perform(scripted.context(), Request({"op": "status"}))
    assert caught.value.code is Code.NO_DAEMON


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("fly", {}),
        ("check.add", {}),
        ("check.add", {"check": []}),
        ("check.show", {"name": 3}),
        ("check.show", {"name": ""}),
        ("check.edit", {"name": "web", "set": {}, "unset": [1]}),
        ("enroll.create", {"auto_approve": "yes"}),
        ("node.edit", {"name": "b"}),
        ("settings.set", {"set": {}}),
    ],
)
async def test_request_of_the_wrong_form_is_invalid(op: str, fields: dict[str, object]) -> None:
    """Whatever a client sends, it is told what is wrong."""
    failure = await refused(await with_check(), op, **fields)
    assert failure.code is Code.INVALID
    assert str(failure)


def test_reads_are_operations() -> None:
    """The client's list of harmless operations names none that do not exist."""
    assert set(OPERATIONS) >= READS
