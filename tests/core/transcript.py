"""A readable transcript of what the nodes of a cluster write and send.

The idea is etcd-raft's: a run is a text file in the repository, and a change of behaviour is a
diff that a reviewer can read.  Log lines and journal entries are left out: this is about what
nodes do.  A heartbeat is shown only if it differs from the last one to the same node, and an
acknowledgement only if it grants a term that the last one did not.
"""

from pathlib import Path

from qutrio.core.api.effects import Effect, Notify, Persist, Reply, Send
from qutrio.core.api.messages import (
    CanvassAnswer,
    CanvassRequest,
    Commit,
    Heartbeat,
    HeartbeatAck,
    Message,
    ProbeNow,
    Propose,
    ProposeReply,
    Report,
    Write,
    Wrote,
)
from qutrio.model.ids import NodeId
from qutrio.model.stable import Position, Stable
from tests.core.node_cluster import NodeCluster

FOLDER = Path(__file__).parent / "transcripts"


class Transcript:
    """The lines of one run: time, sender, recipient and content.

    The same message to several nodes in a row is one line.  What happens before the first section
    is not shown; it only tells which heartbeats are new later.
    """

    def __init__(self, cluster: NodeCluster, summary: str) -> None:
        """Record what `cluster` does from now on."""
        self._cluster = cluster
        self._lines = [summary]
        self._shown = False
        self._section: list[tuple[float, str, list[str], str]] = []
        self._last: dict[tuple[NodeId, NodeId, str], str] = {}
        self._disks = dict(cluster.disks)
        cluster.on_effect = self._record

    def section(self, title: str) -> None:
        """Begin a part of the run with a sentence that says what the test does."""
        self._end_section()
        self._shown = True
        self._lines += ["", f"# {title}"]

    def text(self) -> str:
        """Return the transcript so far."""
        self._end_section()
        return "\n".join(self._lines) + "\n"

    def _end_section(self) -> None:
        for at, sender, receivers, what in self._section:
            route = f"{sender} -> {', '.join(receivers)}" if receivers else sender
            self._lines.append(f"{at:7.3f} s  {route:<12}  {what}")
        self._section.clear()

    def _record(self, name: NodeId, effect: Effect) -> None:
        match effect:
            case Send(to, message):
                what = describe(message)
                if self._is_new(name, to, message, what):
                    self._add(name, to, what)
            case Persist(stable):
                what = changes(self._disks[name], stable)
                self._disks[name] = stable
                if what:
                    self._add(name, None, f"Persist {what}")
            case Notify(delivery=delivery):
                notice = delivery.notice
                kind = notice.known_kind.value
                self._add(name, None, f"Notify {delivery.channel}: {notice.check} {kind}")
            case Reply(ruling=ruling, revision=revision):
                self._add(name, None, f"Reply {ruling.value} revision={revision}")
            case _:
                pass

    def _is_new(self, name: NodeId, to: NodeId, message: Message, what: str) -> bool:
        if not isinstance(message, Heartbeat | HeartbeatAck):
            return True
        if isinstance(message, HeartbeatAck) and message.granted is None:
            return False
        key = (name, to, type(message).__name__)
        before, self._last[key] = self._last.get(key), what
        return what != before

    def _add(self, sender: NodeId, to: NodeId | None, what: str) -> None:
        if not self._shown:
            return
        now = self._cluster.now
        if to is not None and self._section:
            at, previous, receivers, said = self._section[-1]
            if receivers and (at, previous, said) == (now, sender, what) and to not in receivers:
                receivers.append(to)
                return
        self._section.append((now, sender, [to] if to is not None else [], what))


def describe(message: Message) -> str:  # noqa: C901, PLR0911, PLR0912 - one case each
    """Return a message as its class and the fields that matter to a reader."""
    name = type(message).__name__
    match message:
        case Heartbeat(claim=claim, acting=acting, able=able):
            claims = f"claim={claim}" + (" acting" if acting else "") if claim else "no claim"
            return f"{name} {claims}" + ("" if able else " unable")
        case HeartbeatAck(granted=granted):
            return f"{name} grants={granted}"
        case CanvassRequest(term=term):
            return f"{name} term={term}"
        case CanvassAnswer(term=term, would=would, reason=reason):
            return f"{name} term={term} " + ("would grant" if would else f"would not: {reason}")
        case Write(position=position, document=document, ledger=ledger):
            whole = f" revision={document.revision}" if document is not None else ""
            counts = f"incidents={len(ledger.incidents)} notices={len(ledger.outbox)}"
            return f"{name} {dotted(position)}{whole} {counts}"
        case Wrote(position=position, accepted=accepted):
            return f"{name} {dotted(position)} " + ("accepted" if accepted else "refused")
        case Commit(position=position):
            return f"{name} {dotted(position)}"
        case Propose(term=term, mutation=mutation):
            return f"{name} term={term} {type(mutation).__name__}"
        case ProposeReply(ruling=ruling, revision=revision):
            return f"{name} {ruling.value} revision={revision}"
        case ProbeNow(checks=checks):
            return f"{name} {', '.join(checks)}"
        case Report(results=results):
            found = [f"{result.check} {result.outcome.value}" for result, _ in results]
            return f"{name} {', '.join(found)}"
        case _:
            return name


def changes(before: Stable, after: Stable) -> str:
    """Return the new parts of the durable state."""
    new: list[str] = []
    if after.promise != before.promise:
        new.append(f"promise=({after.promise.term}, {after.promise.holder})")
    if after.accepted.position != before.accepted.position:
        new.append(f"accepted={dotted(after.accepted.position)}")
    if after.committed.position != before.committed.position:
        new.append(f"committed={dotted(after.committed.position)}")
    return " ".join(new)


def dotted(position: Position) -> str:
    """Return the position of a write as term.number."""
    return f"{position.term}.{position.number}"


def check_transcript(name: str, text: str, *, rewrite: bool) -> None:
    """Compare a transcript with its file, or write the file anew."""
    file = FOLDER / f"{name}.txt"
    if rewrite:
        file.write_text(text)
    hint = "if the change is right, run pytest with --rewrite-transcripts and read the diff"
    assert text == file.read_text(), f"{file} differs; {hint}"
