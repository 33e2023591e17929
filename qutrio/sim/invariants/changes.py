"""How each kind of change may affect the items of a document: an independent definition.

The judge compares documents item by item, and finds the change that could have made each
difference.  It does not call `apply` of the mutations, because that is under test.
"""

from collections.abc import Iterator
from typing import TypeAlias, assert_never

from attrs import evolve

from qutrio.core.api.draft import same_check
from qutrio.core.api.mutations import (
    AddToken,
    ApproveToken,
    Batch,
    ClaimToken,
    Mutation,
    PromoteMember,
    PutChannel,
    PutCheck,
    PutMember,
    PutSettings,
    RemoveChannel,
    RemoveCheck,
    RemoveMember,
    RevokeToken,
)
from qutrio.model.channels import Channel
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import UnixTime
from qutrio.model.members import Member, Token

Item: TypeAlias = Check | Channel | Member | Token | Settings
Key: TypeAlias = tuple[str, str]
"""The kind and the id of an item."""

SETTINGS: Key = ("settings", "")


def items(document: ClusterDocument) -> dict[Key, Item]:
    """Return all parts of a document that a change can affect."""
    found: dict[Key, Item] = {SETTINGS: document.settings}
    found.update({("check", c.id): c for c in document.checks})
    found.update({("channel", c.id): c for c in document.channels})
    found.update({("member", m.id): m for m in document.members})
    found.update({("token", t.id): t for t in document.tokens})
    return found


def flat(mutation: Mutation) -> Iterator[Mutation]:
    """Yield the steps of a batch, or the single change."""
    if isinstance(mutation, Batch):
        for step in mutation.mutations:
            yield from flat(step)
    else:
        yield mutation


def touches(  # noqa: C901, PLR0911, PLR0912 - one for each kind
    step: Mutation,
) -> tuple[Key, ...]:
    """Return the items that a step names and may affect."""
    match step:
        case PutCheck(check=check):
            return (("check", check.id),)
        case RemoveCheck(expect=check):
            return (("check", check.id),)
        case PutChannel(channel=channel):
            return (("channel", channel.id),)
        case RemoveChannel(expect=channel):
            return (("channel", channel.id),)
        case PutSettings():
            return (SETTINGS,)
        case AddToken(token=token):
            return (("token", token.id),)
        case ClaimToken(token=ident, claimant=claimant):
            return (("token", ident), ("member", claimant.id))
        case ApproveToken(token=ident) | RevokeToken(token=ident):
            return (("token", ident),)
        case PutMember(expect=member):
            return (("member", member.id),)
        case RemoveMember(node=ident):
            return (("member", ident),)
        case PromoteMember() | Batch():
            return ()  # operators do not request the first, and `flat` splits the second
        case _:
            assert_never(step)


def explains(step: Mutation, key: Key, new: Item | None) -> bool:  # noqa: PLR0911 - as above
    """Return whether `step` may have changed the item `key` to `new`."""
    match step:
        case PutCheck(check=check):
            return isinstance(new, Check) and same_check(new, check)
        case PutChannel(channel=channel):
            return new == channel
        case PutSettings(settings=settings):
            return new == settings
        case AddToken(token=token):
            return new == token
        case ClaimToken(claimant=claimant):
            return _claimed(evolve(claimant, voter=False), key, new)
        case ApproveToken():
            return new is None if key[0] == "token" else isinstance(new, Member)
        case PutMember(member=member):
            same = isinstance(new, Member) and (new.name, new.address)
            return same == (member.name, member.address)
        case RemoveCheck() | RemoveChannel() | RemoveMember() | RevokeToken():
            return new is None
        case PromoteMember() | Batch():
            return False
        case _:
            assert_never(step)


def happens_by_itself(old: Item | None, new: Item | None, wall: UnixTime) -> bool:
    """Return whether the cluster makes this change itself: a promotion, or an expired token."""
    if isinstance(old, Token) and new is None:
        return old.expires_unix <= wall
    if isinstance(old, Member) and isinstance(new, Member):
        return not old.voter and new == evolve(old, voter=True)
    return False


def _claimed(learner: Member, key: Key, new: Item | None) -> bool:
    if key[0] == "token":
        return new is None or (isinstance(new, Token) and new.claimant == learner)
    return isinstance(new, Member) and evolve(new, voter=False) == learner
