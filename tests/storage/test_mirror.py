"""cluster.yaml follows the document, and hand edits become proposals; nothing is ever lost."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from attrs import define, evolve, field

from qutrio.codec.cluster_yaml import emit, parse
from qutrio.core.applying import apply
from qutrio.core.effects import Reply
from qutrio.core.events import Proposed
from qutrio.core.messages import Ruling
from qutrio.core.mutations import Mutation, PutCheck, Refusal
from qutrio.core.view import View
from qutrio.model.channels import SmtpChannel
from qutrio.model.checks import TcpCheck
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, CheckId, Fingerprint, NodeId, Revision, Term, UnixTime
from qutrio.model.members import Member
from qutrio.model.stable import Position
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.storage.edit_progress import EditProgress
from qutrio.storage.mirror import mirror
from qutrio.storage.places import DataDirectory
from tests.patience import HANG_S

pytestmark = pytest.mark.slow

NODE = NodeId("n1")
DATABASE = TcpCheck(id=CheckId("c1"), name="db", address="127.0.0.1:5432")
MAIL = TcpCheck(id=CheckId("c2"), name="mail", address="127.0.0.1:25")
DOCUMENT = ClusterDocument(
    cluster_id="k",
    revision=Revision(1),
    members=(
        Member(
            id=NODE,
            name="one",
            address="127.0.0.1:9901",
            fingerprint=Fingerprint("f"),
            certificate="c",
        ),
    ),
    checks=(DATABASE,),
)
PATIENCE_S = HANG_S


@define
class Diary:
    """A log whose lines can be waited for."""

    lines: list[tuple[str, dict[str, object]]] = field(factory=list)
    grown: trio.Event = field(factory=trio.Event)

    def __call__(self, what: str, /, **details: object) -> None:
        self.lines.append((what, details))
        self.grown.set()
        self.grown = trio.Event()

    async def wait(self, what: str, times: int = 1) -> dict[str, object]:
        with trio.fail_after(PATIENCE_S):
            while len(self.about(what)) < times:
                await self.grown.wait()
        return self.about(what)[times - 1]

    def about(self, what: str) -> list[dict[str, object]]:
        return [details for said, details in self.lines if said == what]


WRITTEN = "cluster.yaml written"
REFUSED = "hand edit of cluster.yaml refused"
COMMITTED = "hand edit of cluster.yaml committed"


@define
class Node:
    """A cluster of one: commits what `apply` accepts, unless told to rule otherwise."""

    directory: DataDirectory
    log: Diary
    view: Latest[View]
    inbox: Inbox = field(factory=lambda: Inbox("boot"))
    ruling: Ruling = Ruling.COMMITTED
    proposals: list[Mutation] = field(factory=list)
    progress: EditProgress = field(factory=EditProgress)

    @property
    def path(self) -> Path:
        return self.directory.cluster_file

    @property
    def document(self) -> ClusterDocument:
        return self.view.value.document

    def commit(self, mutation: Mutation) -> Refusal | None:
        changed = apply(mutation, self.document, UnixTime(0))
        if isinstance(changed, Refusal):
            return changed
        changed = evolve(changed, revision=Revision(changed.revision + 1))
        self.view.publish(evolve(self.view.value, document=changed))
        return None

    async def think(self) -> None:
        while True:
            event = await self.inbox.next(3600)
            assert isinstance(event, Proposed)
            self.proposals.append(event.mutation)
            ruling, reason = self.ruling, "no majority is heard"
            if ruling is Ruling.COMMITTED and (refusal := self.commit(event.mutation)):
                ruling, reason = Ruling.REFUSED, refusal.reason
            self.inbox.answer(Reply(event.request, ruling, reason, self.document.revision))

    def edit(self, change: Callable[[str], str]) -> str:
        """Edit the file as most editors do: a new file, renamed."""
        text = change(self.path.read_text())
        copy = self.path.with_name("cluster.yaml~")
        copy.write_text(text)
        copy.rename(self.path)
        return text

    def refused(self) -> list[str]:
        return sorted(p.read_text() for p in self.directory.root.glob("cluster.yaml.refused-*"))


@asynccontextmanager
async def running(root: Path, document: ClusterDocument = DOCUMENT) -> AsyncIterator[Node]:
    """A node with a mirror; leaving it is a stop of the daemon."""
    directory = DataDirectory(root)
    directory.state.mkdir(exist_ok=True)
    view = View(
        node=NODE,
        document=document,
        position=Position(),
        term=Term(0),
        master=NODE,
        acting_until=None,
        live=frozenset({NODE}),
        removed=False,
    )
    node = Node(directory, Diary(), Latest(view))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.think)
        nursery.start_soon(
            partial(mirror, progress=node.progress, poll_s=0.02, settle_s=0.01),
            node.view,
            node.inbox,
            directory,
            node.log,
        )
        yield node
        nursery.cancel_scope.cancel()


async def test_the_file_follows_every_commit_and_is_private(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        assert node.path.read_text() == emit(DOCUMENT)
        assert node.path.stat().st_mode & 0o777 == 0o600
        node.commit(PutCheck(check=MAIL))
        await node.log.wait(WRITTEN, 2)
        assert parse(node.path.read_text(), "x") == node.document
    assert not node.proposals


async def test_an_edit_is_proposed_committed_and_keeps_its_comments(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace('interval: "30s"', "interval: 1m  # cheap hoster"))
        assert await node.log.wait(COMMITTED) == {"changes": 1, "revision": 2}
        await node.log.wait(WRITTEN, 2)
        assert node.document.checks[0].interval_s == 60
        text = node.path.read_text()
        assert "interval: 1m  # cheap hoster" in text
        assert parse(text, "x") == node.document
        assert node.path.stat().st_mode & 0o777 == 0o600
        node.commit(PutCheck(check=MAIL))
        await node.log.wait(WRITTEN, 3)
        assert "interval: 1m  # cheap hoster" in node.path.read_text()
    assert len(node.proposals) == 1
    assert not node.refused()


async def test_a_check_added_without_an_id_is_committed_with_one(tmp_path: Path) -> None:
    new = "checks:\n  - name: web\n    kind: http\n    url: https://example.org/\n"
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace("checks:\n", new))
        await node.log.wait(WRITTEN, 2)
        assert {c.name for c in node.document.checks} == {"db", "web"}
        assert parse(node.path.read_text(), "x") == node.document


async def test_an_edit_of_comments_alone_is_kept_and_proposes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: "# hello\n" + t)
        node.commit(PutCheck(check=MAIL))
        node.edit(lambda t: t.replace("# hello", "# hello, world"))
        await node.log.wait(WRITTEN, 2)
        with trio.fail_after(PATIENCE_S):
            while parse(node.path.read_text(), "x") != node.document:
                await node.log.grown.wait()
        assert "# hello" in node.path.read_text()
    assert not node.proposals
    assert not node.refused()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: "", "is empty"),
        (lambda t: t[: t.index("format:")], "is empty"),  # as torn as can be: comments only
        (lambda t: t.split("\nchecks:")[0] + "\n", "cut off"),
        (lambda t: t.replace('"30s"', "soon"), r"cluster.yaml:\d+: check 'db': interval"),
        (lambda t: t.replace("interval", "intervall"), r"yaml:\d+: check .* mean 'interval'"),
        (lambda t: t.replace("revision: 1", "revision: 7"), "made from revision 7"),
        (lambda t: t.replace('cluster_id: "k"', "cluster_id: other"), "cluster_id cannot"),
        (lambda t: t.replace('fingerprint: "f"', "fingerprint: g"), "only name and address"),
    ],
)
async def test_story_an_empty_torn_or_stale_edit_loses_nothing_and_the_file_says_why(
    tmp_path: Path, change: Callable[[str], str], reason: str
) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        text = node.edit(change)
        details = await node.log.wait(REFUSED)
        await node.log.wait(WRITTEN, 2)
        assert node.path.read_text() == emit(DOCUMENT)
    (kept,) = node.refused()
    assert kept.endswith(text)
    assert kept.startswith("# Refused: ")
    assert re.search(reason, str(details["reason"]))
    assert not node.proposals


@pytest.mark.parametrize("ruling", [Ruling.REFUSED, Ruling.UNKNOWN])
async def test_story_an_edit_without_a_quorum_is_kept_beside_with_the_reason(
    tmp_path: Path, ruling: Ruling
) -> None:
    async with running(tmp_path) as node:
        node.ruling = ruling
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace('"30s"', '"40s"'))
        await node.log.wait(WRITTEN, 2)
        assert node.path.read_text() == emit(DOCUMENT)
    (kept,) = node.refused()
    assert "no majority is heard" in kept.splitlines()[0]
    assert '"40s"' in kept


async def test_bytes_that_are_no_text_are_kept_as_they_are(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.path.write_bytes(b"\xff\xfe\x00rubbish")
        await node.log.wait(WRITTEN, 2)
    kept = tmp_path / "cluster.yaml.refused-1"
    assert kept.read_bytes().endswith(b"\n\xff\xfe\x00rubbish")


async def test_a_removed_file_is_written_again(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.path.unlink()
        await node.log.wait(WRITTEN, 2)
        assert node.path.read_text() == emit(DOCUMENT)
    assert not node.refused()


async def test_a_mail_address_is_looked_at_when_it_is_edited(tmp_path: Path) -> None:
    """By the same rule as on the command line; and one that stands there already is left."""
    old = SmtpChannel(
        id=ChannelId("a1"), name="ops", host="h", sender="q;q@b.c", recipients=("a@b",)
    )
    async with running(tmp_path, evolve(DOCUMENT, channels=(old,))) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda text: text.replace("a@b", "a@b;c@d"))
        await node.log.wait(REFUSED)
        assert "channel 'ops': recipients: 'a@b;c@d' is not a mail address" in node.refused()[0]
        await node.log.wait(WRITTEN, 2)
        node.edit(lambda text: text.replace("a@b", "c@d"))
        await node.log.wait(COMMITTED)
        [channel] = node.document.channels
        assert isinstance(channel, SmtpChannel)
        assert channel.recipients == ("c@d",)


async def test_edits_of_different_items_from_an_older_revision_merge(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        old = node.path.read_text()
        node.commit(PutCheck(check=MAIL))
        await node.log.wait(WRITTEN, 2)
        node.edit(lambda _: old.replace('name: "one"', "name: uno"))
        await node.log.wait(COMMITTED)
        await node.log.wait(WRITTEN, 3)
        assert node.document.members[0].name == "uno"
        assert {c.name for c in node.document.checks} == {"db", "mail"}
        assert parse(node.path.read_text(), "x") == node.document


async def test_an_edit_of_an_item_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        old = node.path.read_text()
        node.commit(PutCheck(check=evolve(DATABASE, retries=3), expect=DATABASE))
        await node.log.wait(WRITTEN, 2)
        node.edit(lambda _: old.replace('"30s"', '"40s"'))
        details = await node.log.wait(REFUSED)
        assert "changed or removed by somebody else" in str(details["reason"])
        assert node.document.checks[0].retries == 3


async def test_an_edit_made_while_the_daemon_was_down_is_proposed(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
    node.edit(lambda t: t.replace('"30s"', '"40s"'))
    async with running(tmp_path) as again:
        await again.log.wait(COMMITTED)
        assert again.document.checks[0].interval_s == 40


async def test_an_old_file_that_nobody_edited_is_no_edit_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
    newer = evolve(DOCUMENT, revision=Revision(9), checks=(DATABASE, MAIL))
    async with running(tmp_path, newer) as again:
        await again.log.wait(WRITTEN)
        assert again.path.read_text() == emit(newer)
    assert not again.proposals
    assert not again.refused()


async def test_an_offline_edit_of_one_item_merges_with_what_the_cluster_did(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
    node.edit(lambda t: t.replace('"30s"', '"40s"  # mine'))
    newer = evolve(DOCUMENT, revision=Revision(9), checks=(DATABASE, MAIL))
    async with running(tmp_path, newer) as again:
        await again.log.wait(COMMITTED)
        with trio.fail_after(PATIENCE_S):
            while parse(again.path.read_text(), "x") != again.document:
                await again.log.grown.wait()
        assert "# mine" in again.path.read_text()
        assert {c.name: c.interval_s for c in again.document.checks} == {"db": 40, "mail": 30}


async def test_comments_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda t: t.replace('"30s"', '"40s"  # mine'))
        await node.log.wait(WRITTEN, 2)
        document = node.document
    async with running(tmp_path, document) as again:
        again.commit(PutCheck(check=MAIL))
        await again.log.wait(WRITTEN)
        assert "# mine" in again.path.read_text()


async def test_refused_files_are_bounded(tmp_path: Path) -> None:
    for number in range(1, 30):
        (tmp_path / f"cluster.yaml.refused-{number}").touch()
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        node.edit(lambda _: "")
        await node.log.wait(REFUSED)
    assert refused_names(tmp_path) == {f"cluster.yaml.refused-{n}" for n in range(11, 31)}


def refused_names(root: Path) -> set[str]:
    return {path.name for path in root.glob("cluster.yaml.refused-*")}


async def test_a_disk_that_refuses_is_logged_once_and_tried_again(tmp_path: Path) -> None:
    obstacle = tmp_path / ".cluster.yaml.tmp"
    obstacle.mkdir()
    async with running(tmp_path) as node:
        await node.log.wait("cluster.yaml cannot be kept up to date")
        obstacle.rmdir()
        await node.log.wait(WRITTEN)
        assert node.path.read_text() == emit(DOCUMENT)
    assert len(node.log.about("cluster.yaml cannot be kept up to date")) == 1


async def test_it_ends_when_the_inbox_is_closed(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.log.wait(WRITTEN)
        directory, view, log = node.directory, node.view, node.log
    closed = Inbox("boot")
    closed.close()
    node.edit(lambda t: t.replace('"30s"', '"40s"'))
    with trio.fail_after(PATIENCE_S):
        await mirror(view, closed, directory, log, poll_s=0.02, settle_s=0.01)
