"""Every way the document can change: one class each, with a pure `apply`.

A mutation names the item it was made from (`expect`), so that two changes of different items
merge and two of the same item do not overwrite one another: compare-and-set per item.
`apply` returns the next document, or a `Refusal`; it never changes the revision, which the
holder of the term assigns when it writes.
"""

from typing import TypeAlias

from attrs import evolve, frozen

from qutrio.core.election.engines import ENGINES
from qutrio.core.enrollment import problem_of
from qutrio.core.items import drop, find, namesake, put
from qutrio.model.addresses import require_address_of_node
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import NodeId, Revision, TokenId, UnixTime
from qutrio.model.levels import LEVEL_UNSAID, can_belong
from qutrio.model.members import Member, Token
from qutrio.model.new_checks import require_new_check

BATCH_MUTATIONS_MAX = 50_000


@frozen
class Refusal:
    """Why a mutation was not applied; the words are for a person."""

    reason: str


def same_check(left: Check | None, right: Check | None) -> bool:
    """Compare two checks without the revision stamp that the holder of the term puts on."""
    if left is None or right is None:
        return left is right
    return evolve(left, changed=Revision(0)) == evolve(right, changed=Revision(0))


def _changed(kind: str, name: str) -> Refusal:
    return Refusal(f"{kind} {name!r} was changed or removed by somebody else; look and try again")


@frozen(kw_only=True)
class PutCheck:
    """Add a check (`expect` None), or replace the one it was made from."""

    check: Check
    expect: Check | None = None

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the check in it; raises `InvalidValueError`."""
        del wall
        found = find(document.checks, self.check.id)
        if self.expect is None and found is not None:
            return Refusal(f"a check with the id {self.check.id!r} exists")
        if not same_check(self.expect, found):
            return _changed("check", self.check.name)
        if same_check(self.check, found):
            return document
        if other := namesake(document.checks, self.check, found):
            return Refusal(f"a check named {other.name!r} exists; choose another name")
        known = {c.name for c in document.channels}
        for name in self.check.alerts:
            if name not in known:
                return Refusal(f"there is no alert channel named {name!r}; see 'qutrio alert list'")
        require_new_check(self.check, found)
        stamped = evolve(self.check, changed=Revision(document.revision + 1))
        return evolve(document, checks=put(document.checks, stamped))


@frozen(kw_only=True)
class RemoveCheck:
    """Remove the check it was made from."""

    expect: Check

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document without the check."""
        del wall
        if not same_check(self.expect, find(document.checks, self.expect.id)):
            return _changed("check", self.expect.name)
        return evolve(document, checks=drop(document.checks, self.expect.id))


@frozen(kw_only=True)
class PutChannel:
    """Add an alert channel (`expect` None), or replace the one it was made from."""

    channel: Channel
    expect: Channel | None = None

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the channel in it; raises `InvalidValueError`."""
        del wall
        name, found = self.channel.name, find(document.channels, self.channel.id)
        if found != self.expect:
            return _changed("alert channel", name)
        if other := namesake(document.channels, self.channel, found):
            return Refusal(f"an alert channel named {other.name!r} exists; choose another name")
        known = {c.url for c in document.channels if isinstance(c, DiscordChannel)}
        if isinstance(self.channel, DiscordChannel) and self.channel.url not in known:
            self.channel.require_private()
        if isinstance(self.channel, SmtpChannel):
            self.channel.require_dialable(found)
        renamed = found is not None and found.name != name
        if renamed and any(found.name in c.alerts for c in document.checks if found):
            return Refusal(f"alert channel {name!r} cannot be renamed while checks attach it")
        return evolve(document, channels=put(document.channels, self.channel))


@frozen(kw_only=True)
class RemoveChannel:
    """Remove the alert channel it was made from."""

    expect: Channel

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document without the channel."""
        del wall
        name = self.expect.name
        if find(document.channels, self.expect.id) != self.expect:
            return _changed("alert channel", name)
        users = [c.name for c in document.checks if name in c.alerts]
        if users:
            return Refusal(
                f"alert channel {name!r} is attached to check {users[0]!r}; edit it first"
            )
        return evolve(document, channels=drop(document.channels, self.expect.id))


@frozen(kw_only=True)
class PutSettings:
    """Replace the settings it was made from."""

    settings: Settings
    expect: Settings

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the settings."""
        del wall
        if document.settings != self.expect:
            return Refusal("the settings were changed by somebody else; look and try again")
        if self.settings.engine not in ENGINES:
            known = ", ".join(ENGINES)
            return Refusal(
                f"there is no election engine {self.settings.engine!r}; there is {known}"
            )
        return evolve(document, settings=self.settings)


@frozen(kw_only=True)
class AddToken:
    """Invite a node."""

    token: Token

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the token in it and the expired ones pruned."""
        kept = tuple(t for t in document.tokens if t.expires_unix > wall)
        if any(t.id == self.token.id for t in kept):
            return Refusal("this token exists")
        wanted = (self.token.name or "").casefold()
        taken = next((m.name for m in document.members if m.name.casefold() == wanted), None)
        if taken is not None:
            return Refusal(f"a node named {taken!r} is a member; choose another name")
        tokens = sorted([*kept, self.token], key=lambda t: t.id)
        return evolve(document, tokens=tuple(tokens))


@frozen(kw_only=True)
class ClaimToken:
    """Somebody showed the secret whose hash is `secret_hash`: use the token for `claimant`.

    `level` is the feature level that the claimant's program knows.
    """

    token: TokenId
    secret_hash: str
    claimant: Member
    level: int = LEVEL_UNSAID

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the claimant as a learner, or waiting for approval.

        Raises `InvalidValueError` for an address that nobody can dial.
        """
        known = document.member_by_key(self.claimant.fingerprint)
        if known is not None and known.id == self.claimant.id:
            return document
        token = next((t for t in document.tokens if t.id == self.token), None)
        if token is None or token.secret_hash != self.secret_hash:
            reason = "the token is unknown: it was used, revoked or never issued"
            return Refusal(f"{reason}; ask for a new one")
        refusal = self._objection(token, document, wall) or _member_clash(document, self.claimant)
        if refusal is not None:
            return refusal
        require_address_of_node(self.claimant.address)
        if token.auto_approve:
            return _admit(document, token, self.claimant)
        claimed = evolve(token, claimant=evolve(self.claimant, voter=False))
        tokens = tuple(claimed if t.id == token.id else t for t in document.tokens)
        return evolve(document, tokens=tokens)

    def _objection(self, token: Token, document: ClusterDocument, wall: UnixTime) -> Refusal | None:
        if not can_belong(self.level, document):
            runs = f"{self.claimant.name} runs level {self.level}"
            return Refusal(f"{runs}, the cluster needs {document.level}; upgrade it")
        if problem := problem_of(token, self.claimant.fingerprint, wall):
            return Refusal(problem)
        if token.name is not None and token.name != self.claimant.name:
            return Refusal(
                f"the token is for a node named {token.name!r}; join with --name {token.name}"
            )
        return None


@frozen(kw_only=True)
class ApproveToken:
    """Admit the claimant of a token."""

    token: TokenId

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the claimant as a learner."""
        token = next((t for t in document.tokens if t.id == self.token), None)
        if token is None:
            return Refusal("there is no such token; see 'qutrio enroll list'")
        if token.expires_unix <= wall:
            return Refusal("the token has expired; create a new one")
        if token.claimant is None:
            return Refusal(
                "nobody has used this token yet; run 'qutrio enroll join' on the new node"
            )
        return _member_clash(document, token.claimant) or _admit(document, token, token.claimant)


@frozen(kw_only=True)
class RevokeToken:
    """Take an invitation back."""

    token: TokenId

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document without the token."""
        del wall
        kept = tuple(t for t in document.tokens if t.id != self.token)
        if len(kept) == len(document.tokens):
            return Refusal("there is no such token; see 'qutrio enroll list'")
        return evolve(document, tokens=kept)


@frozen(kw_only=True)
class PromoteMember:
    """Give a learner that holds the document its vote."""

    node: NodeId

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the member as a voter."""
        del wall
        member = document.member(self.node)
        if member is None or member.voter:
            return Refusal("there is no such learner")
        return evolve(document, members=put(document.members, evolve(member, voter=True)))


@frozen(kw_only=True)
class RemoveMember:
    """Take a node's vote, links and trust away."""

    node: NodeId

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document without the member."""
        del wall
        member = document.member(self.node)
        if member is None:
            return Refusal("there is no such member; see 'qutrio node list'")
        if document.voters <= {self.node}:
            return Refusal("the last voting member cannot be removed")
        return evolve(document, members=drop(document.members, self.node))


@frozen(kw_only=True)
class PutMember:
    """Change a member's name or address; its keys and its vote stay as they are."""

    member: Member
    expect: Member

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the member changed; raises `InvalidValueError`."""
        del wall
        if document.member(self.expect.id) != self.expect:
            return _changed("node", self.expect.name)
        fixed = evolve(self.expect, name=self.member.name, address=self.member.address)
        if other := namesake(document.members, fixed, self.expect):
            return Refusal(f"a node named {other.name!r} exists; choose another name")
        if fixed.address != self.expect.address:
            require_address_of_node(fixed.address)
            if clash := _address_clash(document, fixed):
                return clash
        return evolve(document, members=put(document.members, fixed))


@frozen(kw_only=True)
class Batch:
    """Several changes that take effect together or not at all: a hand edit."""

    mutations: tuple["Mutation", ...]

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with all changes, or the first refusal."""
        if len(self.mutations) > BATCH_MUTATIONS_MAX:
            return Refusal(f"{len(self.mutations)} changes at once; at most {BATCH_MUTATIONS_MAX}")
        for mutation in self.mutations:
            outcome = mutation.apply(document, wall)
            if isinstance(outcome, Refusal):
                return outcome
            document = outcome
        return document


Mutation: TypeAlias = (
    PutCheck
    | RemoveCheck
    | PutChannel
    | RemoveChannel
    | PutSettings
    | AddToken
    | ClaimToken
    | ApproveToken
    | RevokeToken
    | PromoteMember
    | RemoveMember
    | PutMember
    | Batch
)


def _member_clash(document: ClusterDocument, claimant: Member) -> Refusal | None:
    for member in document.members:
        if member.fingerprint == claimant.fingerprint or member.id == claimant.id:
            return Refusal(f"this node is a member already, as {member.name!r}")
        if member.name.casefold() == claimant.name.casefold():
            return Refusal(f"a node named {member.name!r} is a member; choose another name")
    return _address_clash(document, claimant)


def _address_clash(document: ClusterDocument, member: Member) -> Refusal | None:
    """Refuse an address where another member is dialled: one of the two would be cut off."""
    for other in document.members:
        if other.id != member.id and other.address == member.address:
            hint = f"give another one, or 'qutrio node remove {other.name}' first"
            return Refusal(f"node {other.name!r} has the address {other.address}; {hint}")
    return None


def _admit(document: ClusterDocument, token: Token, claimant: Member) -> ClusterDocument:
    tokens = tuple(t for t in document.tokens if t.id != token.id)
    learner = evolve(claimant, voter=False)
    return evolve(document, tokens=tokens, members=put(document.members, learner))
