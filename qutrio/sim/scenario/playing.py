"""Plays a scenario in the simulator: every action at its time, every probe at its interval."""

from collections.abc import Callable
from hashlib import sha256
from math import floor
from typing import TypeAlias

from attrs import define, evolve, field

from qutrio.model.checks import Check
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.model.results import State
from qutrio.probes.schedule import FIRST_PROBE_WITHIN_S
from qutrio.sim.invariants import InvariantError
from qutrio.sim.options import Faults
from qutrio.sim.scenario.actions import (
    Change,
    ClearFault,
    CrashAfterPage,
    Entry,
    FaultKind,
    MachineEvent,
    Move,
    Request,
    SetClock,
    StartFault,
)
from qutrio.sim.scenario.active_faults import ActiveFaults
from qutrio.sim.scenario.operator import Operator
from qutrio.sim.scenario.predicates import judge
from qutrio.sim.scenario.reading import Scenario
from qutrio.sim.scenario.recording import Recorder
from qutrio.sim.scenario.report import Played
from qutrio.sim.scenario.requests import request_text
from qutrio.sim.scenario.story import (
    Answer,
    LineKind,
    Machine,
    Span,
    Standing,
    Story,
    Track,
)
from qutrio.sim.world import World

BEAT_SLACK = 1e-6
"""Times of probes that are closer than this part of the interval are the same one, rounded."""
REPORT_EVERY_S: Seconds = 10.0
AFTERWARDS_S: Seconds = 1.0
LEAST_S: Seconds = 0.01
"""The shortest length of a story, for one that ends at once."""
HASH_BYTES = 4
Progress: TypeAlias = Callable[[Seconds], None]


def play(scenario: Scenario, seed: int, progress: Progress | None = None) -> Played:
    """Play a scenario to its end.  The same scenario and seed give the same story.

    Args:
        scenario: the scenario.
        seed: determines what is random: delays, phases of probes, lost messages.
        progress: called now and then with the simulated time, in seconds.
    """
    player = _Player(scenario, seed)
    player.prepare()
    player.run(progress)
    story = player.recorder.story
    verdicts = tuple(judge(expectation, story) for expectation in scenario.expectations)
    return Played(scenario=scenario, seed=seed, story=story, verdicts=verdicts)


@define
class _Player:
    scenario: Scenario
    seed: int
    world: World = field(init=False)
    recorder: Recorder = field(init=False)
    faults: ActiveFaults = field(init=False)
    operator: Operator = field(init=False)
    ids: dict[str, NodeId] = field(init=False)
    _crash_after_page: dict[str, tuple[int, Entry]] = field(init=False, factory=dict)
    _open: dict[int, Seconds] = field(init=False, factory=dict)
    """Entries with active faults, and since when."""
    _watched: dict[tuple[str, CheckId], Check] = field(init=False, factory=dict)
    """The checks that each node probes; a new value, even an equal one, is a new plan."""
    _lives: dict[str, int] = field(init=False, factory=dict)
    """The run of each node that its plans belong to."""

    def prepare(self) -> None:
        """Set up the world, and plan all entries of the timeline."""
        document, scope = self.scenario.document, self.scenario.scope
        self.ids = {m.name: m.id for m in document.members}
        self.world = World(
            self.seed, len(document.members), Faults(files=True), document=document, probing=False
        )
        names = {ident: name for name, ident in self.ids.items()}
        self.recorder = Recorder(self.world, self._story(), names, self._paged, self._follow)
        self.world.observer = self.recorder
        self.faults = ActiveFaults(
            self.world,
            self.ids,
            {name: check.id for name, check in scope.checks.items()},
            {name: channel.id for name, channel in scope.channels.items()},
        )
        self.operator = Operator(self.world, self.recorder, self.faults)
        for number, entry in enumerate(self.scenario.entries):
            self._later(entry.at_s, lambda n=number, e=entry: self._begin(n, e))  # type: ignore[misc]

    def run(self, progress: Progress | None) -> None:
        """Play to the end, or until qutrio breaks an invariant."""
        story = self.recorder.story
        try:
            for ident in list(self.world.hosts):
                self.recorder.on_event(ident)
            while self.world.true < story.end_s:
                self.world.run(min(story.end_s, self.world.true + REPORT_EVERY_S))
                if progress is not None:
                    progress(self.world.true)
        except InvariantError as error:
            story.broken = self.recorder.with_names(str(error))
            self.recorder.write(None, LineKind.BROKEN, f"qutrio breaks a promise: {story.broken}")
            story.end_s = max(self.world.true, LEAST_S)
        for number in list(self._open):
            self._close(number)
        story.spans.sort(key=lambda span: span.start_s)

    def _story(self) -> Story:
        scope, document = self.scenario.scope, self.scenario.document
        story = Story(end_s=self.scenario.until_s)
        members = {m.name: m for m in document.members}
        for name in scope.nodes:
            member = members.get(name)
            story.machines[name] = Track(Machine.RUNNING if member else Machine.DOWN)
            standing = Standing.VOTER if member and member.voter else Standing.LEARNER
            story.standing[name] = Track(standing if member else Standing.STRANGER)
        everybody = frozenset(members)
        for check in document.checks:
            story.verdicts[check.name] = Track(State.UNKNOWN)
            story.known[check.name] = Track((everybody, everybody))
        for entry in self.scenario.entries:
            if not isinstance(entry.action, Request):
                continue
            story.answers[request_text(entry.text)] = Track(Answer.NOT_ASKED)
            if entry.action.change is Change.ADD_CHECK:
                name = entry.action.name
                story.verdicts.setdefault(name, Track(State.UNKNOWN))
                story.known.setdefault(name, Track((frozenset(), everybody)))
        return story

    def _later(self, at: Seconds, action: Callable[[], None]) -> None:
        """Run an action at a time, and then record the state of every machine."""

        def act() -> None:
            action()
            for ident in list(self.world.hosts):
                self.recorder.on_event(ident)

        self.world.at(at, next(iter(self.ids.values())), act)

    # --- probes -----------------------------------------------------------------------------

    def _follow(self, ident: NodeId) -> None:
        """Probe the checks of a node's document; new ones soon, as a real node does."""
        host, node = self.world.hosts[ident], self.recorder.names[ident]
        running = host.node
        assert running is not None
        started = self._lives.get(node) != host.life
        self._lives[node] = host.life
        checks = {c.id: c for c in running.register.committed.document.checks if c.enabled}
        for key in [key for key in self._watched if key[0] == node]:
            if started or self._watched[key] != checks.get(key[1]):
                del self._watched[key]
        for check in [c for c in checks.values() if (node, c.id) not in self._watched]:
            watched = self._watched[node, check.id] = evolve(check)
            soon = _fraction(f"{node} {check.id}") * min(check.interval_s, FIRST_PROBE_WITHIN_S)
            true = self.world.true
            self._plan_probe(
                node, watched, true + soon if true else self._next_probe_at(node, check)
            )

    def _next_probe_at(self, node: str, check: Check) -> Seconds:
        """Return when a node probes next: the nodes take turns, spread evenly over the interval."""
        nodes, true = self.scenario.scope.nodes, self.world.true
        phase = (nodes.index(node) / len(nodes) + _fraction(check.id)) % 1.0
        passed = floor(true / check.interval_s - phase) + 1
        return (max(passed, 0) + phase) * check.interval_s

    def _plan_probe(self, node: str, check: Check, at: Seconds) -> None:
        """Probe at a time, and then once in each interval."""
        if at <= self.recorder.story.end_s:
            self.world.at(at, self.ids[node], lambda: self._probe(node, check))

    def _probe(self, node: str, check: Check) -> None:
        if self._watched.get((node, check.id)) is not check:
            return  # replaced by a newer plan, or dropped
        host = self.faults.host(node)
        if host is not None and host.node is not None and not host.node.removed:
            self.world.probe(host.name, check.id)
        beat = self._next_probe_at(node, check)
        late = beat - self.world.true < check.interval_s * BEAT_SLACK
        self._plan_probe(node, check, beat + check.interval_s if late else beat)

    # --- actions ----------------------------------------------------------------------------

    def _begin(self, number: int, entry: Entry) -> None:
        self.recorder.write(None, LineKind.DEED, entry.text)
        true = self.world.true
        match entry.action:
            case StartFault(subjects, value):
                self.faults.start(number, subjects, value)
                self._open[number] = true
                if entry.for_s is not None:
                    self._later(true + entry.for_s, lambda: self._end(number, entry))
                return
            case ClearFault(subjects):
                self.faults.clear(subjects)
                for other in [n for n in self._open if not self.faults.has(n)]:
                    self._close(other)
            case Move(nodes, event):
                true = max(self._move(number, node, event) for node in nodes)
            case CrashAfterPage(nodes):
                self._crash_after_page |= dict.fromkeys(nodes, (number, entry))
            case SetClock(nodes, by_s):
                self._jump(nodes, by_s)
            case Request():
                self.operator.ask(entry.action, request_text(entry.text))
        self._record_span(entry, self.world.true, true)

    def _jump(self, nodes: tuple[str, ...], by_s: Seconds) -> None:
        for node in nodes:
            if (host := self.faults.host(node)) is not None:
                host.clock.wall_off_s += by_s

    def _end(self, number: int, entry: Entry) -> None:
        if self.faults.end(number):
            self.recorder.write(None, LineKind.OVER, f"{entry.text}: over")
            self._close(number)

    def _close(self, number: int) -> None:
        self._record_span(self.scenario.entries[number], self._open.pop(number), self.world.true)

    def _record_span(self, entry: Entry, start: Seconds, end: Seconds) -> None:
        """Record how long an entry was in force."""
        subjects = entry.action.subjects if isinstance(entry.action, StartFault) else ()
        links = tuple((s.name, s.other) for s in subjects if s.kind is FaultKind.LINK)
        end_s = min(end, self.recorder.story.end_s)
        span = Span(text=entry.text, start_s=start, end_s=end_s, links=links)
        self.recorder.story.spans.append(span)

    def _move(self, number: int, node: str, event: MachineEvent) -> Seconds:
        """Apply an event to a machine, and return until when its effect lasts."""
        host, true = self.faults.host(node), self.world.true
        back = self._end_of_move(number, node, event, true)
        if host is None:
            self.recorder.write(None, LineKind.NOTE, f"{node} is not there")
            return true
        down = host.node is None
        match event:
            case MachineEvent.START:
                if not down:
                    self.recorder.write(host.name, LineKind.NOTE, "runs already")
                return true
            case MachineEvent.RESUME:
                return true
            case _ if down:
                self.recorder.write(host.name, LineKind.NOTE, "is down already")
                return true
            case MachineEvent.CRASH | MachineEvent.UNPLUG:
                host.suspended_until = 0.0
                power_cut = event is MachineEvent.UNPLUG
                self.world.crash(host.name, back - true, power_cut=power_cut)
            case MachineEvent.STOP:
                self.world.stop(host.name, back - true)
            case MachineEvent.SUSPEND:
                self.world.suspend(host.name, back - true)
        return back

    def _paged(self, ident: NodeId) -> None:
        """Crash a node that has just sent a page, if that is planned."""
        node = self.recorder.names[ident]
        if node in self._crash_after_page:
            number, entry = self._crash_after_page.pop(node)
            self.recorder.write(ident, LineKind.DEED, "crashes before it can say that it paged")
            self._record_span(entry, self.world.true, self._move(number, node, MachineEvent.CRASH))

    def _end_of_move(self, number: int, node: str, event: MachineEvent, true: Seconds) -> Seconds:
        """Return when the event of an entry is undone, which is after the end if never."""
        entry = self.scenario.entries[number]
        later = [e for e in self.scenario.entries[number + 1 :] if e.at_s >= true]
        ends = [e.at_s for e in later if _moves(e, node, event.end)]
        if entry.for_s is not None:
            ends.append(true + entry.for_s)
        return min(ends, default=self.recorder.story.end_s + AFTERWARDS_S)


def _moves(entry: Entry, node: str, event: MachineEvent | None) -> bool:
    action = entry.action
    return isinstance(action, Move) and action.event is event and node in action.nodes


def _fraction(ident: str) -> float:
    """Return a share from 0 to 1 that follows from an id, like that of the real schedule."""
    number = int.from_bytes(sha256(ident.encode()).digest()[:HASH_BYTES])
    return number / (1 << 8 * HASH_BYTES)
