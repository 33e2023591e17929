"""The mutations: all changes of the cluster document, one class each, with a pure `apply`.

A mutation names the item that it was made from (`expect`), so that changes of different items
merge and changes of the same item do not overwrite each other: compare-and-set per item.
`apply` returns the next document, or a `Refusal`; it never changes the revision, which the
master assigns when it writes.
"""

from typing import TypeAlias

from attrs import evolve, frozen

from qutrio.core.api.admission import token_problem
from qutrio.core.api.draft import Draft, attached, discord_url, exact_name, same_check, stamped
from qutrio.core.api.items import drop, namesake, put
from qutrio.core.api.new_items import ITEM_CHARS_MAX, MEMBER_CHARS_MAX, require_fit
from qutrio.core.election.engines import ENGINES
from qutrio.model.addresses import require_address_of_node
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import NodeId, TokenId, UnixTime
from qutrio.model.levels import LEVEL_UNSAID, can_belong
from qutrio.model.members import Member, Token
from qutrio.model.new_checks import require_new_check

BATCH_MUTATIONS_MAX = 25_000
"""Every check there may be, and more.  Each costs the master 20 microseconds in one step."""


@frozen
class Refusal:
    """Why a mutation was not applied, for a person to read."""

    reason: str


def _changed(kind: str, name: str) -> Refusal:
    return Refusal(f"{kind} {name!r} was changed or removed by somebody else; look and try again")


class _ItemChange:
    """What adds, changes or removes a check or a channel: alone, or with others in a batch."""

    __slots__ = ()

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the change; raises `InvalidValueError`."""
        del wall
        draft = Draft(document)
        return self.change(draft) or draft.document()

    def change(self, draft: Draft) -> Refusal | None:
        """Make the change in a draft, or say why not; raises `InvalidValueError`."""
        raise NotImplementedError


@frozen(kw_only=True)
class PutCheck(_ItemChange):
    """Add a check (`expect` None), or replace the one it was made from."""

    check: Check
    expect: Check | None = None

    def change(self, draft: Draft) -> Refusal | None:
        """Put the check into a draft, or say why not; raises `InvalidValueError`."""
        found = draft.checks.get(self.check.id)
        if self.expect is None and found is not None:
            return Refusal(f"a check with the id {self.check.id!r} exists")
        if not same_check(self.expect, found):
            return _changed("check", self.check.name)
        if same_check(self.check, found):
            return None
        if other := draft.checks.namesake(self.check, found):
            return Refusal(f"a check named {other.name!r} exists; choose another name")
        for name in self.check.alerts:
            if not draft.channels.where(exact_name, name):
                return Refusal(f"there is no alert channel named {name!r}; see 'qutrio alert list'")
        require_new_check(self.check, found)
        require_fit(self.check, found, ITEM_CHARS_MAX)
        draft.checks.put(stamped(self.check, draft.next_revision))
        return None


@frozen(kw_only=True)
class RemoveCheck(_ItemChange):
    """Remove the check it was made from."""

    expect: Check

    def change(self, draft: Draft) -> Refusal | None:
        """Take the check out of a draft, or say why not."""
        if not same_check(self.expect, draft.checks.get(self.expect.id)):
            return _changed("check", self.expect.name)
        draft.checks.drop(self.expect.id)
        return None


@frozen(kw_only=True)
class PutChannel(_ItemChange):
    """Add an alert channel (`expect` None), or replace the one it was made from."""

    channel: Channel
    expect: Channel | None = None

    def change(self, draft: Draft) -> Refusal | None:
        """Put the channel into a draft, or say why not; raises `InvalidValueError`."""
        name, found = self.channel.name, draft.channels.get(self.channel.id)
        if found != self.expect:
            return _changed("alert channel", name)
        if other := draft.channels.namesake(self.channel, found):
            return Refusal(f"an alert channel named {other.name!r} exists; choose another name")
        channel = self.channel
        if isinstance(channel, DiscordChannel) and not draft.channels.where(
            discord_url, channel.url
        ):
            channel.require_private()
        if isinstance(self.channel, SmtpChannel):
            self.channel.require_dialable(found)
        renamed = found is not None and found.name != name
        if found and renamed and draft.checks.where(attached, found.name):
            return Refusal(f"alert channel {name!r} cannot be renamed while checks attach it")
        require_fit(self.channel, found, ITEM_CHARS_MAX)
        draft.channels.put(self.channel)
        return None


@frozen(kw_only=True)
class RemoveChannel(_ItemChange):
    """Remove the alert channel it was made from."""

    expect: Channel

    def change(self, draft: Draft) -> Refusal | None:
        """Take the channel out of a draft, or say why not."""
        name = self.expect.name
        if draft.channels.get(self.expect.id) != self.expect:
            return _changed("alert channel", name)
        users = draft.checks.where(attached, name)
        if users and (user := draft.checks.get(min(users))):
            return Refusal(
                f"alert channel {name!r} is attached to check {user.name!r}; edit it first"
            )
        draft.channels.drop(self.expect.id)
        return None


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
    """Add an enrollment token."""

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
        require_fit(self.token, None, MEMBER_CHARS_MAX)
        if self.token.claimant is not None:
            require_fit(self.token.claimant, None, MEMBER_CHARS_MAX)
        tokens = sorted([*kept, self.token], key=lambda t: t.id)
        return evolve(document, tokens=tuple(tokens))


@frozen(kw_only=True)
class ClaimToken:
    """A node showed the secret whose hash is `secret_hash`: use the token for `claimant`.

    `level` is the feature level that the claimant's program knows.
    """

    token: TokenId
    secret_hash: str
    claimant: Member
    level: int = LEVEL_UNSAID

    def apply(self, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
        """Return the document with the claimant as a learner, or waiting for approval.

        Raises `InvalidValueError` for an address that cannot be dialled.
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
        require_fit(self.claimant, None, MEMBER_CHARS_MAX)
        if token.auto_approve:
            return _admit(document, token, self.claimant)
        claimed = evolve(token, claimant=evolve(self.claimant, voter=False))
        tokens = tuple(claimed if t.id == token.id else t for t in document.tokens)
        return evolve(document, tokens=tokens)

    def _objection(self, token: Token, document: ClusterDocument, wall: UnixTime) -> Refusal | None:
        if not can_belong(self.level, document):
            runs = f"{self.claimant.name} runs level {self.level}"
            return Refusal(f"{runs}, the cluster needs {document.level}; upgrade it")
        if problem := token_problem(token, self.claimant.fingerprint, wall):
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
    """Remove an enrollment token."""

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
    """Make a voter of a learner that holds the document."""

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
    """Remove a node from the cluster."""

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
        count = weight(self) - 1
        if count > BATCH_MUTATIONS_MAX:
            return Refusal(f"{count} changes at once; at most {BATCH_MUTATIONS_MAX}")
        draft = Draft(document)
        return self.change(draft, wall) or draft.document()

    def change(self, draft: Draft, wall: UnixTime) -> Refusal | None:
        """Apply all changes to a draft, or return the first refusal."""
        for mutation in self.mutations:
            if isinstance(mutation, Batch):
                refusal = mutation.change(draft, wall)
            elif isinstance(mutation, _ItemChange):
                refusal = mutation.change(draft)
            else:
                outcome = mutation.apply(draft.rest, wall)
                refusal = outcome if isinstance(outcome, Refusal) else None
                draft.rest = draft.rest if isinstance(outcome, Refusal) else outcome
            if refusal is not None:
                return refusal
        return None


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


def weight(mutation: object) -> int:
    """Return how many changes one is: in a batch, one more than there are in it."""
    return 1 + (sum(map(weight, mutation.mutations)) if isinstance(mutation, Batch) else 0)


def _member_clash(document: ClusterDocument, claimant: Member) -> Refusal | None:
    for member in document.members:
        if member.fingerprint == claimant.fingerprint or member.id == claimant.id:
            return Refusal(f"this node is a member already, as {member.name!r}")
        if member.name.casefold() == claimant.name.casefold():
            return Refusal(f"a node named {member.name!r} is a member; choose another name")
    return _address_clash(document, claimant)


def _address_clash(document: ClusterDocument, member: Member) -> Refusal | None:
    """Refuse the address of another member: one of the two would be cut off."""
    for other in document.members:
        if other.id != member.id and other.address == member.address:
            hint = f"give another one, or 'qutrio node remove {other.name}' first"
            return Refusal(f"node {other.name!r} has the address {other.address}; {hint}")
    return None


def _admit(document: ClusterDocument, token: Token, claimant: Member) -> ClusterDocument:
    tokens = tuple(t for t in document.tokens if t.id != token.id)
    learner = evolve(claimant, voter=False)
    return evolve(document, tokens=tokens, members=put(document.members, learner))
