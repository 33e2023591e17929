"""How participants that know only their number find each other.

Theory of operation.  A participant that does not know the members broadcasts the list of those
it has met, again and again.  It adds each sender to the list until the list has the given size;
then it adds no other.  It settles on its list once every participant on the list has sent
exactly the same one; so participants with different lists, because too many were started, settle
on none.  A settled participant says so, and those on its list adopt the list.
"""

import orjson
from attrs import define, field, frozen

from qutrio.election.group import DIGEST_BYTES, digest, is_participant_id
from qutrio.errors import ElectionError, InvalidValueError
from qutrio.model.document import MEMBERS_MAX
from qutrio.model.ids import NodeId, Seconds

HELLO_S_MAX: Seconds = 1.0
"""The longest time between two hellos of a participant that does not know the members."""


@frozen
class Hello:
    """The participants that the sender has met, and whether it has settled on them."""

    met: frozenset[NodeId]
    settled: bool


@define
class PeerDiscovery:
    """What one participant knows of the others, before and after all know each other."""

    election: str
    me: NodeId
    size: int
    members: tuple[NodeId, ...] | None = None
    _met: frozenset[NodeId] = field(init=False, default=frozenset())
    _lists: dict[NodeId, frozenset[NodeId]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Begin the list with oneself; raises `InvalidValueError` for an impossible size."""
        if type(self.size) is not int or not 1 <= self.size <= MEMBERS_MAX:
            raise InvalidValueError("size", f"{self.size!r} is not 1 to {MEMBERS_MAX} participants")
        self._met = frozenset({self.me})
        self._check_agreement()

    @property
    def head(self) -> bytes:
        """What every hello to this election begins with."""
        return digest("hello", self.election, self.size)

    def hello(self) -> bytes:
        """Return this participant's hello, as a frame."""
        settled = self.members is not None
        met = sorted(self.members if self.members is not None else self._met)
        return self.head + orjson.dumps({"met": met, "settled": settled})

    def is_hello(self, frame: bytes) -> bool:
        """Return whether a frame is a hello to this election."""
        return frame[:DIGEST_BYTES] == self.head

    def on_hello(self, sender: NodeId, frame: bytes) -> bytes | None:
        """Process a hello, and return the answer that the sender needs, if it needs one.

        Raises `ElectionError` when others have settled without this participant.
        """
        hello = _read(frame[DIGEST_BYTES:])
        if hello is None or not is_participant_id(sender) or sender == self.me:
            return None
        if self.members is not None:
            return None if hello.settled else self.hello()
        if hello.settled and len(hello.met) == self.size:
            self._adopt(hello.met)
            return None
        before = len(self._met), self._lists.get(sender)
        if len(self._met) < self.size:
            self._met |= {sender}
        if sender in self._met:
            self._lists[sender] = hello.met
        self._check_agreement()
        news = before != (len(self._met), self._lists.get(sender))
        return self.hello() if news else None

    def is_surplus(self, participant: NodeId) -> bool:
        """Return whether a participant is not on a list that is full."""
        known = self._met if self.members is None else frozenset(self.members)
        return len(known) >= self.size and participant not in known

    def _adopt(self, members: frozenset[NodeId]) -> None:
        if self.me not in members:
            raise ElectionError(
                f"the election {self.election!r} has its {self.size} participants already:"
                f" {', '.join(sorted(members))}"
            )
        self.members = tuple(sorted(members))

    def _check_agreement(self) -> None:
        agreed = all(self._lists.get(one) == self._met for one in self._met - {self.me})
        if len(self._met) == self.size and agreed:
            self.members = tuple(sorted(self._met))


def _read(data: bytes) -> Hello | None:
    """Return a hello, or None for anything that is none."""
    try:
        said = orjson.loads(data)
        met, settled = said["met"], said["settled"]
        valid = isinstance(met, list) and all(isinstance(one, str) for one in met)
    except (ValueError, TypeError, KeyError):
        return None
    if not valid or len(met) > MEMBERS_MAX or not all(map(is_participant_id, met)):
        return None
    return Hello(frozenset(NodeId(one) for one in met), settled is True)
