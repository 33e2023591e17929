"""The authors of changes: who changed the document, when, and through which interface."""

from attrs import frozen

from qutrio.model.ids import Extra, NodeId, Revision, UnixTime

COMMAND, HAND_EDIT, ENROLLMENT, OWN = "command", "hand edit", "enrollment", "own"
DOORS = frozenset({COMMAND, HAND_EDIT, ENROLLMENT, OWN})
"""The interfaces: a command, cluster.yaml, a node that joins, and the master on its own."""


@frozen(kw_only=True)
class Edit:
    """One change: the last one of an item, or of the whole document.

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
    """Return the author of a change as text: `alpha (command, uid 0)`."""
    uid = "" if edit.uid is None else f", uid {edit.uid}"
    return edit.name + (f" ({edit.door}{uid})" if edit.door else "")


def check_item(ident: str) -> str:
    """Return the `item` of the changes of a check."""
    return f"check/{ident}"


def channel_item(ident: str) -> str:
    """Return the `item` of the changes of a channel."""
    return f"channel/{ident}"
