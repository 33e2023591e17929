"""What can be done to a cluster in a scenario: things that are broken, machines, wishes."""

from enum import Enum
from typing import TypeAlias

from attrs import frozen

from qutrio.model.checks import Check
from qutrio.model.ids import Seconds

# --- things that can be out of order for a while ------------------------------------------------


class Weather(Enum):
    """What the network does to every message."""

    LOSS = "loss"
    DUPLICATION = "duplication"
    DELAY = "delay"


class Trouble(Enum):
    """In which way a disk or a channel is out of order."""

    FULL = "full"
    FAILS = "fails"
    READ_ONLY = "read-only"
    STALLS = "stalls"
    HANGS = "hangs"


@frozen(order=True)
class Link:
    """The way from one node to another; held, its messages are lost."""

    source: str
    to: str


@frozen(order=True)
class Target:
    """What a check looks at, as one node sees it; without a node, as everybody does."""

    check: str
    node: str = ""


@frozen(order=True)
class Eyes:
    """A node's means to probe anything; held, it abstains from every check."""

    node: str


@frozen(order=True)
class Disk:
    """The disk of a node; held by a `Trouble`."""

    node: str


@frozen(order=True)
class Rate:
    """The speed of a node's clocks; held at a number that is 1 when they are right."""

    node: str


@frozen(order=True)
class Pipe:
    """The way to an alert channel; held by a `Trouble`."""

    channel: str


@frozen(order=True)
class Air:
    """The network as a whole; held at a share of all messages, or at seconds of delay."""

    what: Weather


Thing: TypeAlias = Link | Target | Eyes | Disk | Rate | Pipe | Air
Grip: TypeAlias = bool | float | Trouble
"""How a thing is held: `True` for one that is simply out of order."""


# --- deeds --------------------------------------------------------------------------------------


@frozen
class Hold:
    """Put things out of order, until they are released or the entry's time is over."""

    things: tuple[Thing, ...]
    grip: Grip = True


@frozen
class Release:
    """Put things in order again, whoever holds them; a `Target` without a node is all of it."""

    things: tuple[Thing, ...]


class Motion(Enum):
    """What happens to a machine."""

    CRASH = "crash"
    UNPLUG = "unplug"
    STOP = "stop"
    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"

    @property
    def back(self) -> "Motion | None":
        """What ends it, for an entry that says `for`."""
        return _BACK.get(self)


_BACK = {
    Motion.CRASH: Motion.START,
    Motion.UNPLUG: Motion.START,
    Motion.STOP: Motion.START,
    Motion.SUSPEND: Motion.RESUME,
}


@frozen
class Move:
    """Something happens to machines."""

    nodes: tuple[str, ...]
    motion: Motion


@frozen
class Ambush:
    """Each of these nodes dies as soon as its next page has left, before it can say so."""

    nodes: tuple[str, ...]


@frozen
class Jump:
    """The wall clocks of nodes are set `by_s` seconds ahead, or back when it is less than 0."""

    nodes: tuple[str, ...]
    by_s: Seconds


# --- wishes of an operator ----------------------------------------------------------------------

Fields: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values as in cluster.yaml."""


@frozen
class AddCheck:
    """Watch one more target."""

    check: Check


@frozen
class EditCheck:
    """Change fields of a check."""

    check: str
    fields: Fields


@frozen
class RemoveCheck:
    """Watch one target less."""

    check: str


@frozen
class EditSettings:
    """Change timers or the engine."""

    fields: Fields


@frozen
class Join:
    """Let a new machine join, by a token that admits it at once."""

    node: str


@frozen
class RemoveNode:
    """Take a member's vote and trust away."""

    node: str


Change: TypeAlias = AddCheck | EditCheck | RemoveCheck | EditSettings | Join | RemoveNode


@frozen
class Ask:
    """An operator asks a node for a change; without `via`, the first node that runs."""

    change: Change
    via: str = ""


Deed: TypeAlias = Hold | Release | Move | Ambush | Jump | Ask


@frozen(kw_only=True)
class Entry:
    """One line of the timeline: at `at_s` a deed begins, and ends after `for_s` if it says so."""

    at_s: Seconds
    deed: Deed
    for_s: Seconds | None
    text: str
    line: int
