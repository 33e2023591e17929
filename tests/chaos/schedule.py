"""Makes a schedule from a seed: storms of faults with pauses, and outages of targets.

Each storm has a random subset of the kinds of faults (swarm testing), because a kind that is
always present hides what others would find.  Usually a majority stays healthy; some deep storms
leave none, and some end with a power cut of all nodes at once.
"""

from collections.abc import Mapping, Sequence
from random import Random

from attrs import frozen

from tests.chaos.faults import DISK_KINDS, MASTER, PROCESS_KINDS, SHORTSIGHTED_KINDS, Fault, Kind

STORM_S = (18.0, 40.0)
CALM_S = (12.0, 18.0)
BETWEEN_FAULTS_S = 2.5
KINDS_PER_STORM = (2, 5)
DEEP_STORMS = 0.2
POWER_CUTS = 0.25
MASTERS_HIT = 0.35
FAULT_S_MIN = 1.0
CLOCK_SHIFT_S = 3600
AMOUNTS: Mapping[Kind, Sequence[int]] = {
    Kind.HALF: (-1, 1),
    Kind.LOSS: (5, 20, 40),
    Kind.CLOCK: (-CLOCK_SHIFT_S, CLOCK_SHIFT_S),
}
"""The amounts to choose from; a one-way cut affects either what the victim sends or receives."""


LASTS_S = {
    Kind.KILL: (0.2, 8.0),
    Kind.FREEZE: (0.5, 9.0),
    Kind.FULL_DISK: (2.0, 10.0),
    Kind.READ_ONLY: (2.0, 10.0),
    Kind.CLOCK: (5.0, 20.0),
}
LASTS_S_OTHERWISE = (2.0, 12.0)

OUTAGE_S = (8.0, 60.0)
UPTIME_S = (20.0, 45.0)


@frozen
class Outage:
    """A target that is down from `begin_s` to `end_s`, in seconds after the start."""

    target: int
    begin_s: float
    end_s: float


def plan_faults(seed: int, total_s: float, names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the faults of a run in order; all end within `total_s` seconds.

    The last of the nodes `names` is the one whose wall clock may be shifted.
    """
    rng = Random(f"faults {seed}")
    faults: list[Fault] = []
    begin_s = rng.uniform(1.0, 3.0)
    while begin_s < total_s - FAULT_S_MIN:
        end_s = min(begin_s + rng.uniform(*STORM_S), total_s)
        faults += _storm(rng, begin_s, end_s, names)
        begin_s = end_s + rng.uniform(*CALM_S)
    return tuple(sorted(faults, key=lambda f: f.at_s))


def plan_outages(seed: int, total_s: float, targets: int) -> tuple[Outage, ...]:
    """Return the outages of targets in order; all are up again at `total_s` seconds."""
    rng = Random(f"outages {seed}")
    outages = []
    for target in range(targets):
        at_s = rng.uniform(3.0, 20.0)
        while at_s + OUTAGE_S[0] < total_s:
            end_s = min(at_s + rng.uniform(*OUTAGE_S), total_s)
            outages.append(Outage(target, round(at_s, 2), round(end_s, 2)))
            at_s = end_s + rng.uniform(*UPTIME_S)
    return tuple(sorted(outages, key=lambda o: o.begin_s))


def _storm(rng: Random, begin_s: float, end_s: float, names: Sequence[str]) -> list[Fault]:
    kinds = _kinds(rng)
    ill_max = len(names) if rng.random() < DEEP_STORMS else (len(names) - 1) // 2
    shortsighted = rng.choice(list(names))
    faults: list[Fault] = []
    at_s = begin_s
    while at_s < end_s - FAULT_S_MIN:
        kind = rng.choice(kinds)
        for_s = min(rng.uniform(*LASTS_S.get(kind, LASTS_S_OTHERWISE)), end_s - at_s)
        victims = _victims(rng, kind, names, shortsighted)
        fault = Fault(round(at_s, 2), round(for_s, 2), kind, victims, _amount(rng, kind))
        if _fits(fault, faults, ill_max):
            faults.append(fault)
        at_s += rng.expovariate(1.0 / BETWEEN_FAULTS_S)
    if rng.random() < POWER_CUTS:
        for_s = round(rng.uniform(0.2, 4.0), 2)
        cut = Fault(round(end_s - for_s, 2), for_s, Kind.KILL, tuple(names))
        faults = [f for f in faults if f.ends_s <= cut.at_s or f.kind not in PROCESS_KINDS]
        faults.append(cut)
    return faults


def _kinds(rng: Random) -> list[Kind]:
    """Choose the kinds of a storm: one of processes or disks, and some others."""
    hard = sorted(PROCESS_KINDS | DISK_KINDS, key=lambda k: k.value)
    first = rng.choice(hard)
    others = sorted(set(Kind) - {first}, key=lambda k: k.value)
    return [first, first, *rng.sample(others, rng.randint(*KINDS_PER_STORM))]


def _victims(rng: Random, kind: Kind, names: Sequence[str], shortsighted: str) -> tuple[str, ...]:
    if kind is Kind.SPLIT:
        return tuple(sorted(rng.sample(names, rng.randint(1, len(names) - 1))))
    if kind is Kind.PARTIAL:
        return tuple(sorted(rng.sample(names, 2)))
    if kind is Kind.CLOCK:
        return (names[-1],)
    if kind in SHORTSIGHTED_KINDS:
        return (shortsighted,)
    return (MASTER if rng.random() < MASTERS_HIT else rng.choice(names),)


def _amount(rng: Random, kind: Kind) -> int:
    return rng.choice(AMOUNTS.get(kind, (0,)))


def _fits(fault: Fault, others: Sequence[Fault], ill_max: int) -> bool:
    """Return whether few enough nodes are affected, and no victim has a fault twice at a time."""
    meeting = [f for f in others if f.ends_s > fault.at_s]
    if fault.kind in PROCESS_KINDS | DISK_KINDS:
        ill = {v for f in meeting if f.kind in PROCESS_KINDS | DISK_KINDS for v in f.victims}
        return len(ill) < ill_max and not ill & set(fault.victims)
    if fault.kind in SHORTSIGHTED_KINDS:
        return not any(f.kind in SHORTSIGHTED_KINDS for f in meeting)
    return not any(f.kind is fault.kind and f.victims == fault.victims for f in meeting)
