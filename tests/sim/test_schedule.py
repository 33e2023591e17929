"""Schedules are planned from a seed, written to files, shortened, and played again."""

from pathlib import Path

import pytest
from attrs import evolve

from qutrio.core.leadership.leadership import Leadership
from qutrio.core.limits import Limits
from qutrio.errors import InvalidDocumentError
from qutrio.model.document import Settings
from qutrio.model.ids import Instant, NodeId
from qutrio.sim.__main__ import main
from qutrio.sim.faults.machines import Crash
from qutrio.sim.faults.network import Clog, Cut
from qutrio.sim.initial_states import node_ids
from qutrio.sim.options import Fault, Faults
from qutrio.sim.report import Report
from qutrio.sim.schedule import (
    SIZES,
    TIGHT,
    WELL_S,
    RunOutcome,
    Schedule,
    perform,
    plan,
    play,
    size_of,
)
from qutrio.sim.schedule_files import from_json, readable, to_json
from qutrio.sim.shrink import shrink
from tests.core.samples import A, B, C

NODES = node_ids(3)


def cut_off(node: NodeId, at: float) -> Cut:
    pairs = tuple((a, b) for a in NODES for b in NODES if (a == node) != (b == node))
    return Cut(at=at, how=Fault.PARTITION, pairs=pairs, for_s=12.0)


@pytest.fixture(scope="module")
def wild() -> Schedule:
    """Return a schedule with clocks far beyond the bound that at most one master needs."""
    schedules = (
        Schedule(
            seed=seed,
            size=3,
            faulty_s=60.0,
            faults=Faults(clock_drift=0.6, duplication=0.1),
            planned_faults=(cut_off(NODES[0], 10.0), cut_off(NODES[1], 30.0)),
        )
        for seed in range(1, 30)
    )
    return next(schedule for schedule in schedules if perform(schedule).broken is not None)


def test_a_seed_is_planned_before_it_is_played() -> None:
    assert plan(7, 3) == plan(7, 3)
    assert plan(7, 3) != plan(8, 3)
    times = [h.at for h in plan(7, 3).planned_faults]
    assert times == sorted(times)
    assert {size_of(seed) for seed in range(len(SIZES))} == set(range(1, 10))


def test_a_schedule_from_a_file_gives_the_same_trace() -> None:
    for seed in range(40, 60):
        schedule = plan(seed, size_of(seed))
        assert from_json(to_json(schedule)) == schedule
    schedule = plan(41, 3, 20.0)
    assert perform(from_json(to_json(schedule))) == perform(schedule) == play(41, 3, 20.0)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", to_json(plan(1, 3)).replace(b'"kind"', b'"sort"')]
)
def test_a_file_that_is_no_schedule_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocumentError, match="not a schedule"):
        from_json(data)


def test_fields_that_were_renamed_keep_their_names_in_files() -> None:
    schedule = Schedule(
        seed=9, size=3, faulty_s=30.0, faults=Faults(operator_errors=0.5), limits=TIGHT
    )
    written = to_json(schedule)
    assert b'"blunders": 0.5' in written
    assert b'"wishes": 3' in written
    assert b'"errands": 1' in written
    assert from_json(written) == schedule


def test_a_schedule_is_shown_as_text() -> None:
    schedule = Schedule(
        seed=9,
        size=3,
        faulty_s=30.0,
        faults=Faults(loss=0.25),
        settings=Settings(master_cooldown_s=5.0),
        limits=TIGHT,
        planned_faults=(
            Crash(at=1.5, node=A, down_s=6.0, after=3),
            Cut(at=2.0, how=Fault.BRIDGE, pairs=((A, B),), for_s=4.0),
        ),
    )
    assert readable(schedule).splitlines() == [
        "3 nodes, seed 9, faults for 30 s",
        "always: loss 0.25",
        "settings: master_cooldown_s 5.0",
        (
            "limits: pending_proposals 3, proposals_queued 2, proposals_per_write 1, delegated 1, "
            "singles 1, results_per_report 1, unseen_after_s 45.0, unseen_intervals 2"
        ),
        "     1.500 s  crash node=n1 down_s=6.000 power_cut=False after=3",
        "     2.000 s  cut how=bridge pairs=[n1->n2] for_s=4.000 relink=False",
    ]


def test_healing_ends_early_once_all_is_well() -> None:
    quiet = perform(Schedule(seed=1, size=3, faulty_s=30.0))
    assert quiet.broken is None
    assert WELL_S <= quiet.well_s <= WELL_S + 10.0
    assert quiet.void == "nothing was written"
    assert evolve(quiet, acknowledged=1).void == "nothing failed"
    assert evolve(quiet, acknowledged=1, struck=((Fault.CRASH, 1),)).void is None


# --- shrinking ------------------------------------------------------------------------------


def outcome(schedule: Schedule, broken: str | None, true_s: float = 5.0) -> RunOutcome:
    return RunOutcome(
        seed=schedule.seed,
        size=schedule.size,
        broken=broken,
        events=0,
        acknowledged=0,
        refused=0,
        unknown=0,
        pages=0,
        masters=0,
        true_s=true_s,
        well_s=0.0,
        struck=(),
        trace="",
    )


def test_a_schedule_shrinks_to_what_breaks_the_invariant() -> None:
    culprits = (Clog(at=2.0, node=B, for_s=1.0), Clog(at=4.0, node=C, for_s=1.0))
    noise = tuple(Crash(at=n / 4, node=A, down_s=1.0) for n in range(40))
    tried = []

    def trial(schedule: Schedule) -> RunOutcome:
        tried.append(schedule)
        both = set(culprits) <= set(schedule.planned_faults) and schedule.faults.loss > 0
        return outcome(schedule, "1: two act" if both else "9: another promise")

    whole = Schedule(
        seed=1,
        size=5,
        faulty_s=10.0,
        faults=Faults(loss=0.1, garbage=0.1),
        limits=TIGHT,
        planned_faults=tuple(sorted((*culprits, *noise), key=lambda h: h.at)),
    )
    shorter, ended = shrink(whole, outcome(whole, "1: two act"), trial)
    assert shorter.planned_faults == culprits
    assert shorter.faults == Faults(loss=0.1)
    assert (shorter.size, shorter.limits, shorter.faulty_s) == (1, Limits(), 5.001)
    assert ended.broken == "1: two act"
    assert len(tried) < 150


def test_shrinking_stops_when_its_runs_are_used_up() -> None:
    whole = plan(3, 3)
    tried = []

    def trial(schedule: Schedule) -> RunOutcome:
        tried.append(schedule)
        return outcome(schedule, "1: still", true_s=1e9)

    shrink(whole, outcome(whole, "1: still", true_s=1e9), trial, runs_max=7)
    assert len(tried) == 7


def test_clocks_beyond_the_bound_break_an_invariant_and_the_schedule_gets_short(
    wild: Schedule,
) -> None:
    broken = perform(wild)
    assert broken.broken is not None
    assert broken.broken.startswith("1: ")
    shorter, ended = shrink(wild, broken, runs_max=60)
    assert ended.broken is not None
    assert ended.broken.startswith("1: ")
    assert len(shorter.planned_faults) == 1
    assert shorter.faults.clock_drift == 0.6
    assert shorter.faults.duplication == 0.0
    assert perform(shorter) == ended


# --- from a shell ---------------------------------------------------------------------------


def test_many_seeds_are_played_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--first", "5", "--seeds", "2", "--sizes", "1", "--seconds", "5"]) == 0
    told = capsys.readouterr().out
    assert "2 seeds kept every promise" in told
    assert all(fault.value in told for fault in Fault)


def test_two_processes_print_the_same_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for jobs in ("1", "2"):
        assert main(["--seeds", "6", "--seconds", "5", "--jobs", jobs]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]


def test_a_schedule_in_a_file_is_played_again(
    wild: Schedule, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, story = tmp_path / "s.json", tmp_path / "story.txt"
    path.write_bytes(to_json(wild))
    assert main(["--schedule", str(path), "--story", str(story)]) == 1
    told = capsys.readouterr().out
    assert "clock_drift 0.6" in told
    assert perform(wild).trace in told
    assert "Received" in story.read_text()
    path.write_bytes(to_json(evolve(wild, faults=Faults())))
    assert main(["--schedule", str(path)]) == 0
    path.write_bytes(b"{")
    assert main(["--schedule", str(path)]) == 2


def test_a_report_names_the_faults_that_never_struck(wild: Schedule) -> None:
    report = Report()
    quiet = outcome(wild, None)
    report.add(evolve(quiet, struck=((Fault.CRASH, 3),)))
    assert Fault.CRASH not in report.missing()
    assert Fault.LOSS in report.missing()
    assert report.struck[Fault.CRASH] == 1


def test_the_engine_is_in_the_command_that_replays_a_seed_and_in_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Leadership, "acting_until", lambda *_: Instant(float("inf")))
    file = tmp_path / "schedule.json"
    words = ["--engine", "raft", "--first", "1", "--seeds", "1", "--sizes", "3", "--shrink", "1"]
    assert main([*words, "--save", str(file)]) == 1
    told = capsys.readouterr().out
    assert "replay: python -m qutrio.sim --first 1 --seeds 1 --sizes 3 --engine raft" in told
    assert from_json(file.read_bytes()).settings.engine == "raft"
