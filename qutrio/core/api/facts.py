"""The facts that a node logs, as values.

The node puts each fact into a `LogFact`.  Code compares these values; `codec.sentences` makes the
sentence that a person reads, where it is shown.
"""

from typing import TypeAlias

from qutrio.model.frozen import frozen
from qutrio.model.ids import ChannelId, NodeId, Term


@frozen
class NodeStarted:
    """The node started, and has logged nothing else yet.  It is never in a `LogFact`."""


@frozen
class RoleClaimed:
    """The node claims to be the master of `term`."""

    term: Term


@frozen
class Resigned:
    """The node gave up its claim of `term`."""

    term: Term
    reason: str


@frozen
class RemovedFromCluster:
    """The node was removed from the cluster, and no longer takes part in anything."""

    reason: str


@frozen
class DiskRefused:
    """The node's disk refused a write."""

    reason: str


@frozen
class ProtocolBroken:
    """Another node, or its program, broke the protocol of the election engine."""

    how: str


@frozen
class EngineUnknown:
    """The settings name an engine that this program does not know."""

    engine: str


@frozen
class OwnChangeRefused:
    """A change of the document that the node itself proposed was refused."""

    reason: str


@frozen
class NoticeUndelivered:
    """An attempt of the node to deliver a notice failed."""

    channel: ChannelId
    detail: str


@frozen
class WallClockChanged:
    """The node's own wall clock was set, by so many whole seconds; above 0 is forward."""

    by_s: int


@frozen
class WallClockDiffers:
    """A peer's wall clock is so many whole seconds ahead of the node's own; below 0 is behind."""

    node: NodeId
    ahead_s: int


@frozen
class WallClockAgrees:
    """A peer's wall clock, which differed, agrees with the node's own again."""

    node: NodeId


@frozen
class MinorityLed:
    """The node leads a minority and may send notices.  `sees` is "2 of 5": the voters it hears."""

    sees: str


@frozen
class MinorityLeft:
    """The node no longer leads a minority."""

    sees: str


NodeFact: TypeAlias = (
    NodeStarted
    | RoleClaimed
    | Resigned
    | RemovedFromCluster
    | DiskRefused
    | ProtocolBroken
    | EngineUnknown
    | OwnChangeRefused
    | NoticeUndelivered
    | WallClockChanged
    | WallClockDiffers
    | WallClockAgrees
    | MinorityLed
    | MinorityLeft
)
