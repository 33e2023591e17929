"""Keeps cluster.yaml equal to the committed document, and turns hand edits into proposals.

The loop alternates two steps.  *Look*: a file that is neither what we wrote nor what we last
accepted is an edit; it is read in another process, compared with the document it was made
from, and proposed.  What is refused is kept beside the file.  *Follow*: when the file describes
another document than the committed one, or was refused, it is rewritten, with the comments of
the last accepted text.  The file is looked at once more right before it is replaced.
"""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio
from attrs import define, field

from qutrio.codec.cluster_yaml import END, emit, is_whole
from qutrio.codec.yaml_text import YAML_BYTES_MAX
from qutrio.core.effects import Reply
from qutrio.core.events import Proposed
from qutrio.core.messages import Ruling
from qutrio.core.mutations import Batch, Refusal
from qutrio.core.view import View
from qutrio.model.document import ClusterDocument
from qutrio.model.edits import HAND_EDIT
from qutrio.model.hand_edits import EditStage
from qutrio.model.ids import Seconds
from qutrio.plumbing.inbox import Inbox
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log
from qutrio.storage.atomic import PRIVATE_MODE
from qutrio.storage.edit_progress import EditProgress
from qutrio.storage.edits import Bases, Mistake, judge, mistake_of, stamp_of
from qutrio.storage.edits_needed import still_needed, warnings_of
from qutrio.storage.merge_worker import Failure, line_elsewhere, merge_elsewhere, parse_elsewhere
from qutrio.storage.mirror_memory import Memory, digest_of, recall, remember
from qutrio.storage.places import DataDirectory
from qutrio.storage.refused import keep_refused
from qutrio.storage.regular_file import Signature, close_to_others, explain, read_regular, sign
from qutrio.storage.replacing import replace_unless_saved

POLL_S: Seconds = 2.0
SETTLE_S: Seconds = 0.3
SETTLE_TRIES_MAX = 20
MEMORY_NAME = "mirror.json"

T = TypeVar("T")


async def mirror(
    view: Latest[View],
    inbox: Inbox,
    directory: DataDirectory,
    log: Log,
    *,
    progress: EditProgress | None = None,
    poll_s: Seconds = POLL_S,
    settle_s: Seconds = SETTLE_S,
) -> None:
    """Mirror the document until cancelled, or until the inbox is closed.

    The file is looked at every `poll_s` seconds, and read once it was left alone for
    `settle_s`; `progress` is told where an edit stands.  An error of the disk is logged once,
    and all is tried again at the next look.  What is not a regular file (a link, a FIFO) is such
    an error: it is left alone.
    """
    machine = _Mirror(
        view=view,
        inbox=inbox,
        directory=directory,
        log=log,
        settle_s=settle_s,
        progress=progress or EditProgress(),
    )
    await machine.begin()
    trouble = ""
    while True:
        try:
            await machine.look()
            await machine.follow()
            trouble = ""
            machine.progress.unblocked()
        except trio.BrokenResourceError:
            return
        except OSError as error:
            if explain(error) != trouble:
                log("cluster.yaml cannot be kept up to date", error=explain(error))
            trouble = explain(error)
            machine.progress.blocked(trouble)
        if trouble:
            await trio.sleep(poll_s)
        else:
            with trio.move_on_after(poll_s):
                await view.until(machine.is_behind)


@define(kw_only=True)
class _Mirror:
    """What is known about the file.

    `shown` is the document that the file describes, None when it must be rewritten.  `digest`
    is of the content that is ours or was accepted, `signature` of the file when it was last
    looked at (None: there was no file, or it was saved while it was replaced).  `handmade` is
    the last accepted text, unless it is exactly what `emit` writes.  `restless` is True while
    the file keeps changing.
    """

    view: Latest[View]
    inbox: Inbox
    directory: DataDirectory
    log: Log
    settle_s: Seconds
    limiter: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(1))
    bases: Bases = field(factory=Bases)
    shown: ClusterDocument | None = None
    digest: str = ""
    signature: Signature | None = None
    handmade: str | None = None
    progress: EditProgress
    restless: bool = False

    @property
    def path(self) -> Path:
        return self.directory.cluster_file

    @property
    def memory_path(self) -> Path:
        return self.directory.state / MEMORY_NAME

    def is_behind(self, view: View) -> bool:
        """Tell whether the file describes another document than the committed one."""
        return self.shown is None or stamp_of(self.shown) != stamp_of(view.document)

    async def begin(self) -> None:
        """Take up where the last run of this node left off."""
        committed = self.view.value.document
        memory = await self._thread(partial(recall, self.memory_path))
        if memory is not None and memory.document.cluster_id == committed.cluster_id:
            self.bases = self.bases.with_document(memory.document)
            self.digest = memory.text_digest
        self.bases = self.bases.with_document(committed)

    async def look(self) -> None:
        """Find out whether somebody edited the file, and propose what the edit asks for."""
        signature = await self._settled()
        if signature == self.signature:
            return
        if signature is None:
            self.signature = self.shown = None
            return
        content = await self._thread(partial(read_regular, self.path, YAML_BYTES_MAX + 1))
        if content and digest_of(content) == self.digest:
            await self._recognise(content)
            self.progress.settled()
        elif not await self._consider(content, signature):
            return  # it was saved again: the next look reads what it says now
        self.signature = signature

    async def follow(self) -> None:
        """Rewrite the file when it is behind, unless somebody is editing it at this moment."""
        document = self.view.value.document
        if not self.is_behind(self.view.value):
            return
        content = (await self._text(document)).encode()
        replaced = await self._thread(
            partial(replace_unless_saved, self.path, content, self.signature)
        )
        if replaced is None:
            return
        self.signature = replaced.signature
        await self._remember(content, document)
        self.log("cluster.yaml written", revision=document.revision)

    async def _recognise(self, content: bytes) -> None:
        """Take back a text of ours, which only was copied, touched, or there at the start."""
        if self.shown is not None:
            return
        text = content.decode("utf-8-sig")
        document = await parse_elsewhere(text, self.path.name)
        if isinstance(document, Failure):
            return
        self.shown = document
        ours = await self._thread(partial(emit, document))
        self.handmade = None if ours == text else text

    async def _consider(self, content: bytes, signature: Signature) -> bool:
        """Let an edit take effect, or keep it aside; False when it was saved again meanwhile."""
        self.log("hand edit of cluster.yaml is being read", bytes=len(content))
        self.progress.enter(EditStage.READING, len(content))
        read = await self._read(content, signature)
        if read is None:
            self.log("cluster.yaml was saved again while it was read; what it says now is read")
            return False
        reason = read.reason if isinstance(read, Failure) else await self._propose(read, content)
        if reason is not None:
            kept = await self._thread(partial(keep_refused, self.path, content, reason))
            self.log("hand edit of cluster.yaml refused", reason=reason, kept=str(kept))
            self.progress.refused(len(content), reason, kept)
            self.shown = None
            return True
        assert self.shown is not None, "an accepted edit is a document"
        await self._remember(content, self.shown)
        await self._thread(partial(close_to_others, self.path, PRIVATE_MODE))
        self.progress.settled()
        return True

    async def _read(self, content: bytes, signature: Signature) -> ClusterDocument | Failure | None:
        """Return what the file says; None as soon as it was saved again, for it may take long."""
        if len(content) > YAML_BYTES_MAX:
            return Failure(f"it is larger than {YAML_BYTES_MAX} bytes")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return Failure("it is not UTF-8 text")
        read: ClusterDocument | Failure | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_when_saved_again, signature, nursery.cancel_scope)
            read = await parse_elsewhere(text, self.path.name)
            nursery.cancel_scope.cancel()
        if isinstance(read, ClusterDocument) and not is_whole(text):
            return Failure(f"it was cut off: its last line must be {END!r}")
        return read

    async def _end_when_saved_again(self, signature: Signature, reading: trio.CancelScope) -> None:
        with suppress(OSError):  # the next look says what it is
            while True:
                if await self._thread(partial(sign, self.path)) != signature:
                    break
                await trio.sleep(self.settle_s)
        reading.cancel()

    async def _propose(self, edited: ClusterDocument, content: bytes) -> str | None:
        """Return why the edit is refused; None once it is committed, or changes nothing."""
        text = content.decode("utf-8-sig")
        judged = await self._thread(partial(judge, edited, self.bases))
        if isinstance(judged, Refusal):
            return judged.reason
        if isinstance(judged, Mistake):
            return await self._located(judged, text)
        changes = await self._thread(partial(still_needed, judged, self.view.value.document))
        self.progress.enter(EditStage.PROPOSED, len(content))
        for warning in warnings_of(changes, self.view.value.document):
            self.log("hand edit of cluster.yaml: warning", warning=warning)
        if not changes.mutations:
            self.log("hand edit of cluster.yaml changes nothing")
        reason = await self._commit(changes) if changes.mutations else None
        if reason is None:
            self.shown, self.handmade = edited, text
            return None
        find = partial(mistake_of, changes, self.view.value.document, reason)
        mistake = await self._thread(find)
        return reason if mistake is None else await self._located(mistake, text)

    async def _located(self, mistake: Mistake, text: str) -> str:
        """Return the reason with the line of the file before it."""
        line = await line_elsewhere(text, mistake.section, mistake.item, mistake.field)
        if isinstance(line, Failure):
            return mistake.reason
        label = mistake.reason.removeprefix(f"{self.path.name}: ")
        return f"{self.path.name}:{line}: {label}"

    async def _commit(self, changes: Batch) -> str | None:
        reply = await self.inbox.ask(lambda request: Proposed(request, changes, HAND_EDIT))
        assert isinstance(reply, Reply), "a proposal is answered with a ruling"
        match reply.ruling:
            case Ruling.COMMITTED:
                self.log(
                    "hand edit of cluster.yaml committed",
                    changes=len(changes.mutations),
                    revision=reply.revision,
                )
                return None
            case Ruling.REFUSED | Ruling.AGAIN:
                return reply.reason
            case Ruling.UNKNOWN:
                return f"it is not known whether this took effect, look: {reply.reason}"

    async def _text(self, document: ClusterDocument) -> str:
        ours = await self._thread(partial(emit, document))
        if self.handmade is None:
            return ours
        merged = await merge_elsewhere(self.handmade, document)
        if isinstance(merged, Failure):
            self.log("the comments of cluster.yaml are lost", reason=merged.reason)
            merged = ours
        self.handmade = None if merged == ours else merged
        return merged

    async def _remember(self, content: bytes, document: ClusterDocument) -> None:
        """Know the content as ours, now and after a restart.

        The document is the one an edit will have begun from: for an accepted edit, that is
        still the document it was made from, whose stamp the text names.
        """
        base = self.bases.find(stamp_of(document)) or document
        self.shown, self.digest = document, digest_of(content)
        self.bases = self.bases.with_document(base)
        await self._thread(partial(remember, self.memory_path, Memory(self.digest, base)))

    async def _settled(self) -> Signature | None:
        """Return the file's signature once it stays the same: editors write bit by bit."""
        signature = await self._thread(partial(sign, self.path))
        for _ in range(SETTLE_TRIES_MAX):
            if signature in {None, self.signature}:
                self.restless = False
                return signature
            await trio.sleep(self.settle_s)
            before, signature = signature, await self._thread(partial(sign, self.path))
            if signature == before:
                self.restless = False
                return signature
        if not self.restless:
            self.log("cluster.yaml keeps changing; it is read once it is left alone")
        self.restless = True
        self.progress.enter(EditStage.CHANGING, 0 if signature is None else signature[2])
        return self.signature

    async def _thread(self, work: "partial[T]") -> T:
        return await trio.to_thread.run_sync(work, limiter=self.limiter)
