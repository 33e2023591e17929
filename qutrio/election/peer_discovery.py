"""How seats find each other that were told only how many they are.

Theory of operation.  A seat that does not know the members says who it has met, again and again,
to everybody.  It meets whoever speaks to it, up to the size; then it meets nobody else.  It
settles on those it met once every one of them has said exactly the same list; so seats that met
different ones, because too many were started, settle on nothing.  A settled seat says so, and
one that is on its list believes it.
"""

import orjson
from attrs import define, field, frozen

from qutrio.election.group import DIGEST_BYTES, digest, is_seat_id
from qutrio.errors import ElectionError, InvalidValueError
from qutrio.model.document import MEMBERS_MAX
from qutrio.model.ids import NodeId, Seconds

HELLO_S_MAX: Seconds = 1.0
"""How often a seat that knows no members says hello, at least."""


@frozen
class Hello:
    """Whom a seat has met, and whether these are the members for good."""

    met: frozenset[NodeId]
    settled: bool


@define
class PeerDiscovery:
    """What one seat knows of the others before, and after, they all know each other."""

    election: str
    me: NodeId
    size: int
    members: tuple[NodeId, ...] | None = None
    _met: frozenset[NodeId] = field(init=False, default=frozenset())
    _said: dict[NodeId, frozenset[NodeId]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Meet oneself; refuse a size that no election has."""
        if type(self.size) is not int or not 1 <= self.size <= MEMBERS_MAX:
            raise InvalidValueError("size", f"{self.size!r} is not 1 to {MEMBERS_MAX} seats")
        self._met = frozenset({self.me})
        self._settle()

    @property
    def head(self) -> bytes:
        """What every hello to this election begins with."""
        return digest("hello", self.election, self.size)

    def hello(self) -> bytes:
        """Return what this seat has to say, as a frame."""
        settled = self.members is not None
        met = sorted(self.members if self.members is not None else self._met)
        return self.head + orjson.dumps({"met": met, "settled": settled})

    def understands(self, frame: bytes) -> bool:
        """Tell whether a frame is a hello to this election."""
        return frame[:DIGEST_BYTES] == self.head

    def hear(self, sender: NodeId, frame: bytes) -> bytes | None:
        """Take in a hello, and return the answer that the sender needs, if it needs one.

        Raises `ElectionError` when others have settled without this seat.
        """
        hello = _read(frame[DIGEST_BYTES:])
        if hello is None or not is_seat_id(sender) or sender == self.me:
            return None
        if self.members is not None:
            return None if hello.settled else self.hello()
        if hello.settled and len(hello.met) == self.size:
            self._join(hello.met)
            return None
        before = len(self._met), self._said.get(sender)
        if len(self._met) < self.size:
            self._met |= {sender}
        if sender in self._met:
            self._said[sender] = hello.met
        self._settle()
        news = before != (len(self._met), self._said.get(sender))
        return self.hello() if news else None

    def strange(self, participant: NodeId) -> bool:
        """Tell whether a seat came when all places were taken."""
        known = self._met if self.members is None else frozenset(self.members)
        return len(known) >= self.size and participant not in known

    def _join(self, members: frozenset[NodeId]) -> None:
        if self.me not in members:
            raise ElectionError(
                f"the election {self.election!r} has its {self.size} seats already:"
                f" {', '.join(sorted(members))}"
            )
        self.members = tuple(sorted(members))

    def _settle(self) -> None:
        agreed = all(
            self._said.get(participant) == self._met for participant in self._met - {self.me}
        )
        if len(self._met) == self.size and agreed:
            self.members = tuple(sorted(self._met))


def _read(data: bytes) -> Hello | None:
    """Return a hello, or None for anything that is none."""
    try:
        told = orjson.loads(data)
        met, settled = told["met"], told["settled"]
        whole = isinstance(met, list) and all(isinstance(participant, str) for participant in met)
    except (ValueError, TypeError, KeyError):
        return None
    if (
        not whole
        or len(met) > MEMBERS_MAX
        or not all(is_seat_id(participant) for participant in met)
    ):
        return None
    return Hello(frozenset(NodeId(participant) for participant in met), settled is True)
