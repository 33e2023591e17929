"""Operations on the cluster: its status, document, nodes and settings."""

import trio
from attrs import evolve

from qutrio.codec.document import digest
from qutrio.codec.plain import document_to_plain, settings_from_plain, settings_to_plain
from qutrio.control.context import ControlContext, find
from qutrio.control.protocol import Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import (
    Row,
    check_rows,
    decides,
    edit_row,
    held_back,
    member_row,
    members_by_name,
    standing,
    status_head,
)
from qutrio.core.api.mutations import PutMember, PutSettings, Refusal, RemoveMember
from qutrio.core.api.view import Status
from qutrio.core.consensus.applying import apply
from qutrio.model.members import lonely_words

ROWS_PER_TURN = 200
"""How many rows are made before other tasks run: about a millisecond's work."""


async def show_status(context: ControlContext, request: Request) -> Row:
    """Return this node's whole view of the cluster (`status`)."""
    del request
    status = await context.inspect()
    head = status_head(
        status,
        version=context.services.version,
        digest=digest(status.document),
        wall=context.services.wall(),
    )
    return {**head, "edit": edit_row(context.services.edit()), "checks": await all_checks(status)}


async def all_checks(status: Status) -> list[Row]:
    """Return the rows of all checks; lets other tasks run in between."""
    rows: list[Row] = []
    for row in check_rows(status):
        rows.append(row)
        if len(rows) % ROWS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return rows


async def show_document(context: ControlContext, request: Request) -> Row:
    """Return the committed document, masked, and the members that hold its level back."""
    del request
    status = await context.inspect()
    document = status.document
    plain = {**document_to_plain(document, secrets=False), "level": document.level}
    return {
        "document": plain,
        "level_held_back_by": held_back(status),
        "removed": status.removed,
    }


async def list_nodes(context: ControlContext, request: Request) -> Row:
    """List the members (`node.list`)."""
    del request
    status = await context.inspect()
    master = status.master
    stale = not decides(status)
    rows = [
        {**member_row(m), "master": m.member.id == master, "stale": stale}
        for m in members_by_name(status)
    ]
    return {"self": status.node, **standing(status), "nodes": rows}


async def remove_node(context: ControlContext, request: Request) -> Row:
    """Remove a node, and with it its vote, links and trust (`node.remove`)."""
    member = find(context.document.members, request.text("name"), "node")
    revision = await context.propose(RemoveMember(node=member.id))
    return {"id": member.id, "name": member.name, "revision": revision}


async def edit_node(context: ControlContext, request: Request) -> Row:
    """Change a node's name or address in the document (`node.edit`)."""
    member = find(context.document.members, request.text("name"), "node")
    changed = evolve(
        member,
        name=request.text_or_none("new_name") or member.name,
        address=request.text_or_none("address") or member.address,
    )
    if changed == member:
        raise ControlFailure(Code.INVALID, "nothing to change: give a new name or address")
    change = PutMember(member=changed, expect=member)
    change.apply(context.document, context.services.wall())  # raises if it can never be committed
    revision = await context.propose(change)
    moved = changed.address != member.address
    warning = lonely_words(changed, context.document.members) if moved else ""
    row: Row = {"id": changed.id, "name": changed.name, "revision": revision}
    return {**row, "warnings": [warning] if warning else []}


async def show_settings(context: ControlContext, request: Request) -> Row:
    """Return the settings (`settings.show`)."""
    del request
    status = await context.inspect()
    return {**standing(status), "settings": settings_to_plain(status.document.settings)}


async def set_settings(context: ControlContext, request: Request) -> Row:
    """Replace the given settings and keep the others (`settings.set`)."""
    was, changes = context.document.settings, request.mapping("set")
    if not changes:
        raise ControlFailure(Code.INVALID, "nothing to change: give at least one setting")
    kept = {name for name, _ in was.extra}
    plain = {k: v for k, v in settings_to_plain(was).items() if k not in kept}
    settings = settings_from_plain({**plain, **changes}, "settings", strict=True)
    settings = evolve(settings, extra=was.extra)
    change = PutSettings(settings=settings, expect=was)
    refusal = apply(change, context.document, context.services.wall())
    if isinstance(refusal, Refusal):  # only the values themselves can be wrong
        raise ControlFailure(Code.INVALID, refusal.reason)
    revision = await context.propose(change)
    return {"settings": settings_to_plain(settings), "revision": revision}
