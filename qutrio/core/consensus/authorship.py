"""Authorship: who made each revision, and who last changed each check and channel.

The node is the one whose certificate brought the proposal, so no member can write in another's
name.  The door and the user are what that node says.  One entry is kept for each item, and for the
items removed last, because a notice about their end may still be due.
"""

from typing import Any

from attrs import evolve, frozen

from qutrio.model.document import ClusterDocument
from qutrio.model.edits import DOORS, Edit, channel_item, check_item
from qutrio.model.ids import NodeId, Revision, UnixTime
from qutrio.model.levels import AUTHORS, may_use

UID_MAX = 2**32 - 1
"""The highest number that the kernel gives a user; a node that names another names nobody."""
REMOVED_KEPT = 64
"""How many removed items keep their entry."""


@frozen
class Author:
    """Who makes a change: the node, the door, and the user id if it is known."""

    node: NodeId
    door: str
    uid: int | None = None


def authored(
    before: ClusterDocument,
    after: ClusterDocument,
    revision: Revision,
    author: Author,
    wall: UnixTime,
) -> dict[str, Any]:
    """Return the fields of `after` that say who changed what; none below their feature level."""
    if not may_use(AUTHORS, before):
        return {}
    member = before.member(author.node) or after.member(author.node)
    made = Edit(
        item="",
        revision=revision,
        at_unix=wall,
        node=author.node,
        name=member.name if member is not None else author.node,
        door=author.door if author.door in DOORS else "",
        uid=author.uid if 0 <= (author.uid or 0) <= UID_MAX else None,
    )
    was, now = _items(before), _items(after)
    edits = {edit.item: edit for edit in before.edits}
    for item in was.keys() - now.keys():
        edits[item] = evolve(made, item=item)
    for item, value in now.items():
        if was.get(item) is not value:
            edits[item] = evolve(made, item=item)
    gone = sorted((e for e in edits.values() if e.item not in now), key=lambda e: e.revision)
    for edit in gone[: max(0, len(gone) - REMOVED_KEPT)]:
        del edits[edit.item]
    return {"last_change": made, "edits": tuple(edits[item] for item in sorted(edits))}


def _items(document: ClusterDocument) -> dict[str, object]:
    found: dict[str, object] = {check_item(c.id): c for c in document.checks}
    found.update({channel_item(c.id): c for c in document.channels})
    return found
