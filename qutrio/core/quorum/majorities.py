"""Majority arithmetic, in one place so that `// 2` is written once."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property

from attrs import frozen

from qutrio.model.ids import Instant, NodeId


def majority(voters: int) -> int:
    """Return the smallest count such that any two sets of that size overlap.

    Source: Gifford, "Weighted Voting for Replicated Data" (SOSP 1979), all weights 1.
    """
    assert voters >= 0
    return voters // 2 + 1


def holds_quorum(present: AbstractSet[NodeId], voters: AbstractSet[NodeId]) -> bool:
    """Return whether the voters present form a majority; nodes that are no voters do not count."""
    return bool(voters) and len(present & voters) >= majority(len(voters))


def quorum_until(
    until: Mapping[NodeId, Instant], voters: AbstractSet[NodeId], never: Instant
) -> Instant:
    """Return the time until which a majority of `voters` is present.

    `until` says until when each is; a voter that is missing in it is present until `never`.
    """
    ends = sorted((until.get(voter, never) for voter in voters), reverse=True)
    return ends[majority(len(voters)) - 1] if voters else never


@frozen
class JointConfig:
    """The voters that count now: those of the committed document and of the accepted one."""

    committed: frozenset[NodeId]
    accepted: frozenset[NodeId]

    @cached_property
    def all(self) -> frozenset[NodeId]:
        """The voters of either of the two."""
        return self.committed | self.accepted

    def majority(self, present: AbstractSet[NodeId]) -> bool:
        """Return whether `present` contains a majority of both."""
        if not holds_quorum(present, self.committed):
            return False
        return self.accepted is self.committed or holds_quorum(present, self.accepted)
