"""Whether a document shows a change: what a node looks for before it says that one is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from attrs import frozen

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qutrio.model.channels import Channel
    from qutrio.model.checks import Check
    from qutrio.model.document import ClusterDocument


@frozen
class _Items:
    """The items of a document by id."""

    document: ClusterDocument
    checks: Mapping[str, Check]
    channels: Mapping[str, Channel]


def shows(document: ClusterDocument, change: Mutation) -> bool:
    """Tell whether a document has what a change asks for.

    A change that was made and then overwritten by another one does not show.
    """
    checks = {str(check.id): check for check in document.checks}
    channels = {str(channel.id): channel for channel in document.channels}
    items = _Items(document, checks, channels)
    steps = change.mutations if isinstance(change, Batch) else (change,)
    return all(_shows(items, step) for step in steps)


def _shows(items: _Items, change: Mutation) -> bool:  # noqa: C901, PLR0911, PLR0912 - one case each
    document = items.document
    match change:
        case PutCheck(check=check):
            return same_check(check, items.checks.get(check.id))
        case RemoveCheck(expect=check):
            return check.id not in items.checks
        case PutChannel(channel=channel):
            return items.channels.get(channel.id) == channel
        case RemoveChannel(expect=channel):
            return channel.id not in items.channels
        case PutSettings(settings=settings):
            return document.settings == settings
        case AddToken(token=token):
            return any(t.id == token.id for t in document.tokens)
        case ClaimToken(claimant=claimant):
            claims = [t.claimant for t in document.tokens if t.claimant is not None]
            return claimant.fingerprint in {m.fingerprint for m in (*document.members, *claims)}
        case ApproveToken(token=ident) | RevokeToken(token=ident):
            return all(t.id != ident for t in document.tokens)
        case PromoteMember(node=node):
            return node in document.voters
        case RemoveMember(node=node):
            return node not in document.ids
        case PutMember(member=member):
            found = document.member(member.id)
            wanted = (member.name, member.address)
            return found is not None and (found.name, found.address) == wanted
        case Batch():
            return shows(document, change)
        case _:
            assert_never(change)
