"""Several nodes on a fake clock and a network that delivers in order and without delay."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import TypeVar

from qutrio.core.api.effects import Effect, Notify, Persist, Probe, Reply, Send, StatusReply
from qutrio.core.api.events import (
    Event,
    Inspected,
    Linked,
    Observed,
    PersistFailed,
    Proposed,
    Received,
    Tick,
)
from qutrio.core.api.messages import Message
from qutrio.core.api.mutations import Mutation, PutCheck
from qutrio.core.api.view import Status
from qutrio.core.node import Node
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, NodeId, RequestId, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.results import Outcome, Result
from tests.core.samples import WALL, A, B, C, at, check, document, hook, stable

HELD = document(A, B, C, checks=[check()], channels=[hook()])
API = PutCheck(check=check(CheckId("api")))

_E = TypeVar("_E", bound=Effect)
_M = TypeVar("_M", bound=Message)


class NodeCluster:
    """Nodes with perfect disks and links.

    `sees` is what each node's probes find, by node and check.  `channel_works` says how
    attempts to deliver end; None leaves them unanswered.  `lost` says which kinds of message a
    node sends in vain.  `effects` is all that was performed; `on_effect` is told of each at
    once.  `levels` is what the programs of some nodes know.
    """

    def __init__(
        self, held: ClusterDocument, levels: Mapping[NodeId, int] = MappingProxyType({})
    ) -> None:
        self.now = 0.0
        self.levels = dict(levels)
        self.disks = {m.id: stable(held) for m in held.members}
        self.nodes: dict[NodeId, Node] = {}
        self.cut: set[tuple[NodeId, NodeId]] = set()
        self.lost: set[tuple[NodeId, type[Message]]] = set()
        self.full: set[NodeId] = set()
        self.sees: dict[tuple[NodeId, CheckId], Outcome] = {}
        self.channel_works: bool | None = True
        self.effects: list[tuple[NodeId, Effect]] = []
        self.on_effect: Callable[[NodeId, Effect], None] | None = None
        self._waiting: deque[tuple[NodeId, Event]] = deque()
        self._requests = 0
        for name in self.disks:
            self.start(name)

    def start(self, name: NodeId) -> Node:
        """Start a node from its disk."""
        disk, level = self.disks[name], self.levels.get(name, LEVEL)
        self.nodes[name] = Node(name, disk, now=at(self.now), rng=Random(1), level=level)
        return self.nodes[name]

    def crash(self, name: NodeId) -> None:
        """Lose a node, but not its disk."""
        del self.nodes[name]

    def handle(self, name: NodeId, event: Event) -> None:
        """Pass an event to a node, and perform all effects that follow at this time."""
        self._waiting.append((name, event))
        self._drain()

    def run(self, seconds: float) -> None:
        """Let time pass, with a tick at each deadline of a node."""
        until = self.now + seconds
        while True:
            due, name = min((node.deadline, name) for name, node in self.nodes.items())
            if due > until:
                break
            self.now = max(self.now, due)
            self.handle(name, Tick())
        self.now = until

    def cut_off(self, name: NodeId) -> None:
        """Cut every link of a node, both ways."""
        for other in self.disks:
            self.cut |= {(name, other), (other, name)}

    def masters(self) -> list[NodeId]:
        """Return the nodes that act as master."""
        now = at(self.now)
        return [
            n for n, node in self.nodes.items() if node.leadership.acting_until(now) is not None
        ]

    def set_outcome(self, check: CheckId, outcome: Outcome) -> None:
        """Set the outcome of all probes of a check, and report it once at each node."""
        for name in self.nodes:
            self.sees[name, check] = outcome
        for name in list(self.nodes):
            self._probe(name, check)
        self._drain()

    def propose(self, name: NodeId, mutation: Mutation) -> RequestId:
        """Propose a change at a node."""
        self._requests += 1
        request = RequestId(f"request-{self._requests}")
        self.handle(name, Proposed(request, mutation))
        return request

    def replies(self, request: RequestId) -> list[Reply]:
        """Return the answers to a proposal."""
        return [r for _, r in self.effects_of(Reply) if r.request == request]

    def status(self, name: NodeId) -> Status:
        """Return the status of a node."""
        self.handle(name, Inspected(RequestId("status")))
        return self.effects_of(StatusReply)[-1][1].status

    def effects_of(self, kind: type[_E]) -> list[tuple[NodeId, _E]]:
        """Return the effects of one kind, each with its node."""
        return [(name, effect) for name, effect in self.effects if isinstance(effect, kind)]

    def messages(self, kind: type[_M]) -> list[tuple[NodeId, NodeId, _M]]:
        """Return the messages of one kind, each with its sender and recipient."""
        return [
            (name, send.to, send.message)
            for name, send in self.effects_of(Send)
            if isinstance(send.message, kind)
        ]

    def _drain(self) -> None:
        while self._waiting:
            name, event = self._waiting.popleft()
            if name in self.nodes:
                wall = UnixTime(WALL + self.now)
                self._perform(name, self.nodes[name].step(event, at(self.now), wall))

    def _perform(self, name: NodeId, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist) and name in self.full:
                failed = PersistFailed("no space left", self.disks[name])
                self._waiting.appendleft((name, failed))
                return
            self.effects.append((name, effect))
            if self.on_effect is not None:
                self.on_effect(name, effect)
            match effect:
                case Persist(kept):
                    self.disks[name] = kept
                case Send(to, message) if self._arrives(name, to, message):
                    self._waiting.append((to, Received(name, message)))
                case Probe(checks):
                    for check in checks:
                        self._probe(name, check)
                case Notify() if self.channel_works is not None:
                    ended = effect.ended(delivered=self.channel_works, detail="as told")
                    self._waiting.append((name, ended))
                case _:
                    pass

    def _arrives(self, name: NodeId, to: NodeId, message: Message) -> bool:
        return (name, to) not in self.cut and (name, type(message)) not in self.lost

    def _probe(self, name: NodeId, ident: CheckId) -> None:
        outcome = self.sees.get((name, ident))
        held = self.nodes[name].register.committed.document
        changed = next((c.changed for c in held.checks if c.id == ident), None)
        if outcome is not None and changed is not None:
            result = Result(check=ident, changed=changed, outcome=outcome)
            self._waiting.append((name, Observed(result)))


def elected_cluster(held: ClusterDocument = HELD) -> NodeCluster:
    """Return a cluster whose lowest id is master and known to all."""
    cluster = NodeCluster(held)
    cluster.run(2.5)
    assert cluster.masters() == [A]
    assert {n.view(at(cluster.now)).master for n in cluster.nodes.values()} == {A}
    cluster.effects.clear()
    return cluster


def documents(cluster: NodeCluster) -> Iterator[ClusterDocument]:
    """Yield the committed document of each node."""
    return (n.register.committed.document for n in cluster.nodes.values())


def step(node: Node, event: Tick | Received | Linked | Observed, now: float) -> list[object]:
    """Pass one event to a node that is in no cluster."""
    return [*node.step(event, at(now), UnixTime(WALL + now))]
