"""What `failover_real.py` needs of every cluster that it measures, and how it measures."""

import random
import time
from collections.abc import Callable
from typing import Protocol

from attrs import define, field

POLL_S = 0.01
"""Every survivor is asked so often, whatever it runs."""
GIVEN_UP_S = 60.0
PHASE_S = 1.0
"""Masters die at a random moment of such a span, so at any phase of their heartbeats."""


class Rival(Protocol):
    """Three members, one of which leads and can be killed."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        ...

    def start(self) -> None:
        """Start all members."""
        ...

    def settle(self) -> None:
        """Return when all members are well and agree on one that leads."""
        ...

    def kill(self) -> float:
        """Kill whoever leads, and return the moment just before."""
        ...

    def succeeded(self) -> bool:
        """Tell whether another leads than the one that was killed."""
        ...

    def revive(self) -> None:
        """Start the one that was killed again."""
        ...

    def end(self) -> None:
        """Leave nothing behind."""
        ...


@define
class Record:
    """One rival and its times so far."""

    rival: Rival
    trials: int
    times: list[float] = field(factory=list)

    def measure(self, rng: random.Random) -> None:
        """Let the leader die once, and note how long it took until another led."""
        self.rival.settle()
        time.sleep(rng.uniform(0, PHASE_S))
        began = self.rival.kill()
        poll(self.rival.succeeded, f"{self.rival.name}: a successor")
        self.times.append(time.monotonic() - began)
        self.rival.revive()


def poll(look: Callable[[], bool], what: str) -> None:
    """Look every `POLL_S` seconds until it is so; raises TimeoutError."""
    began = due = time.monotonic()
    while not look():
        now = time.monotonic()
        if now > began + GIVEN_UP_S:
            raise TimeoutError(f"{what}: not within {GIVEN_UP_S:g} s")
        due = max(due + POLL_S, now)
        time.sleep(due - now)
