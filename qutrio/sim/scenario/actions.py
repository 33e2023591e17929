"""The actions of a timeline: faults that last, events at machines, and operators' requests."""

from enum import Enum, auto
from typing import TypeAlias

from attrs import frozen

from qutrio.model.ids import Seconds


class FaultKind(Enum):
    """The kinds of faults; `name` and `other` of a `Subject` say what is affected."""

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
    """Messages take up to this many seconds."""


class Trouble(Enum):
    """How a disk or a channel fails."""

    FULL = "full"
    FAILS = "fails"
    READ_ONLY = "read-only"
    STALLS = "stalls"
    HANGS = "hangs"


@frozen
class Subject:
    """A part of the cluster that can have a fault."""

    kind: FaultKind
    name: str = ""
    other: str = ""


FaultValue: TypeAlias = bool | float | Trouble
"""How a subject fails; `True` for kinds with only one way."""


@frozen
class StartFault:
    """Start a fault of some subjects, until it is cleared or the entry's time is over."""

    subjects: tuple[Subject, ...]
    value: FaultValue = True


@frozen
class ClearFault:
    """End the faults of some subjects, whichever entries started them.

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
        """The event that undoes this one, for an entry with `for`."""
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
    """Each of these nodes crashes after it sends its next page, before it can record that."""

    nodes: tuple[str, ...]


@frozen
class SetClock:
    """The wall clocks of nodes are set ahead by `by_s` seconds, or back if it is negative."""

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
    """An operator proposes a change to a node; without `via`, to the first that runs."""

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
