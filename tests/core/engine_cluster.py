"""Engines of several members on one clock and one network, without nodes around them.

A node gives its engine a view of the others (`Electorate`), the messages of others, and time.
So does this cluster: `run` delivers messages and advances each engine at its deadlines and on each
heartbeat.  Whether somebody acts is not decided here; a test sets `master`.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from random import Random

from qutrio.core.election.engine_messages import EngineMessage
from qutrio.core.election.engines import engine_named
from qutrio.core.election.interface import Complaint, Electorate, Engine, Outgoing, Role, RoleChange
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.document import Settings
from qutrio.model.ids import NEVER, Instant, NodeId, Term
from qutrio.model.stable import HardState
from tests.core.samples import at

BEAT_S = 0.25
"""How often every engine is advanced, due or not: a heartbeat makes its node look again."""
ASIDE_S = 24.0
"""For how long a node that stepped aside says that it is not able: six grants of 4 s."""


class EngineCluster:
    """Members of one group with an engine each.

    `loss` and `repeat` are the chances that a message is lost, or arrives twice; `delay_s` says how
    long it may take.  `cut` are the pairs that do not hear each other.  Disks in `full_disks`
    refuse writes; the others keep the hard state when an engine ends.
    """

    def __init__(
        self, engine: str, *members: NodeId, settings: Settings | None = None, seed: int = 1
    ) -> None:
        self.engine = engine
        self.now = at(0.0)
        self.settings = settings or Settings(engine=engine)
        self.joint_config = JointConfig(frozenset(members), frozenset(members))
        self.engines: dict[NodeId, Engine] = {}
        self.disks: dict[NodeId, HardState] = dict.fromkeys(members, HardState())
        self.cut: set[frozenset[NodeId]] = set()
        self.full_disks: set[NodeId] = set()
        self.aside: dict[NodeId, Instant] = {}
        self.master: NodeId | None = None
        self.loss = self.repeat = 0.0
        self.delay_s = (0.001, 0.01)
        self.said: list[tuple[Instant, NodeId, Outgoing]] = []
        self.role_changes: list[tuple[Instant, NodeId, RoleChange]] = []
        self.complaints: list[tuple[Instant, NodeId, Complaint]] = []
        self._rng = Random(seed)
        self._post: list[tuple[Instant, int, NodeId, NodeId, EngineMessage]] = []
        self._next_beat = self.now
        for name in members:
            self.start(name)

    # --- the world --------------------------------------------------------------------------

    def start(self, name: NodeId) -> Engine:
        """Start a member's engine with the hard state that its disk holds."""
        rng = Random(self._rng.random())
        engine = engine_named(self.engine, name, hard_state=self.disks[name], rng=rng, now=self.now)
        assert engine is not None
        self.engines[name] = engine
        return engine

    def crash(self, name: NodeId) -> None:
        """Lose a member's engine, but not its disk."""
        del self.engines[name]

    def split(self, *parts: Iterable[NodeId]) -> None:
        """Cut all lines between members of different parts."""
        where = {name: number for number, part in enumerate(parts) for name in part}
        pairs = [(one, other) for one in where for other in where if one < other]
        self.cut = {frozenset(pair) for pair in pairs if where[pair[0]] != where[pair[1]]}

    def heal(self) -> None:
        """Make every line work again."""
        self.cut.clear()

    def connected(self, one: NodeId, other: NodeId) -> bool:
        """Return True if two members run and can reach each other."""
        return {one, other} <= self.engines.keys() and frozenset((one, other)) not in self.cut

    # --- what the members see ---------------------------------------------------------------

    def living(self, me: NodeId) -> frozenset[NodeId]:
        """Return the members that a member can hear, itself included."""
        return frozenset(n for n in self.engines if n == me or self.connected(me, n))

    def able(self, name: NodeId) -> bool:
        """Return True if a member says that it could lead."""
        free = name not in self.full_disks and self.aside.get(name, NEVER) <= self.now
        return free and self.joint_config.majority(self.living(name))

    def electorate(self, me: NodeId) -> Electorate:
        """Return what a member's engine sees now."""
        living = self.living(me)
        return Electorate(
            me=me,
            joint_config=self.joint_config,
            able=frozenset(n for n in living if self.able(n)),
            living=living,
            master=self.master if self.master in living else None,
            streaks=dict.fromkeys(living, 0.0),
            settings=self.settings,
            term=Term(self.engines[me].hard_state.term),
            fit=me not in self.full_disks,
        )

    def choice(self, name: NodeId) -> NodeId | None:
        """Return the leader that a member's engine chooses now."""
        return self.engines[name].choice(self.electorate(name), self.now)

    def choices(self, *names: NodeId) -> set[NodeId | None]:
        """Return the choices of these members, or of all that run."""
        return {self.choice(name) for name in names or self.engines}

    def leaders(self) -> set[NodeId]:
        """Return the members that consider themselves the leader."""
        return {name for name, engine in self.engines.items() if engine.role is Role.LEADER}

    # --- what happens -----------------------------------------------------------------------

    def step_aside(self, name: NodeId) -> None:
        """Make a member step aside, as an operator would."""
        self.aside[name] = Instant(self.now + ASIDE_S)
        self.engines[name].step_aside(self.electorate(name), self.now)

    def receive(self, sender: NodeId, to: NodeId, word: EngineMessage) -> None:
        """Deliver a message now, whoever sent it."""
        self._say(to, self.engines[to].on_message(sender, word, self.electorate(to), self.now))
        self.advance(to)

    def advance(self, name: NodeId) -> None:
        """Let a member's engine catch up with the clock."""
        engine = self.engines[name]
        self._say(name, engine.advance(self.electorate(name), self.now))
        if engine.deadline(self.now) <= self.now:  # the disk refused: whoever drives it looks again
            self._say(name, engine.advance(self.electorate(name), self.now))
        assert engine.deadline(self.now) > self.now
        for news in engine.news():
            if isinstance(news, RoleChange):
                self.role_changes.append((self.now, name, news))
            else:
                self.complaints.append((self.now, name, news))
        assert engine.news() == []

    def run(self, seconds: float) -> None:
        """Let time pass, with all that falls due in it."""
        until = Instant(self.now + seconds)
        while (due := self._next()) <= until:
            self.now = max(self.now, due)
            self._deliver()
            if self._next_beat <= self.now:
                self._beat()
            for name in sorted(self.engines):
                if self.engines[name].deadline(self.now) <= self.now:
                    self.advance(name)
        self.now = until

    def _next(self) -> Instant:
        moments = [engine.deadline(self.now) for engine in self.engines.values()]
        moments += [self._post[0][0]] if self._post else []
        return min([*moments, self._next_beat])

    def _beat(self) -> None:
        self._next_beat = Instant(self.now + BEAT_S)
        for name in sorted(self.engines):
            seen = self.electorate(name)
            if seen.master is not None:
                self.engines[name].on_acting(seen.master, seen.term, seen, self.now)
            self.advance(name)

    def _say(self, sender: NodeId, words: list[Outgoing]) -> None:
        """Write the hard state, then send the messages; if the write fails, send none."""
        engine = self.engines[sender]
        if sender in self.full_disks and engine.hard_state != self.disks[sender]:
            engine.restore(self.disks[sender])
            return
        self.disks[sender] = engine.hard_state
        for say in words:
            self.said.append((self.now, sender, say))
            others = [n for n in sorted(self.disks) if n != sender]
            for to in others if say.to is None else [say.to]:
                self._send(sender, to, say.message)

    def _send(self, sender: NodeId, to: NodeId, word: EngineMessage) -> None:
        if self._rng.random() < self.loss:
            return
        for _ in range(1 + (self._rng.random() < self.repeat)):
            due = Instant(self.now + self._rng.uniform(*self.delay_s))
            heappush(self._post, (due, len(self.said), sender, to, word))

    def _deliver(self) -> None:
        while self._post and self._post[0][0] <= self.now:
            _, _, sender, to, word = heappop(self._post)
            if self.connected(sender, to):
                self.receive(sender, to, word)
