"""A batch applied item by item to whole documents: slow, and what the quick way is held against."""

from attrs import evolve

from qutrio.core.api.items import drop, find, namesake, put
from qutrio.core.api.mutations import (
    Batch,
    Mutation,
    PutChannel,
    PutCheck,
    Refusal,
    RemoveChannel,
    RemoveCheck,
)
from qutrio.core.api.new_items import ITEM_CHARS_MAX, require_fit
from qutrio.errors import InvalidValueError
from qutrio.model.channels import DiscordChannel, SmtpChannel
from qutrio.model.checks import Check
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Revision, UnixTime


def item_by_item(
    batch: Batch, document: ClusterDocument, wall: UnixTime
) -> ClusterDocument | Refusal:
    """Return the document with all changes, or the first refusal, also for a broken rule."""
    try:
        return _all(batch, document, wall)
    except InvalidValueError as error:
        return Refusal(str(error))


def _all(batch: Batch, document: ClusterDocument, wall: UnixTime) -> ClusterDocument | Refusal:
    for mutation in batch.mutations:
        outcome = _one(mutation, document, wall)
        if isinstance(outcome, Refusal):
            return outcome
        document = outcome
    return document


def _one(  # noqa: PLR0911 - one branch for each kind of change
    mutation: Mutation, document: ClusterDocument, wall: UnixTime
) -> ClusterDocument | Refusal:
    match mutation:
        case Batch():
            return _all(mutation, document, wall)
        case PutCheck(check=check, expect=expect):
            return _put_check(check, expect, document)
        case RemoveCheck(expect=gone):
            if not _same(gone, find(document.checks, gone.id)):
                return _changed("check", gone.name)
            return evolve(document, checks=drop(document.checks, gone.id))
        case PutChannel():
            return _put_channel(mutation, document)
        case RemoveChannel(expect=channel):
            name = channel.name
            if find(document.channels, channel.id) != channel:
                return _changed("alert channel", name)
            users = [c.name for c in document.checks if name in c.alerts]
            if users:
                to_do = f"is attached to check {users[0]!r}; edit it first"
                return Refusal(f"alert channel {name!r} {to_do}")
            return evolve(document, channels=drop(document.channels, channel.id))
        case _:
            return mutation.apply(document, wall)


def _put_check(
    check: Check, expect: Check | None, document: ClusterDocument
) -> ClusterDocument | Refusal:
    found = find(document.checks, check.id)
    if expect is None and found is not None:
        return Refusal(f"a check with the id {check.id!r} exists")
    if not _same(expect, found):
        return _changed("check", check.name)
    if _same(check, found):
        return document
    if other := namesake(document.checks, check, found):
        return Refusal(f"a check named {other.name!r} exists; choose another name")
    known = {c.name for c in document.channels}
    for name in check.alerts:
        if name not in known:
            return Refusal(f"there is no alert channel named {name!r}; see 'qutrio alert list'")
    check.require_dialable(found)
    require_fit(check, found, ITEM_CHARS_MAX)
    stamped = evolve(check, changed=Revision(document.revision + 1))
    return evolve(document, checks=put(document.checks, stamped))


def _put_channel(change: PutChannel, document: ClusterDocument) -> ClusterDocument | Refusal:
    channel, found = change.channel, find(document.channels, change.channel.id)
    name = channel.name
    if found != change.expect:
        return _changed("alert channel", name)
    if other := namesake(document.channels, channel, found):
        return Refusal(f"an alert channel named {other.name!r} exists; choose another name")
    known = {c.url for c in document.channels if isinstance(c, DiscordChannel)}
    if isinstance(channel, DiscordChannel) and channel.url not in known:
        channel.require_private()
    if isinstance(channel, SmtpChannel):
        channel.require_dialable(found)
    renamed = found is not None and found.name != name
    if renamed and any(found.name in c.alerts for c in document.checks if found):
        return Refusal(f"alert channel {name!r} cannot be renamed while checks attach it")
    require_fit(channel, found, ITEM_CHARS_MAX)
    return evolve(document, channels=put(document.channels, channel))


def _same(left: Check | None, right: Check | None) -> bool:
    if left is None or right is None:
        return left is right
    return evolve(left, changed=Revision(0)) == evolve(right, changed=Revision(0))


def _changed(kind: str, name: str) -> Refusal:
    return Refusal(f"{kind} {name!r} was changed or removed by somebody else; look and try again")
