"""The group that elects: its name, its members, and the frames by which they know each other.

All seats make the same document from the same list, so nothing has to be replicated before the
first election.  Every frame begins with a digest of what must be common: seats that were started
with another list, engine or timing are told apart, and never counted.
"""

from collections.abc import Collection
from hashlib import sha256

import orjson
from attrs import field, frozen

from qutrio.codec import wire
from qutrio.core.api.messages import Message
from qutrio.core.election.engines import timing
from qutrio.errors import InvalidValueError
from qutrio.model.document import MEMBERS_MAX, ClusterDocument, Settings
from qutrio.model.ids import Fingerprint, NodeId, Revision, Seconds
from qutrio.model.incidents import Ledger
from qutrio.model.members import Member
from qutrio.model.rules import is_name
from qutrio.model.stable import Position, Promise, Record, Stable

FORMAT = 1
"""Of frames; seats of different formats refuse each other."""
DIGEST_BYTES = 8
NOWHERE = "127.0.0.1:1"
"""The model wants an address; how seats reach one another is the driver's matter."""


@frozen
class Name:
    """The name of an election or of a seat: raises `InvalidValueError` unless it is one."""

    election: str = field(validator=is_name)
    self_id: str = field(validator=is_name)


@frozen(kw_only=True)
class Group:
    """Who elects, by which rules.  `members` are sorted."""

    name: str
    members: tuple[NodeId, ...]
    settings: Settings
    digest: bytes = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Compute what tells this group's frames from all others."""
        common = timing(self.settings)
        rules = [self.settings.engine, float(common.beat_s), float(common.bound_s)]
        object.__setattr__(self, "digest", digest(self.name, list(self.members), rules))

    @property
    def bound_s(self) -> Seconds:
        """For how long a voter is bound to a leader that it heard of last."""
        return timing(self.settings).bound_s

    def document(self) -> ClusterDocument:
        """Return the document that every member starts with; nobody ever changes it."""
        return ClusterDocument(
            cluster_id=self.name,
            revision=Revision(1),
            settings=self.settings,
            members=tuple(_member(member) for member in self.members),
        )

    def pack(self, message: Message) -> bytes:
        """Return a message as a frame of this group."""
        return self.digest + wire.encode(message)

    def first_state(self) -> Stable:
        """Return what a seat remembers that was never started before."""
        record = Record(Position(), self.document(), Ledger())
        return Stable(Promise(), record, record)

    def continued(self, kept: Stable) -> Stable:
        """Return what a seat goes on with that was started before, perhaps in another group.

        Its promise and its ballot stay, whoever the members are now: terms never fall.
        """
        document = self.document()
        if kept.accepted.document == document == kept.committed.document:
            return kept
        record = Record(Position(), document, Ledger())
        promise = max(kept.promise, Promise(kept.accepted.position.term), key=lambda one: one.term)
        return Stable(promise, record, record, kept.hard_state)


def member_ids(members: object, self_id: str) -> tuple[NodeId, ...]:
    """Return the sorted ids of a list of members; raises `InvalidValueError`."""
    if isinstance(members, str | bytes) or not isinstance(members, Collection):
        raise InvalidValueError("members", "must be a list of the ids of all seats")
    ids = [NodeId(_seat_id(member)) for member in members]
    if len(set(ids)) < len(ids):
        raise InvalidValueError("members", "names a seat twice")
    if len(ids) > MEMBERS_MAX:
        raise InvalidValueError("members", f"has {len(ids)} seats; at most {MEMBERS_MAX}")
    if self_id not in ids:
        raise InvalidValueError("members", f"does not name this seat, {self_id!r}")
    return tuple(sorted(ids))


def digest(*parts: object) -> bytes:
    """Return a digest of what seats must have in common to understand each other."""
    return sha256(orjson.dumps([FORMAT, *parts])).digest()[:DIGEST_BYTES]


def is_seat_id(participant: str) -> bool:
    """Tell whether a seat may have this id."""
    try:
        Name("any", participant)
    except InvalidValueError:
        return False
    return True


def _seat_id(member: object) -> str:
    if not isinstance(member, str) or not is_seat_id(member):
        raise InvalidValueError("members", f"{member!r} is not the id of a seat")
    return member


def _member(member: NodeId) -> Member:
    return Member(
        id=member,
        name=member,
        address=NOWHERE,
        fingerprint=Fingerprint(sha256(member.encode()).hexdigest()),
        certificate="",
    )
