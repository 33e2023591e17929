"""What a timeline can do to a cluster: faults that last, events at machines, and requests."""

from enum import Enum, auto
from typing import TypeAlias

from attrs import frozen

from qutrio.model.ids import Seconds


class FaultKind(Enum):
    """What can be out of order for a while; `name` and `other` of a `Subject` say which one."""

    LINK = auto()
    """Messages from node `name` to node `other` are lost."""
    TARGET = auto()
    """The target of check `name` fails: for node `other`, or for all when that is empty."""
    PROBING = auto()
    """Node `name` cannot probe, and abstains from every check."""
    DISK = auto()
    """The disk of node `name` has a `Trouble`."""
    CLOCK = auto()
    """The clocks of node `name` run at a rate that is not 1."""
    CHANNEL = auto()
    """Alert channel `name` has a `Trouble`."""
    LOSS = auto()
    """A share of all messages is lost."""
    DUPLICATION = auto()
    """A share of all messages arrives twice."""
    DELAY = auto()
    """Messages take up to so many seconds."""


class Trouble(Enum):
    """How a disk or a channel is out of order."""

    FULL = "full"
    FAILS = "fails"
    READ_ONLY = "read-only"
    STALLS = "stalls"
    HANGS = "hangs"


@frozen
class Subject:
    """One thing that can be out of order."""

    kind: FaultKind
    name: str = ""
    other: str = ""


FaultValue: TypeAlias = bool | float | Trouble
"""How a subject is out of order: `True` where there is only one way."""


@frozen
class StartFault:
    """Put subjects out of order, until they are cleared or the entry's time is over."""

    subjects: tuple[Subject, ...]
    value: FaultValue = True


@frozen
class ClearFault:
    """Put subjects in order, whichever entry put them out of order.

    A target without a node stands for that target at all nodes.
    """

    subjects: tuple[Subject, ...]


class MachineEvent(Enum):
    """What happens to a machine."""

    CRASH = "crash"
    UNPLUG = "unplug"
    STOP = "stop"
    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"

    @property
    def end(self) -> "MachineEvent | None":
        """The event that ends it, for an entry that says `for`."""
        match self:
            case MachineEvent.CRASH | MachineEvent.UNPLUG | MachineEvent.STOP:
                return MachineEvent.START
            case MachineEvent.SUSPEND:
                return MachineEvent.RESUME
            case _:
                return None


@frozen
class Move:
    """Something happens to machines."""

    nodes: tuple[str, ...]
    event: MachineEvent


@frozen
class CrashAfterPage:
    """Each of these nodes crashes when its next page has left, before it can record that."""

    nodes: tuple[str, ...]


@frozen
class SetClock:
    """The wall clocks of nodes are set `by_s` seconds ahead, or back when it is negative."""

    nodes: tuple[str, ...]
    by_s: Seconds


class Change(Enum):
    """What an operator can ask for."""

    ADD_CHECK = auto()
    EDIT_CHECK = auto()
    REMOVE_CHECK = auto()
    EDIT_SETTINGS = auto()
    JOIN = auto()
    REMOVE_NODE = auto()


Fields: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values as in cluster.yaml."""


@frozen(kw_only=True)
class Request:
    """An operator asks a node for a change; without `via`, the first node that runs."""

    change: Change
    name: str = ""
    """The check or the node that is changed."""
    fields: Fields = ()
    via: str = ""


Action: TypeAlias = StartFault | ClearFault | Move | CrashAfterPage | SetClock | Request


@frozen(kw_only=True)
class Entry:
    """One line of the timeline: an action at `at_s`, which lasts for `for_s` if that is given."""

    at_s: Seconds
    action: Action
    for_s: Seconds | None
    text: str
    line: int
