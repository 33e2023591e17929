"""Who changed the document, when, and through which door."""

from attrs import frozen

from qutrio.model.ids import Extra, NodeId, Revision, UnixTime

COMMAND, HAND_EDIT, ENROLLMENT, OWN = "command", "hand edit", "enrollment", "own"
DOORS = frozenset({COMMAND, HAND_EDIT, ENROLLMENT, OWN})
"""A command on a node, cluster.yaml on a node, a node that joins, and the master by itself."""


@frozen(kw_only=True)
class Edit:
    """One change: the last of an item, or the last of all.

    `item` is `check/ID`, `channel/ID`, or empty for the whole document.  `name` is the node's
    name at that time, `door` one of `DOORS` or empty, `uid` the user that ran the command.
    """

    item: str
    revision: Revision
    at_unix: UnixTime
    node: NodeId
    name: str
    door: str
    uid: int | None = None
    extra: Extra = ()


def author_text(edit: Edit) -> str:
    """Return who made a change, in words: `alpha (command, uid 0)`."""
    uid = "" if edit.uid is None else f", uid {edit.uid}"
    return edit.name + (f" ({edit.door}{uid})" if edit.door else "")


def check_item(ident: str) -> str:
    """Return the name under which the last change of a check is kept."""
    return f"check/{ident}"


def channel_item(ident: str) -> str:
    """Return the name under which the last change of a channel is kept."""
    return f"channel/{ident}"
