"""Under every fault a wire, a disk and a clock can have, two bodies never run at once.

The arena itself refuses two bodies, and a term that does not grow.  Each seed is another story,
and the same story every time.
"""

import random

import pytest
import trio
from trio.testing import MockClock

from qutrio.election.drivers.memory import NetworkFaults
from tests.daemon.virtual_cluster import replay, seeded_scheduler
from tests.election.arena import Arena, Place, SeatClock, open_arena

SEATS = ("a", "b", "c")
FAULTS = 25
DRIFT = 0.02
SEEDS = range(5)
BOUND_S = 1.0
UNWINDING_S = 0.08 * BOUND_S
"""Less than the margin by which a body is cancelled early."""


def fair(rng: random.Random) -> NetworkFaults:
    """Return weather in which a seat can lead."""
    return NetworkFaults(loss=rng.choice((0.0, 0.02)), twice=0.02, delay_s=(0.001, 0.02))


def foul(rng: random.Random) -> NetworkFaults:
    """Return weather in which much goes wrong."""
    return NetworkFaults(
        loss=rng.choice((0.0, 0.1, 0.4)),
        twice=rng.choice((0.0, 0.3)),
        delay_s=(0.001, rng.choice((0.02, 0.3, 3.0))),
        disorder=rng.random() < 0.5,
    )


async def strike(arena: Arena, rng: random.Random) -> None:
    """Let one thing go wrong, or well again."""
    one, other = rng.sample(SEATS, 2)
    match rng.randrange(9):
        case 0 | 1:
            arena.wire.cut(one, other, one_way=rng.random() < 0.5)
        case 2:
            arena.wire.isolate(one)
        case 3 | 4:
            arena.wire.heal()
            for participant in SEATS:
                arena.wire.rejoin(participant)
        case 5:
            arena.wire.weather = rng.choice((fair, foul))(rng)
        case 6:
            await arena.crash(one)
            await trio.sleep(rng.uniform(0, 3))
            arena.start(one)
        case 7:
            await arena.leave(one)
            arena.start(one)
        case 8 if (asked := arena.places[one].participant) is not None:
            await asked.give_way(to=rng.choice((None, other)))
        case _:
            state = arena.places[one].state
            state.failing = None if state.failing else "no space left on device"


async def story(seed: int, engine: str) -> Arena:
    """Live through many faults; then everything heals, and some seat must lead."""
    rng = random.Random(f"{engine} {seed}")
    options = {
        "dead_after": BOUND_S,
        "election_timeout": BOUND_S,
        "heartbeat": 0.2,
        "cooldown": 3.0,
    }
    options |= {"startup_grace": 2.0, "sample": 0.2, "election": 0.5, "alive": 1.0}
    async with open_arena(*SEATS, seed=seed, start=False, engine=engine, **options) as arena:
        arena.unwinding_s = UNWINDING_S
        for participant in SEATS:
            rate = 1 + rng.uniform(-DRIFT, DRIFT)
            arena.places[participant] = Place(clock=SeatClock(rng.uniform(0, 1e5), rate))
        arena.start(*SEATS)
        await arena.leader()
        for _ in range(FAULTS):
            await trio.sleep(rng.expovariate(1))
            await strike(arena, rng)
        arena.wire.heal()
        arena.wire.weather = fair(rng)
        for participant in SEATS:
            arena.wire.rejoin(participant)
            arena.places[participant].state.failing = None
        await trio.sleep(60)
        await arena.leader()
    return arena


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["lowest-id", "raft", "gossip"])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_bodies_never_run_at_once_and_terms_grow(seed: int, engine: str) -> None:
    async def scenario(number: int) -> Arena:
        return await story(number, engine)

    arena = replay(scenario, seed)
    assert arena.leader_tasks, "some body began and ended"


async def test_a_disk_that_refuses_takes_the_role_away_and_is_reported(
    autojump_clock: MockClock,
) -> None:
    with seeded_scheduler(1):
        async with open_arena(*SEATS) as arena:
            first = await arena.leader()
            await trio.sleep(5)
            arena.places[first].state.failing = "no space left on device"
            participant = await arena.participating(first)
            await participant.give_way()
            second = await arena.leader(but=first)
            await trio.sleep(30)
            await (await arena.participating(second)).give_way(to=first)
            await trio.sleep(30)
            assert first not in arena.running
            await arena.told(first, "no space left on device")
