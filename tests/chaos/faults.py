"""Faults as plain values, so that a schedule can be compared and printed."""

from enum import Enum

from attrs import frozen

MASTER = "master"
"""A victim that is known only when the fault begins: the master at that time."""


class Kind(Enum):
    """A kind of fault."""

    KILL = "kill -9"
    FREEZE = "frozen"
    SPLIT = "split in two"
    HALF = "one victim is cut off in one direction"
    PARTIAL = "two nodes do not hear each other"
    LOSS = "packets lost"
    RESET = "connections reset"
    ISOLATED = "cut off from nodes and targets"
    BLIND = "cut off from the targets"
    SLOW = "slow link"
    FULL_DISK = "full disk"
    READ_ONLY = "read-only disk"
    CLOCK = "wall clock shifted"


PROCESS_KINDS = frozenset({Kind.KILL, Kind.FREEZE})
DISK_KINDS = frozenset({Kind.FULL_DISK, Kind.READ_ONLY})
CUT_KINDS = frozenset({Kind.SPLIT, Kind.HALF, Kind.PARTIAL, Kind.ISOLATED, Kind.BLIND})
SHORTSIGHTED_KINDS = frozenset({Kind.ISOLATED, Kind.BLIND, Kind.SLOW})
"""Kinds whose victim may really see a healthy target fail: only one such victim at a time."""


@frozen
class Fault:
    """One fault, which begins `at_s` seconds after the start, and lasts for `for_s` seconds.

    `victims` are node names, or `MASTER`.  The meaning of `amount` depends on the kind: percent of
    the packets, or seconds of the wall clock.
    """

    at_s: float
    for_s: float
    kind: Kind
    victims: tuple[str, ...]
    amount: int = 0

    @property
    def ends_s(self) -> float:
        return self.at_s + self.for_s

    def in_words(self) -> str:
        """Return it in one line."""
        amount = f" {self.amount:+d}" if self.amount else ""
        whom = ",".join(self.victims)
        return f"{self.at_s:7.1f} s for {self.for_s:4.1f} s  {self.kind.value}{amount}: {whom}"
