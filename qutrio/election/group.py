"""The group that elects: its name, its members, and the frames that belong to it.

All participants make the same document from the same list, so nothing has to be replicated
before the first election.  Every frame begins with a digest of what must be common: the frames
of a participant that was started with another list, engine or timing are never counted.
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
"""The format of frames; participants of different formats refuse each other's frames."""
DIGEST_BYTES = 8
NO_ADDRESS = "127.0.0.1:1"
"""A placeholder: a member must have an address, but the driver knows the real ones."""


@frozen
class Name:
    """The names of an election and a participant; raises `InvalidValueError` for invalid ones."""

    election: str = field(validator=is_name)
    self_id: str = field(validator=is_name)


@frozen(kw_only=True)
class Group:
    """The members of an election and its rules.  `members` are sorted."""

    name: str
    members: tuple[NodeId, ...]
    settings: Settings
    digest: bytes = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Compute the digest that every frame of this group begins with."""
        common = timing(self.settings)
        rules = [self.settings.engine, float(common.beat_s), float(common.bound_s)]
        object.__setattr__(self, "digest", digest(self.name, list(self.members), rules))

    @property
    def bound_s(self) -> Seconds:
        """For how long a grant binds its voter."""
        return timing(self.settings).bound_s

    def document(self) -> ClusterDocument:
        """Return the document that every member starts with; it never changes."""
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
        """Return the state of a participant that was never started before."""
        record = Record(Position(), self.document(), Ledger())
        return Stable(Promise(), record, record)

    def continued(self, kept: Stable) -> Stable:
        """Return the state of a participant that was started before, perhaps in another group.

        It keeps its promise and its hard state, so that terms never fall.
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
        raise InvalidValueError("members", "must be a list of the ids of all participants")
    ids = [NodeId(_participant_id(member)) for member in members]
    if len(set(ids)) < len(ids):
        raise InvalidValueError("members", "names a participant twice")
    if len(ids) > MEMBERS_MAX:
        raise InvalidValueError("members", f"has {len(ids)} participants; at most {MEMBERS_MAX}")
    if self_id not in ids:
        raise InvalidValueError("members", f"does not name this participant, {self_id!r}")
    return tuple(sorted(ids))


def digest(*parts: object) -> bytes:
    """Return a digest of what participants must have in common."""
    return sha256(orjson.dumps([FORMAT, *parts])).digest()[:DIGEST_BYTES]


def is_participant_id(participant: str) -> bool:
    """Return whether a participant may have this id."""
    try:
        Name("any", participant)
    except InvalidValueError:
        return False
    return True


def _participant_id(member: object) -> str:
    if not isinstance(member, str) or not is_participant_id(member):
        raise InvalidValueError("members", f"{member!r} is not the id of a participant")
    return member


def _member(member: NodeId) -> Member:
    return Member(
        id=member,
        name=member,
        address=NO_ADDRESS,
        fingerprint=Fingerprint(sha256(member.encode()).hexdigest()),
        certificate="",
    )
