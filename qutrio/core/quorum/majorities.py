"""Majority arithmetic, in one place so that nobody writes `// 2` twice."""

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
    """Tell whether the *voters* present form a majority; strangers never count."""
    return bool(voters) and len(present & voters) >= majority(len(voters))


def quorum_until(
    until: Mapping[NodeId, Instant], voters: AbstractSet[NodeId], never: Instant
) -> Instant:
    """Return the last moment at which a majority of `voters` is still present.

    `until` says how long each is; one that is absent from it counts as present until `never`.
    """
    moments = sorted((until.get(voter, never) for voter in voters), reverse=True)
    return moments[majority(len(voters)) - 1] if voters else never


@frozen
class JointConfig:
    """The voters that count just now: of the committed document, and of the accepted one."""

    committed: frozenset[NodeId]
    accepted: frozenset[NodeId]

    @cached_property
    def all(self) -> frozenset[NodeId]:
        """Whoever is a voter in one of the two."""
        return self.committed | self.accepted

    def majority(self, present: AbstractSet[NodeId]) -> bool:
        """Tell whether `present` holds a majority of both."""
        if not holds_quorum(present, self.committed):
            return False
        return self.accepted is self.committed or holds_quorum(present, self.accepted)
