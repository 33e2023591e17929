"""What can go wrong in a simulated world, and how often: every fault is a named option."""

from random import Random

from attrs import frozen

from qutrio.model.ids import Seconds


@frozen(kw_only=True)
class Faults:
    """Rates are per simulated second and world unless the name says otherwise.

    `clock_drift` is how far a node's clock rate may be from 1 on either side.
    """

    loss: float = 0.0
    duplication: float = 0.0
    delay_s_max: Seconds = 0.05
    slow_share: float = 0.0
    slow_s_max: Seconds = 8.0
    clock_drift: float = 0.0
    crashes: float = 0.0
    crash_in_batch: float = 0.0
    cuts: float = 0.0
    one_way_cuts: float = 0.0
    suspends: float = 0.0
    disk_errors: float = 0.0
    disk_stalls: float = 0.0
    flaps: float = 0.0
    lonely_failures: float = 0.0
    channel_outages: float = 0.0
    joins: float = 0.0
    removals: float = 0.0


def draw(rng: Random) -> Faults:
    """Return a random subset of all faults at random rates (swarm testing).

    Source: Groce et al., "Swarm Testing" (ISSTA 2012).
    """

    def maybe(high: float) -> float:
        rate = rng.uniform(0.0, high)
        return rate if rng.random() < 0.5 else 0.0  # noqa: PLR2004 - a coin

    return Faults(
        loss=maybe(0.3),
        duplication=maybe(0.2),
        delay_s_max=rng.choice((0.01, 0.05, 0.3, 1.0)),
        slow_share=maybe(0.02),
        clock_drift=maybe(0.045),
        crashes=maybe(0.05),
        crash_in_batch=maybe(0.002),
        cuts=maybe(0.05),
        one_way_cuts=maybe(0.05),
        suspends=maybe(0.03),
        disk_errors=maybe(0.02),
        disk_stalls=maybe(0.02),
        flaps=maybe(0.03),
        lonely_failures=maybe(0.03),
        channel_outages=maybe(0.02),
        joins=maybe(0.02),
        removals=maybe(0.02),
    )
