"""Two bodies never run at once, under random faults of the network, the disks and the clocks.

The arena itself fails for two bodies, and for a term that does not grow.  Each seed gives another
run, which is the same every time.
"""

import random

import pytest
import trio
from trio.testing import MockClock

from qutrio.election.drivers.memory import NetworkFaults
from tests.daemon.virtual_cluster import replay, seeded_scheduler
from tests.election.arena import Arena, ParticipantClock, Place, open_arena

PARTICIPANTS = ("a", "b", "c")
FAULTS = 25
DRIFT = 0.02
SEEDS = range(5)
BOUND_S = 1.0
UNWINDING_S = 0.08 * BOUND_S
"""Less than the margin by which a body is cancelled early."""


def mild(rng: random.Random) -> NetworkFaults:
    """Return network faults under which a participant can lead."""
    return NetworkFaults(loss=rng.choice((0.0, 0.02)), duplication=0.02, delay_s=(0.001, 0.02))


def severe(rng: random.Random) -> NetworkFaults:
    """Return network faults that break much."""
    return NetworkFaults(
        loss=rng.choice((0.0, 0.1, 0.4)),
        duplication=rng.choice((0.0, 0.3)),
        delay_s=(0.001, rng.choice((0.02, 0.3, 3.0))),
        reordering=rng.random() < 0.5,
    )


async def inject_fault(arena: Arena, rng: random.Random) -> None:
    """Begin one fault, or end some."""
    one, other = rng.sample(PARTICIPANTS, 2)
    match rng.randrange(9):
        case 0 | 1:
            arena.wire.cut(one, other, one_way=rng.random() < 0.5)
        case 2:
            arena.wire.isolate(one)
        case 3 | 4:
            arena.wire.heal()
            for participant in PARTICIPANTS:
                arena.wire.rejoin(participant)
        case 5:
            arena.wire.faults = rng.choice((mild, severe))(rng)
        case 6:
            await arena.crash(one)
            await trio.sleep(rng.uniform(0, 3))
            arena.start(one)
        case 7:
            await arena.leave(one)
            arena.start(one)
        case 8 if (asked := arena.places[one].participant) is not None:
            await asked.transfer_leadership(to=rng.choice((None, other)))
        case _:
            state = arena.places[one].state
            state.failing = None if state.failing else "no space left on device"


async def run_with_faults(seed: int, engine: str) -> Arena:
    """Inject many faults, then end all of them; some participant must then lead."""
    rng = random.Random(f"{engine} {seed}")
    options = {
        "dead_after": BOUND_S,
        "election_timeout": BOUND_S,
        "heartbeat": 0.2,
        "cooldown": 3.0,
    }
    options |= {"startup_grace": 2.0, "sample": 0.2, "election": 0.5, "alive": 1.0}
    async with open_arena(*PARTICIPANTS, seed=seed, start=False, engine=engine, **options) as arena:
        arena.unwinding_s = UNWINDING_S
        for participant in PARTICIPANTS:
            rate = 1 + rng.uniform(-DRIFT, DRIFT)
            arena.places[participant] = Place(clock=ParticipantClock(rng.uniform(0, 1e5), rate))
        arena.start(*PARTICIPANTS)
        await arena.leader()
        for _ in range(FAULTS):
            await trio.sleep(rng.expovariate(1))
            await inject_fault(arena, rng)
        arena.wire.heal()
        arena.wire.faults = mild(rng)
        for participant in PARTICIPANTS:
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
        return await run_with_faults(number, engine)

    arena = replay(scenario, seed)
    assert arena.bodies, "some body began and ended"


async def test_a_disk_that_refuses_takes_the_role_away_and_is_reported(
    autojump_clock: MockClock,
) -> None:
    with seeded_scheduler(1):
        async with open_arena(*PARTICIPANTS) as arena:
            first = await arena.leader()
            await trio.sleep(5)
            arena.places[first].state.failing = "no space left on device"
            participant = await arena.participating(first)
            await participant.transfer_leadership()
            second = await arena.leader(but=first)
            await trio.sleep(30)
            await (await arena.participating(second)).transfer_leadership(to=first)
            await trio.sleep(30)
            assert first not in arena.running
            await arena.reported(first, "no space left on device")
