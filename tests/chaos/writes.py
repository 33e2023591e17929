"""Checks the history of writes: requests, answers, and the final document.

Each item is written by one client, one request at a time.  So its possible states are known at
any time: an acknowledged write replaces them all, a refused one changes none, and an unknown one
adds those that it may have produced.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from attrs import frozen


class Answer(Enum):
    """The answer to a client."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Change(Enum):
    """The change that a client requests."""

    ADD = "add"
    EDIT = "edit"
    ENABLE = "enable"
    DISABLE = "disable"
    REMOVE = "remove"


@frozen
class Item:
    """The parts of a check that clients change; no version is used twice."""

    version: int
    enabled: bool


@frozen
class Write:
    """One request, the node that received it, and its answer, with the times of both."""

    name: str
    change: Change
    version: int
    via: str
    begun: float
    ended: float
    answer: Answer
    said: str = ""

    def after(self, item: Item | None) -> list[Item | None]:
        """Return the state of an item after this write, or nothing if it cannot take effect."""
        match self.change:
            case Change.ADD:
                return [Item(self.version, enabled=False)] if item is None else []
            case _ if item is None:
                return []
            case Change.EDIT:
                return [Item(self.version, item.enabled)]
            case Change.ENABLE:
                return [Item(item.version, enabled=True)]
            case Change.DISABLE:
                return [Item(item.version, enabled=False)]
            case Change.REMOVE:
                return [None]


Possible = frozenset[Item | None]
NOTHING: Possible = frozenset({None})


def follow(possible: Possible, write: Write) -> Possible:
    """Return the possible states of an item after a write; none if the answer is impossible."""
    if write.answer is Answer.REFUSED:
        return possible
    led_to = frozenset(state for item in possible for state in write.after(item))
    return led_to if write.answer is Answer.ACKNOWLEDGED else possible | led_to


def judge(writes: Sequence[Write], found: Mapping[str, Sequence[Item]]) -> list[str]:
    """Return what is wrong with the items that a node holds at the end.

    `writes` are in order of their begin; `found` has all checks of each name.
    """
    wrong = [f"{name}: there are {len(items)}" for name, items in found.items() if len(items) > 1]
    histories: dict[str, list[Write]] = {}
    for write in writes:
        histories.setdefault(write.name, []).append(write)
    wrong += [f"{name}: nobody wrote it" for name in found.keys() - histories.keys()]
    for name, history in sorted(histories.items()):
        possible = NOTHING
        for write in history:
            before, possible = possible, follow(possible, write)
            if not possible:
                wrong.append(f"{name}: {_in_words(write)}, but it was {before}")
                break
        held = found.get(name, ())
        actual = held[0] if held else None
        if possible and actual not in possible:
            tail = "; ".join(_in_words(write) for write in history[-4:])
            wrong.append(f"{name}: is {actual}, may be {set(possible)} after: {tail}")
    return wrong


def _in_words(write: Write) -> str:
    return (
        f"{write.change.value} {write.version} via {write.via} "
        f"[{write.begun:.2f}-{write.ended:.2f}] {write.answer.value} {write.said}".rstrip()
    )
