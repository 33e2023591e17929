"""The interface of the clusters that `failover_real.py` measures, and the measurement."""

import random
import time
from collections.abc import Callable
from typing import Protocol

from attrs import define, field

POLL_S = 0.01
"""How often every survivor is asked."""
GIVEN_UP_S = 60.0
PHASE_S = 1.0
"""Masters die at a random time within this span, that is, at any phase of their heartbeats."""


class Rival(Protocol):
    """Three members, one of which leads and can be killed."""

    @property
    def name(self) -> str:
        """The name in the table."""
        ...

    def start(self) -> None:
        """Start all members."""
        ...

    def await_agreement(self) -> None:
        """Return when all members are well and agree on a leader."""
        ...

    def kill(self) -> float:
        """Kill the leader, and return the time just before."""
        ...

    def succeeded(self) -> bool:
        """Return whether another than the killed member leads."""
        ...

    def revive(self) -> None:
        """Start the killed member again."""
        ...

    def end(self) -> None:
        """End everything and clean up."""
        ...


@define
class Record:
    """One rival and its times so far."""

    rival: Rival
    trials: int
    times: list[float] = field(factory=list)

    def measure(self, rng: random.Random) -> None:
        """Kill the leader once, and record how long it took until another led."""
        self.rival.await_agreement()
        time.sleep(rng.uniform(0, PHASE_S))
        began = self.rival.kill()
        poll(self.rival.succeeded, f"{self.rival.name}: a successor")
        self.times.append(time.monotonic() - began)
        self.rival.revive()


def poll(look: Callable[[], bool], what: str) -> None:
    """Call `look` every `POLL_S` seconds until it returns True; raises TimeoutError."""
    began = due = time.monotonic()
    while not look():
        now = time.monotonic()
        if now > began + GIVEN_UP_S:
            raise TimeoutError(f"{what}: not within {GIVEN_UP_S:g} s")
        due = max(due + POLL_S, now)
        time.sleep(due - now)
