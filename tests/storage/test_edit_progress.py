"""Nobody waits for a hand edit without a word, and no later edit is ignored without one."""

from functools import partial
from pathlib import Path

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.core.mutations import (
    AddToken,
    Batch,
    Mutation,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    RemoveChannel,
    RemoveCheck,
)
from qutrio.model.channels import SmtpChannel, WebhookChannel, odd_port_words
from qutrio.model.checks import TcpCheck
from qutrio.model.document import Settings
from qutrio.model.hand_edits import EditStage
from qutrio.model.ids import ChannelId, CheckId, NodeId
from qutrio.model.members import lonely_problem
from qutrio.storage.edit_progress import EditProgress
from qutrio.storage.edits_needed import WARNINGS_MAX, still_needed, warnings_of
from tests.core.samples import token
from tests.storage.test_mirror import (
    COMMITTED,
    DATABASE,
    DOCUMENT,
    MAIL,
    REFUSED,
    WRITTEN,
    running,
)

READING = "hand edit of cluster.yaml is being read"
AGAIN = "cluster.yaml was saved again while it was read; what it says now is read"
HOOK = WebhookChannel(id=ChannelId("a1"), name="hook", url="https://x/")


@pytest.mark.slow
async def test_an_edit_that_is_read_is_told_with_its_size(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        assert node.progress.report() is None
        text = node.edit(lambda t: t.replace('"30s"', '"40s"'))
        assert await node.log.wait(READING) == {"bytes": len(text)}
        report = node.progress.report()
        assert report is not None
        assert (report.stage, report.size_bytes) == (EditStage.READING, len(text))
        await node.log.wait(WRITTEN, 2)
        assert node.progress.report() is None


@pytest.mark.slow
async def test_who_saves_again_while_the_text_is_read_gets_the_newer_one(tmp_path: Path) -> None:
    """As an editor does that saves every few seconds: the last text wins, and is no conflict."""
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace('"30s"', '"40s"'))
        await node.log.wait(READING)
        node.edit(lambda t: t.replace('"40s"', '"50s"'))
        await node.log.wait(AGAIN)
        await node.log.wait(COMMITTED)
        await node.log.wait(WRITTEN, 2)
        assert node.document.checks[0].interval_s == 50
    assert not node.refused()


@pytest.mark.slow
async def test_a_refused_edit_is_reported_until_its_file_is_removed(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace('"30s"', "soon"))
        await node.log.wait(REFUSED)
        await node.log.wait(WRITTEN, 2)
        report = node.progress.report()
        assert report is not None
        assert report.stage is EditStage.REFUSED
        assert "interval" in report.reason
        Path(report.kept).unlink()
        assert node.progress.report() is None


@pytest.mark.slow
async def test_a_file_that_keeps_changing_is_told(tmp_path: Path) -> None:
    async def write_on(path: Path) -> None:
        while True:
            path.write_text(path.read_text() + "\n")
            await trio.lowlevel.checkpoint()

    async with running(tmp_path) as node, trio.open_nursery() as nursery:
        await node.log.wait(WRITTEN)
        nursery.start_soon(write_on, node.path)
        await node.log.wait("cluster.yaml keeps changing; it is read once it is left alone")
        with trio.fail_after(60):
            while node.progress.report() is None:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_an_edit_obeys_the_rules_for_new_addresses_and_keeps_old_ones(tmp_path: Path) -> None:
    """As on the command line; what an earlier version took loads, and its check can be edited."""
    old = TcpCheck(id=CheckId("c3"), name="old", address="tcp://h:80")
    async with running(tmp_path, evolve(DOCUMENT, checks=(DATABASE, old))) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace("127.0.0.1:5432", "a b:80"))
        assert "'a b:80' holds a blank" in str((await node.log.wait(REFUSED))["reason"])
        await node.log.wait(WRITTEN, 2)
        node.edit(lambda t: t.replace('"30s"', '"40s"'))
        await node.log.wait(COMMITTED)
        assert [c.interval_s for c in node.document.checks] == [40, 40]


@pytest.mark.slow
async def test_an_edit_cannot_add_a_name_that_differs_by_case_alone(tmp_path: Path) -> None:
    new = "checks:\n  - name: DB\n    kind: tcp\n    address: h:1\n"
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace("checks:\n", new))
        assert "a check named 'db' exists" in str((await node.log.wait(REFUSED))["reason"])


def test_what_the_document_holds_already_is_not_asked_for_again() -> None:
    held = evolve(DOCUMENT, channels=(HOOK,))
    member = held.members[0]
    done: list[Mutation] = [
        PutCheck(check=DATABASE),
        RemoveCheck(expect=MAIL),
        PutChannel(channel=HOOK),
        RemoveChannel(expect=evolve(HOOK, id=ChannelId("a2"))),
        PutMember(member=member, expect=evolve(member, name="old")),
        PutSettings(settings=Settings(), expect=Settings(heartbeat_s=0.5)),
    ]
    needed: list[Mutation] = [
        PutCheck(check=MAIL),
        RemoveCheck(expect=DATABASE),
        RemoveChannel(expect=HOOK),
        PutMember(member=evolve(member, name="new"), expect=member),
        AddToken(token=token()),
    ]
    assert still_needed(Batch(mutations=(*done, *needed)), held).mutations == tuple(needed)


def test_slow_checks_are_warned_of_but_not_all_of_thousands() -> None:
    slow = partial(TcpCheck, address="h:1", interval_s=5.0, timeout_s=30.0)
    puts = [PutCheck(check=slow(id=CheckId(f"c{n}"), name=f"db{n}")) for n in range(50)]
    told = warnings_of(Batch(mutations=(*puts, PutCheck(check=DATABASE))), DOCUMENT)
    assert len(told) == WARNINGS_MAX
    assert told[0].startswith("check 'db0': the timeout (30s) is above the interval (5s)")


async def test_a_file_that_cannot_be_read_comes_before_all_else(autojump_clock: MockClock) -> None:
    progress = EditProgress()
    progress.enter(EditStage.PROPOSED, 10)
    for _ in range(3):
        progress.blocked("Permission denied")
        await trio.sleep(2)
    report = progress.report()
    assert report is not None
    assert (report.stage, report.reason, report.for_s) == (
        EditStage.BLOCKED,
        "Permission denied",
        6,
    )
    progress.unblocked()
    report = progress.report()
    assert report is not None
    assert report.stage is EditStage.PROPOSED


def test_a_mail_port_and_an_address_that_are_seldom_meant_are_warned_of() -> None:
    mail = SmtpChannel(
        id=ChannelId("a2"), name="ops", host="m", port=465, sender="a@b", recipients=("c@d",)
    )
    here = DOCUMENT.members[0]
    there = evolve(here, id=NodeId("n2"), name="two", address="192.0.2.2:9901")
    moved = evolve(there, address="127.0.0.1:9902")
    changes = Batch(
        mutations=(PutChannel(channel=mail), PutMember(member=moved, expect=there)),
    )
    far = evolve(here, address="192.0.2.1:9901")
    assert warnings_of(changes, evolve(DOCUMENT, members=(far, there))) == [
        f"channel 'ops': {odd_port_words(mail)}",
        f"member 'two': {lonely_problem('127.0.0.1:9902')}",
    ]
    assert len(warnings_of(changes, evolve(DOCUMENT, members=(here, there)))) == 1


async def test_a_stage_counts_from_when_it_began(autojump_clock: MockClock) -> None:
    progress = EditProgress()
    progress.enter(EditStage.READING, 10)
    await trio.sleep(5)
    progress.enter(EditStage.READING, 20)
    report = progress.report()
    assert report is not None
    assert (report.for_s, report.size_bytes) == (5, 20)
    progress.settled()
    assert progress.report() is None
