"""One run: a cluster under a schedule of faults, its recovery, and the checks."""

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from attrs import asdict, define, field, frozen

from qutrio.plumbing.clock import BootClock
from tests.chaos import leadership, pages, writes
from tests.chaos.clients import Clients, items_of
from tests.chaos.fault_injector import FaultInjector, Keeper
from tests.chaos.faults import DISK_KINDS, Fault, Kind
from tests.chaos.insisting import insist
from tests.chaos.limits import (
    HEALED_WITHIN_S,
    PERIOD_GAP_S,
    QUIET_WITHIN_S,
    SAMPLE_EVERY_S,
)
from tests.chaos.schedule import CLOCK_SHIFT_S, Outage, plan_faults, plan_outages
from tests.chaos.stage import NODES, TARGETS, Stage, stage
from tests.chaos.stalls import Stalls
from tests.chaos.summary import Summary, by_kind, counted
from tests.chaos.writes import Answer, Write
from tests.cluster.clusters import NAMES, brief
from tests.cluster.watching import Sample, Watch

TICK_S = 0.1
STALE_SAMPLES_S = 2.0
BAD_WORDS = ("a bug ended the daemon", "please report this bug", "bug in a control request")


@frozen
class Plan:
    """The plan of a run: the same seed and length give the same plan."""

    seed: int
    total_s: float
    faults: tuple[Fault, ...]
    outages: tuple[Outage, ...]

    @classmethod
    def of(cls, seed: int, total_s: float) -> "Plan":
        """Return the plan of a seed, for `total_s` seconds of faults."""
        faults = plan_faults(seed, total_s, NAMES[:NODES])
        return cls(seed, total_s, faults, plan_outages(seed, total_s, TARGETS))


def play(plan: Plan, home: Path, say: Callable[[str], None]) -> Summary:
    """Run a plan with all files in `home`, and return the summary."""
    with ExitStack() as stack:
        say("starting the cluster")
        here = stack.enter_context(stage(home))
        stalls = stack.enter_context(Stalls(here.cluster.nodes))
        watch = stack.enter_context(Watch(here.cluster.nodes, SAMPLE_EVERY_S))
        run = Run(plan, home, here, stalls, watch, say)
        clients = Clients(here.cluster.nodes, here.targets.healthy.url, plan.seed)
        with clients:
            run.run_faults()
            run.await_healing()
        run.await_quiet()
        return run.judge(clients)


@define
class Run:
    """A run in progress, and what is wrong so far."""

    plan: Plan
    home: Path
    stage: Stage
    stalls: Stalls
    watch: Watch
    say: Callable[[str], None]
    keeper: Keeper = field(init=False)
    injector: FaultInjector = field(init=False)
    wrong: list[str] = field(factory=list)
    start: float = field(factory=time.monotonic)
    ended: float = 0.0
    healed_after_s: float = float("nan")
    quiet_after_s: float = float("nan")

    def __attrs_post_init__(self) -> None:
        self.keeper = Keeper(self.stage.cluster.nodes)
        self.injector = FaultInjector(self.stage, self.keeper, self._acting)

    def run_faults(self) -> None:
        """Carry out the plan."""
        targets = self.stage.targets
        actions = [
            *((f.at_s, partial(self._begin, f)) for f in self.plan.faults),
            *((f.ends_s, partial(self.injector.end, f)) for f in self.plan.faults),
            *((o.begin_s, partial(targets.take_down, o.target)) for o in self.plan.outages),
            *((o.end_s, partial(targets.bring_up, o.target)) for o in self.plan.outages),
        ]
        self.start = time.monotonic()
        try:
            for at_s, action in sorted(actions, key=lambda pair: pair[0]):
                while time.monotonic() < self.start + at_s:
                    time.sleep(TICK_S)
                    self.keeper.restart_ended()
                action()
        finally:
            self.injector.end_all()  # otherwise clients of a frozen node could not end
        self.ended = time.monotonic()

    def await_healing(self) -> None:
        """Wait until the lowest id acts, and all nodes are heard and have a vote."""
        self.say("the faults are over; healing")
        lowest = self.stage.cluster.by_id[0]
        took_s = self._within(
            HEALED_WITHIN_S,
            "the lowest id acts and all are heard",
            lambda: self._whole(lowest.name),
        )
        self.healed_after_s = took_s

    def await_quiet(self) -> None:
        """Wait until all outboxes are empty, and all nodes hold the same document."""
        self.say("waiting for quiet")
        self.quiet_after_s = self._within(QUIET_WITHIN_S, "quiet and in agreement", self._quiet)
        master = self.stage.cluster.by_id[0]
        try:
            insist(master, "settings", "set", "confirm_after=1100ms")
        except AssertionError as error:
            self.wrong.append(f"a healed cluster takes no change: {error}")

    def judge(self, clients: Clients) -> Summary:
        """Check what was recorded, and return the summary."""
        samples = self.watch.samples
        history = clients.writes
        self._save_records(history)
        for node in self.stage.cluster.nodes:
            found = items_of(node.ask("document")["document"]["checks"])
            self.wrong += [f"on {node.name}: {line}" for line in writes.judge(history, found)]
        self.wrong += leadership.judge(samples, self._forgetful())
        verdict = pages.judge(self._record())
        self._stop_nodes()
        self.wrong += verdict.wrong + self.keeper.wrong + self._logged_errors()
        answers = [write.answer for write in history]
        spans = leadership.without_master(samples, self.start, self.ended)
        troubles = self.injector.troubles
        return Summary(
            seed=self.plan.seed,
            seconds=self.plan.total_s,
            **counted(troubles),
            faults=by_kind(troubles),
            faults_skipped=self.injector.skipped,
            restarts=self.keeper.restarts,
            acknowledged=answers.count(Answer.ACKNOWLEDGED),
            refused=answers.count(Answer.REFUSED),
            unknown=answers.count(Answer.UNKNOWN),
            outages=len(self.stage.targets.absences),
            announced=verdict.incidents,
            pages=len(self.stage.sinks.arrivals()),
            repeats=verdict.repeats,
            terms=len({s.term for s in samples}),
            samples=len(samples),
            longest_without_master_s=round(max((e - b for b, e in spans), default=0.0), 2),
            healed_after_s=round(self.healed_after_s, 2),
            quiet_after_s=round(self.quiet_after_s, 2),
            stalled_s=round(self.stalls.lost_s(self.start, time.monotonic()), 2),
            wrong=tuple(dict.fromkeys(self.wrong)),
            void=tuple(verdict.void),
        )

    def _stop_nodes(self) -> None:
        """Stop all nodes, and check that each ends without an error."""
        for node in self.stage.cluster.nodes:
            try:
                code = node.stop()
            except subprocess.TimeoutExpired:
                self.wrong.append(f"node {node.name} does not end when it is asked to")
                continue
            if code != 0:
                self.wrong.append(f"node {node.name} was asked to end, and ended with {code}")

    def _save_records(self, history: Sequence[Write]) -> None:
        """Save everything that was recorded next to the nodes' logs."""
        record = {
            "writes": [asdict(write) for write in history],
            "troubles": [asdict(trouble) for trouble in self.injector.troubles],
            "arrivals": [asdict(arrival) for arrival in self.stage.sinks.arrivals()],
            "absences": [asdict(absence) for absence in self.stage.targets.absences],
            "stalls": [asdict(stall) for stall in self.stalls.found],
            "samples": [asdict(sample) for sample in self.watch.samples],
        }
        text = json.dumps(record, default=lambda value: value.value, indent=1)
        (self.home / "record.json").write_text(text)

    def _begin(self, fault: Fault) -> None:
        self.say(fault.in_words())
        self.injector.begin(fault)

    def _acting(self) -> str | None:
        """Return the master by the newest samples, if they are fresh."""
        since = time.monotonic() - STALE_SAMPLES_S
        newest: dict[str, Sample] = {}
        for sample in self.watch.samples[-100:]:
            if sample.asked > since:
                newest[sample.node] = sample
        acting = [s for s in newest.values() if s.acting]
        return max(acting, key=lambda s: s.answered).node if acting else None

    def _within(self, bound_s: float, what: str, look: Callable[[], bool]) -> float:
        """Wait until `look` is true, and return how long it took; after `bound_s` that is wrong."""
        begin = time.monotonic()
        while not look():
            now = time.monotonic()
            if now - begin > bound_s + 2 * self.stalls.lost_s(begin, now):
                seen = "; ".join(brief(n.look()) for n in self.stage.cluster.nodes)
                self.wrong.append(f"not within {bound_s:g} s: {what}: {seen}")
                break
            time.sleep(TICK_S)
            self.keeper.restart_ended()
        return time.monotonic() - begin

    def _whole(self, acting: str) -> bool:
        statuses = [node.look() for node in self.stage.cluster.nodes]
        return all(
            status is not None
            and status["acting"] == (status["name"] == acting)
            and (status["master"] or {}).get("name") == acting
            and all(m["live"] and m["voter"] for m in status["members"])
            for status in statuses
        )

    def _quiet(self) -> bool:
        statuses = [node.look() for node in self.stage.cluster.nodes]
        seen = [status for status in statuses if status is not None]
        return (
            len(seen) == len(statuses)
            and len({(s["digest"], s["term"]) for s in seen}) == 1
            and all(s["outbox"] == 0 for s in seen)
            and not any(c["incident"] for s in seen for c in s["checks"])
            and all(c["state"] == "up" for s in seen for c in s["checks"] if c["enabled"])
        )

    def _record(self) -> pages.RunRecord:
        wall_offset = BootClock().wall() - time.monotonic()
        shifts = (0.0, CLOCK_SHIFT_S, -CLOCK_SHIFT_S)
        begin, end = self.start, time.monotonic()

        def at_of(at_unix: float) -> list[float]:
            moments = [at_unix - wall_offset - shift for shift in shifts]
            return [m for m in moments if begin - 10 < m < end + 10]

        samples = self.watch.samples
        return pages.RunRecord(
            absences=self.stage.targets.absences,
            arrivals=self.stage.sinks.arrivals(),
            periods=leadership.periods_as_master(samples, PERIOD_GAP_S),
            troubles=[(t.begin, t.end) for t in self.injector.troubles],
            lost_s=self.stalls.lost_s,
            starved=self.stalls.starved,
            at_of=at_of,
        )

    def _forgetful(self) -> dict[str, list[tuple[float, float]]]:
        """Return the spans in which each node was killed or could not write."""
        spans: dict[str, list[tuple[float, float]]] = {}
        for trouble in self.injector.troubles:
            if trouble.fault.kind in DISK_KINDS | {Kind.KILL}:
                for name in trouble.victims:
                    spans.setdefault(name, []).append((trouble.begin, trouble.end))
        return spans

    def _logged_errors(self) -> list[str]:
        """Return the errors in the nodes' logs that no fault may cause."""
        return [
            f"{node.name} says: {line[:300]}"
            for node in self.stage.cluster.nodes
            for line in node.output.read_text(errors="replace").splitlines()
            if any(word in line for word in (*BAD_WORDS, "Traceback", "ResourceWarning"))
        ]
