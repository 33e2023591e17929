"""What became of the writes: a history of requests and answers, and the judgement on it.

Each item is written by one client, one request after the other.  So the states that it may be in
are known at each moment: an acknowledged write replaces them all, a refused one changes none, an
unknown one adds those that it may have led to.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from attrs import frozen


class Answer(Enum):
    """What the client was told."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class DaemonEffect(Enum):
    """What the client asked for."""

    ADD = "add"
    EDIT = "edit"
    ENABLE = "enable"
    DISABLE = "disable"
    REMOVE = "remove"


@frozen
class Item:
    """A check as far as the clients change it; no version is used twice."""

    version: int
    enabled: bool


@frozen
class Write:
    """One request, by whom it was taken, and its answer.  `begun` and `ended` are moments."""

    name: str
    deed: DaemonEffect
    version: int
    via: str
    begun: float
    ended: float
    answer: Answer
    said: str = ""

    def after(self, item: Item | None) -> list[Item | None]:
        """Return what it makes of an item: one state, or none when it could not take effect."""
        match self.deed:
            case DaemonEffect.ADD:
                return [Item(self.version, enabled=False)] if item is None else []
            case _ if item is None:
                return []
            case DaemonEffect.EDIT:
                return [Item(self.version, item.enabled)]
            case DaemonEffect.ENABLE:
                return [Item(item.version, enabled=True)]
            case DaemonEffect.DISABLE:
                return [Item(item.version, enabled=False)]
            case DaemonEffect.REMOVE:
                return [None]


Possible = frozenset[Item | None]
NOTHING: Possible = frozenset({None})


def follow(possible: Possible, write: Write) -> Possible:
    """Return the states that an item may be in after a write; none when that cannot be."""
    if write.answer is Answer.REFUSED:
        return possible
    led_to = frozenset(state for item in possible for state in write.after(item))
    return led_to if write.answer is Answer.ACKNOWLEDGED else possible | led_to


def judge(writes: Sequence[Write], found: Mapping[str, Sequence[Item]]) -> list[str]:
    """Return what is wrong with the items that a node holds at the end.

    `writes` are in the order in which they began; `found` names items, each with every check
    of that name.
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
                wrong.append(f"{name}: {_told(write)}, but it was {before}")
                break
        held = found.get(name, ())
        actual = held[0] if held else None
        if possible and actual not in possible:
            tail = "; ".join(_told(write) for write in history[-4:])
            wrong.append(f"{name}: is {actual}, may be {set(possible)} after: {tail}")
    return wrong


def _told(write: Write) -> str:
    return (
        f"{write.deed.value} {write.version} via {write.via} "
        f"[{write.begun:.2f}-{write.ended:.2f}] {write.answer.value} {write.said}".rstrip()
    )
