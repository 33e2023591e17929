"""What must hold after every event of every schedule.

1. At most one node acts at any instant of true time.
2. No two nodes ever act in one term; the term a node reports never falls, also across restarts.
3. An acknowledged change is in every later committed document.
4. No two nodes ever hold different committed documents under one revision.
5. A change that was refused never takes effect.
7. A DOWN is announced only when a majority of the voters voted and most of the votes were
   fails; a recovery only when a majority voted and no more than half were.
8. A notice is never delivered after its incident's recovery was.
"""

from attrs import define, field

from qutrio.model.document import ClusterDocument
from qutrio.model.ids import ChannelId, IncidentId, NodeId, NoticeId, Revision, Seconds, Term
from qutrio.model.incidents import Delivery, Ledger, NoticeKind
from qutrio.model.results import Outcome
from qutrio.sim.host import Host


class InvariantError(AssertionError):
    """The core broke a promise; the message says which, when and how."""


@define
class Invariants:
    """Watches a world and raises `InvariantError` at the first broken promise."""

    _term_holder: dict[Term, NodeId] = field(factory=dict)
    _reported: dict[NodeId, Term] = field(factory=dict)
    _documents: dict[Revision, ClusterDocument] = field(factory=dict)
    _seen: dict[NodeId, ClusterDocument] = field(factory=dict)
    _recovered: set[tuple[IncidentId, ChannelId]] = field(factory=set)
    voters_when: dict[NoticeId, int] = field(factory=dict)
    """How many voters there were when a notice was first written down."""
    _ledgers: dict[NodeId, Ledger] = field(factory=dict)
    acknowledged: set[str] = field(factory=set)
    refused: set[str] = field(factory=set)
    announced: dict[tuple[str, ChannelId], int] = field(factory=dict)
    acted: set[NodeId] = field(factory=set)

    def check(self, hosts: dict[NodeId, Host], true: Seconds, touched: NodeId) -> None:
        """Check everything that the last event, at host `touched`, may have changed."""
        host = hosts.get(touched)
        if host is not None and host.node is not None:
            self._check_term(host, true)
            self._note_notices(host)
            if not host.busy:  # what is not on the disk yet is not said to anybody either
                self._check_document(host)
        acting = [n for n, h in hosts.items() if h.acting(true)]
        if len(acting) > 1:
            raise InvariantError(f"1: {acting} act at {true:.6f}")

    def _check_term(self, host: Host, true: Seconds) -> None:
        node = host.node
        assert node is not None
        term = node.seat.mandate.promise.term
        if host.disk.promise.term > term or self._reported.get(host.name, Term(0)) > term:
            raise InvariantError(f"2: the term of {host.name} fell to {term} at {true:.6f}")
        if not host.busy:
            self._reported[host.name] = term
        if host.acting(true):
            self.acted.add(host.name)
            established = node.register.established
            assert established is not None
            holder = self._term_holder.setdefault(established, host.name)
            if holder != host.name:
                raise InvariantError(f"2: {holder} and {host.name} both acted in {established}")

    def _check_document(self, host: Host) -> None:
        assert host.node is not None
        document = host.node.register.committed.document
        if self._seen.get(host.name) is document:
            return
        self._seen[host.name] = document
        known = self._documents.setdefault(document.revision, document)
        if known != document:
            raise InvariantError(f"4: two documents are committed as revision {document.revision}")
        names = {c.name for c in document.checks}
        if names & self.refused:
            raise InvariantError(f"5: refused but there: {sorted(names & self.refused)}")

    def _note_notices(self, host: Host) -> None:
        """Remember how many voters there were when each notice was first written down."""
        assert host.node is not None
        register = host.node.register
        if self._ledgers.get(host.name) is register.accepted.ledger:
            return
        self._ledgers[host.name] = register.accepted.ledger
        electors = register.electors
        voters = min(len(electors.committed), len(electors.accepted))
        for delivery in register.accepted.ledger.outbox:
            self.voters_when.setdefault(delivery.notice.id, voters)

    def delivered(self, delivery: Delivery) -> None:
        """Check a notice that reached its channel."""
        notice = delivery.notice
        voters = self.voters_when[notice.id]
        place = (notice.incident, delivery.channel)
        key = (str(notice.id), delivery.channel)
        self.announced[key] = self.announced.get(key, 0) + 1
        down = notice.kind is NoticeKind.DOWN
        if down and place in self._recovered and self.announced[key] == 1:
            raise InvariantError(f"8: {notice.id} came first after its recovery")
        if not down:
            self._recovered.add(place)
        counted = [e for e in notice.evidence if e.counted]
        fails = sum(e.outcome is Outcome.FAIL for e in counted)
        votes = fails + sum(e.outcome is Outcome.OK for e in counted)
        if votes * 2 <= voters or (fails * 2 > votes) is not down:
            raise InvariantError(f"7: {notice.id} with {fails} fails of {votes}, {voters} voters")

    def quiet(self, hosts: dict[NodeId, Host], true: Seconds) -> None:
        """Check that all is well some time after the last fault."""
        running = {n: h.node for n, h in hosts.items() if h.node is not None}
        newest = max((n.register.committed for n in running.values()), key=lambda r: r.position)
        nodes = [running[m.id] for m in newest.document.members if m.id in running]
        acting = [n for n, h in hosts.items() if h.acting(true)]
        if len(acting) != 1:
            raise InvariantError(f"9: {acting} act long after the last fault")
        documents = {n.register.committed.document.revision for n in nodes}
        if len(documents) != 1:
            raise InvariantError(f"9: revisions {sorted(documents)} long after the last fault")
        learners = [m.id for m in newest.document.members if not m.voter and m.id in running]
        if learners:
            raise InvariantError(f"9: {learners} still have no vote long after the last fault")
        document = nodes[0].register.committed.document
        missing = self.acknowledged - {c.name for c in document.checks}
        if missing:
            raise InvariantError(f"3: acknowledged but lost: {sorted(missing)}")
        outbox = hosts[acting[0]].node
        assert outbox is not None
        if outbox.register.committed.ledger.outbox:
            raise InvariantError("9: the outbox is not empty long after the last fault")
