"""Observes a world, and records its story: values over time, pages, and lines for people.

Only changes are recorded: of the master, of the nodes that hear a majority, of votes and
verdicts, of notices that are sent, and of documents that nodes hold.
"""

import re
from collections.abc import Callable

from attrs import define, field, frozen

from qutrio.codec.sentences import log_line
from qutrio.core.api.effects import Effect, LogFact, Reply
from qutrio.core.api.facts import NodeFact, NoticeUndelivered, Resigned, RoleClaimed
from qutrio.core.api.messages import Ruling
from qutrio.core.node import Node
from qutrio.core.quorum.majorities import majority
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, CheckId, NodeId, NoticeId, RequestId, Seconds
from qutrio.model.incidents import Delivery, Ledger, NoticeKind
from qutrio.model.results import Outcome, State
from qutrio.sim.initial_states import EPOCH
from qutrio.sim.scenario.story import (
    Answer,
    Line,
    LineKind,
    Machine,
    Page,
    Standing,
    Story,
    Track,
    time_text,
)
from qutrio.sim.world import World

_ERRNO = re.compile(r"\[Errno [0-9]+\] ")
_ANSWERS = {
    Ruling.COMMITTED: Answer.ACKNOWLEDGED,
    Ruling.REFUSED: Answer.REFUSED,
    Ruling.UNKNOWN: Answer.UNKNOWN,
}


@frozen
class _Request:
    """The sentence of an open request, and whether its answer is the last."""

    via: NodeId
    text: str
    last: bool


@define
class Recorder:
    """The observer that records the story of a world."""

    world: World
    story: Story
    names: dict[NodeId, str]
    paged: Callable[[NodeId], None] = lambda _: None
    """Called when a node has sent a page, before the node learns that."""
    follows: Callable[[NodeId], None] = lambda _: None
    """Called when a node has a new document, or has just started."""
    _requests: dict[RequestId, _Request] = field(factory=dict)
    _early: dict[RequestId, Reply] = field(factory=dict)
    _resigned: dict[NodeId, str] = field(factory=dict)
    _notes: dict[NodeId, NodeFact] = field(factory=dict)
    _acting: set[NodeId] = field(factory=set)
    _probed: set[NodeId] = field(factory=set)
    """Nodes whose votes may have changed since they were recorded."""
    _lost: set[NodeId] = field(factory=set)
    _documents: dict[NodeId, ClusterDocument] = field(factory=dict)
    _ledger: Ledger = field(factory=Ledger)
    _members: ClusterDocument | None = None
    _delivered: set[tuple[NoticeId, ChannelId]] = field(factory=set)
    _vacant_s: Seconds | None = None

    # --- as an observer ---------------------------------------------------------------------

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        """Record why a node resigns, what it logs, and its answers to operators."""
        match effect:
            case LogFact(Resigned(reason=reason)):
                self._resigned[name] = reason
            case LogFact(RoleClaimed() | NoticeUndelivered()):
                pass  # the lines about acting and paging cover these
            case LogFact(fact):
                self._write_fact(name, fact)
            case Reply(request):
                asked = self._requests.pop(request, None)
                if asked is None:
                    self._early[request] = effect
                else:
                    self._answered(asked, effect)
            case _:
                pass

    def _write_fact(self, name: NodeId, fact: NodeFact) -> None:
        """Write what a node logs, except a repetition of the last line."""
        if self._notes.get(name) == fact:
            return
        self._notes[name] = fact
        what, details = log_line(fact)
        words = _ERRNO.sub("", ", ".join(details.values()))
        self.write(name, LineKind.NOTE, f"{what}: {words}" if words else what)

    def on_probe(self, name: NodeId) -> None:
        """Record this node's votes once it has processed the result."""
        self._probed.add(name)

    def on_attempt(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None:
        """Record a page, or that it was not delivered."""
        notice = delivery.notice
        channel = self._channel(delivery.channel)
        if not delivered:
            what = f"{notice.check_name} {notice.kind.value}"
            self.write(name, LineKind.UNDELIVERED, f"could not tell {channel} of {what}")
            return
        key = (notice.id, delivery.channel)
        again = key in self._delivered
        self._delivered.add(key)
        self.story.pages.append(
            Page(
                at_s=self.world.true,
                node=self.names[name],
                channel=channel,
                check=notice.check_name,
                kind=notice.kind,
                again=again,
            )
        )
        lasted = ""
        if notice.kind is NoticeKind.RECOVERED:
            lasted = f" after {time_text(notice.at_unix - notice.since_unix)}"
        repeat = "; it had that already, with the same id" if again else ""
        what = f"{notice.check_name} {notice.kind.value}{lasted}{repeat}"
        self.write(name, LineKind.PAGE, f"tells {channel}: {what}")
        self.paged(name)

    def on_event(self, name: NodeId) -> None:
        """Record what changed at a machine."""
        if name in self.world.hosts:
            self._record_machine(name)
            self._record_role(name)
            self._record_node(name)
        self._resigned.clear()

    # --- for the player ---------------------------------------------------------------------

    def write(self, name: NodeId | None, kind: LineKind, text: str) -> None:
        """Write a line; `name` is None for actions on the world."""
        node = "" if name is None else self.names[name]
        self.story.lines.append(Line(self.world.true, node, kind, self.with_names(text)))

    def asked(self, request: RequestId, via: NodeId, text: str, *, last: bool = True) -> None:
        """Associate a request with its sentence.

        `last` is False for a request that only leads to the next.
        """
        asked, early = _Request(via, text, last), self._early.pop(request, None)
        if early is not None:
            self._answered(asked, early)
        else:
            self.story.answers[text].put(self.world.true, Answer.WAITING)
            self._requests[request] = asked

    def refused(self, via: NodeId | None, text: str, reason: str) -> None:
        """Record a request that did not reach a node."""
        self.story.answers[text].put(self.world.true, Answer.REFUSED)
        self.write(via, LineKind.CHANGE, f"'{text}' is refused: {reason}")

    # --- what is compared -------------------------------------------------------------------

    def _record_machine(self, name: NodeId) -> None:
        host, true = self.world.hosts[name], self.world.true
        machine = Machine.RUNNING
        if host.node is None:
            machine = Machine.DOWN
        elif true < host.suspended_until:
            machine = Machine.SUSPENDED
        track = self.story.machines[self.names[name]]
        before = track.now
        if not track.put(true, machine):
            return
        self._notes.pop(name, None)
        if machine is Machine.RUNNING:
            words = {Machine.DOWN: "starts", Machine.SUSPENDED: "goes on"}
            self.write(name, LineKind.MACHINE, words[before])
            if before is Machine.DOWN:
                self.follows(name)
        if machine is Machine.DOWN:
            self._leave_unanswered(name)
        if machine is not Machine.RUNNING:
            self._record_quorum(name, holds=False)
            self._lost.discard(name)
        self._record_documents()

    def _record_role(self, touched: NodeId) -> None:
        true, before = self.world.true, self.story.acting.now
        candidates = self._acting | {touched}
        acting = {i for i in candidates if self.world.hosts[i].acting(true)}
        if acting == self._acting:
            return
        self._acting = acting
        now = frozenset(self.names[ident] for ident in acting)
        since_s = self.story.acting.since(true)
        self.story.acting.put(true, now)
        for ident in sorted(candidates - acting):
            if self.names[ident] in before:
                reason = self._end_reason(ident)
                text = f"acts no more after {time_text(true - since_s)}: {reason}"
                self.write(ident, LineKind.ENDS, text)
                self._vacant_s = true
        for ident in sorted(acting):
            if self.names[ident] not in before:
                node = self.world.hosts[ident].node
                assert node is not None
                assert node.register.established is not None
                self.story.term.put(true, node.register.established)
                gap = "" if self._vacant_s is None else time_text(true - self._vacant_s)
                after = f", after {gap} without a master" if gap else ""
                self.write(ident, LineKind.ACTS, f"acts in term {node.register.established}{after}")

    def _end_reason(self, name: NodeId) -> str:
        host = self.world.hosts[name]
        if name in self._resigned:
            return self._resigned[name]
        if host.node is None:
            return "it is down"
        if self.world.true < host.suspended_until:
            return "it is suspended, and its lease ran out"
        return "its lease ran out, because no majority answered"

    def _record_node(self, name: NodeId) -> None:
        host = self.world.hosts[name]
        node = host.node
        if node is None or self.story.machines[self.names[name]].now is not Machine.RUNNING:
            return
        now = host.clock.at(self.world.true)
        self._record_quorum(
            name, holds=not node.removed and node.leadership.membership.sees_majority(now)
        )
        if self._documents.get(name) is not node.register.committed.document:
            self._documents[name] = node.register.committed.document
            self.follows(name)
            self._record_documents()
        if name in self._probed:
            self._record_votes(name, node)
            if not host.backlog:
                self._probed.discard(name)
        if self.names[name] in self.story.acting.now:
            self._record_master(name, node)

    def _record_quorum(self, name: NodeId, *, holds: bool) -> None:
        held, me = self.story.quorum.now, self.names[name]
        if (me in held) == holds:
            return
        self.story.quorum.put(self.world.true, held | {me} if holds else held - {me})
        host = self.world.hosts[name]
        if host.node is None or self.world.true < host.suspended_until:
            return
        voters = host.node.register.committed.document.voters
        have = len(
            host.node.leadership.membership.contacts(host.clock.at(self.world.true)) & voters
        )
        counted = f"{have} of {len(voters)}, {majority(len(voters))} are needed"
        if not holds and not host.node.removed:
            self._lost.add(name)
            self.write(name, LineKind.QUORUM, f"hears no majority: {counted}")
        elif name in self._lost:
            self._lost.discard(name)
            self.write(name, LineKind.QUORUM, f"hears a majority again: {counted}")

    def _record_votes(self, name: NodeId, node: Node) -> None:
        for check in node.register.committed.document.checks:
            vote = node.exchange.verdicts.vote(name, check.id)
            if vote is None:
                continue
            outcome = vote.result.outcome
            track = self.story.votes.setdefault((self.names[name], check.name), Track(None))
            first = track.now is None
            if track.put(self.world.true, outcome) and not (first and outcome is Outcome.OK):
                self.write(name, LineKind.VOTE, f"votes {outcome.value} on {check.name}")

    def _record_master(self, name: NodeId, node: Node) -> None:
        record, true = node.register.committed, self.world.true
        term = node.register.established
        if term is not None and self.story.term.put(true, term):
            self.write(name, LineKind.ACTS, f"claims again, and acts in term {term}")
        for check in record.document.checks:
            state = node.exchange.verdicts.state(check.id)
            track = self.story.verdicts[check.name]
            first = track.now is State.UNKNOWN and track.since(true) == 0.0
            if track.put(true, state) and not (first and state is State.UP):
                self.write(name, LineKind.VERDICT, self._counted(check.name, check.id, state, node))
        if record.ledger is not self._ledger:
            self._record_ledger(name, record.ledger)
        if record.document is not self._members:
            self._members = record.document
            self._record_members(name, record.document)

    def _counted(self, check: str, ident: CheckId, state: State, node: Node) -> str:
        now = self.world.hosts[node.identity].clock.at(self.world.true)
        count = node.exchange.verdicts.count(ident, now)
        kinds = ((count.ok, "ok"), (count.fail, "fail"), (count.abstain, "abstain"))
        votes = ", ".join(f"{number} {word}" for number, word in kinds if number)
        word = state.value if state is State.UNKNOWN else state.value.upper()
        return f"decides that {check} is {word}: {votes or 'no vote counts'}"

    def _record_ledger(self, name: NodeId, ledger: Ledger) -> None:
        before = {i.id: i for i in self._ledger.incidents}
        after = {i.id: i for i in ledger.incidents}
        self._ledger = ledger
        self.story.outbox.put(self.world.true, len(ledger.outbox))
        for ident in after.keys() - before.keys():
            since = time_text(after[ident].since_unix - EPOCH)
            text = f"opens incident {ident}: {after[ident].check_name} is down since {since}"
            self.write(name, LineKind.VERDICT, text)
        for ident in before.keys() - after.keys():
            self.write(name, LineKind.VERDICT, f"closes incident {ident}")

    def _record_members(self, name: NodeId, document: ClusterDocument) -> None:
        words = {Standing.LEARNER: "is a learner now", Standing.VOTER: "has a vote now"}
        for ident, label in self.names.items():
            member, track = document.member(ident), self.story.standing[label]
            standing = Standing.VOTER if member and member.voter else Standing.LEARNER
            if member is None:
                gone = track.now in {Standing.LEARNER, Standing.VOTER, Standing.REMOVED}
                standing = Standing.REMOVED if gone else Standing.STRANGER
            if track.put(self.world.true, standing):
                text = f"{label} {words.get(standing, 'is a member no more')}"
                self.write(name, LineKind.MEMBER, text)
                self._record_documents()

    def _record_documents(self) -> None:
        """Record which documents the running members hold."""
        running = self._running()
        held = {ident: self._documents.get(ident) for ident in running}
        stamps = {(d.term, d.revision) for d in held.values() if d is not None}
        self.story.agree.put(self.world.true, len(stamps) <= 1)
        names = frozenset(self.names[ident] for ident in running)
        for check, track in self.story.known.items():
            having = {
                self.names[ident]
                for ident, document in held.items()
                if document is not None and any(c.name == check for c in document.checks)
            }
            track.put(self.world.true, (frozenset(having), names))

    def _running(self) -> list[NodeId]:
        hosts = self.world.hosts
        return [
            ident
            for ident, name in self.names.items()
            if ident in hosts
            and self.story.machines[name].now is Machine.RUNNING
            and self.story.standing[name].now is not Standing.REMOVED
        ]

    # --- words ------------------------------------------------------------------------------

    def _answered(self, asked: _Request, reply: Reply) -> None:
        answer = _ANSWERS[reply.ruling]
        if answer is Answer.ACKNOWLEDGED and not asked.last:
            return
        self.story.answers[asked.text].put(self.world.true, answer)
        reason = f": {reply.reason}" if reply.reason else ""
        if answer is Answer.ACKNOWLEDGED:
            reason = f" as revision {reply.revision}"
        self.write(asked.via, LineKind.CHANGE, f"answers '{asked.text}': {answer.value}{reason}")

    def _leave_unanswered(self, name: NodeId) -> None:
        """Record that the requests to a node that stops stay without an answer."""
        for request in [r for r, asked in self._requests.items() if asked.via == name]:
            text = self._requests.pop(request).text
            self.story.answers[text].put(self.world.true, Answer.UNKNOWN)
            self.write(name, LineKind.CHANGE, f"does not answer '{text}' any more: unknown")

    def _channel(self, ident: ChannelId) -> str:
        channels = (c for d in self._documents.values() for c in d.channels)
        return next((c.name for c in channels if c.id == ident), str(ident))

    def with_names(self, text: str) -> str:
        """Return a text with ids replaced by names."""
        for ident, name in self.names.items():
            text = text.replace(ident, name)
        return text
