"""Operations on the cluster itself: its status, its document, its nodes and its settings."""

import trio
from attrs import evolve

from qutrio.codec.document import digest
from qutrio.codec.plain import document_to_plain, settings_from_plain, settings_to_plain
from qutrio.control.desk import Desk, find
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
from qutrio.core.applying import apply
from qutrio.core.mutations import PutMember, PutSettings, Refusal, RemoveMember
from qutrio.core.view import Status
from qutrio.model.members import lonely_words

ROWS_PER_TURN = 200
"""Rows that are made before other tasks get a turn: about a millisecond's work."""


async def show_status(desk: Desk, request: Request) -> Row:
    """Answer `status`: this node's whole view of the cluster."""
    del request
    status = await desk.inspect()
    head = status_head(
        status,
        version=desk.services.version,
        digest=digest(status.document),
        wall=desk.services.wall(),
    )
    return {**head, "edit": edit_row(desk.services.edit()), "checks": await all_checks(status)}


async def all_checks(status: Status) -> list[Row]:
    """Return the rows of all checks, letting heartbeats pass in between."""
    rows: list[Row] = []
    for row in check_rows(status):
        rows.append(row)
        if len(rows) % ROWS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return rows


async def show_document(desk: Desk, request: Request) -> Row:
    """Answer `document`: the committed document, secrets masked, and who holds its level back."""
    del request
    status = await desk.inspect()
    document = status.document
    plain = {**document_to_plain(document, secrets=False), "level": document.level}
    return {
        "document": plain,
        "level_held_back_by": held_back(status),
        "removed": status.removed,
    }


async def list_nodes(desk: Desk, request: Request) -> Row:
    """Answer `node.list`."""
    del request
    status = await desk.inspect()
    master = status.master
    stale = not decides(status)
    rows = [
        {**member_row(m), "master": m.member.id == master, "stale": stale}
        for m in members_by_name(status)
    ]
    return {"self": status.node, **standing(status), "nodes": rows}


async def remove_node(desk: Desk, request: Request) -> Row:
    """Answer `node.remove`: take a node's vote, links and trust away."""
    member = find(desk.document.members, request.text("name"), "node")
    revision = await desk.propose(RemoveMember(node=member.id))
    return {"id": member.id, "name": member.name, "revision": revision}


async def edit_node(desk: Desk, request: Request) -> Row:
    """Answer `node.edit`: change a node's name or address as the cluster knows it."""
    member = find(desk.document.members, request.text("name"), "node")
    changed = evolve(
        member,
        name=request.text_or_none("new_name") or member.name,
        address=request.text_or_none("address") or member.address,
    )
    if changed == member:
        raise ControlFailure(Code.INVALID, "nothing to change: give a new name or address")
    change = PutMember(member=changed, expect=member)
    change.apply(desk.document, desk.services.wall())  # raises for what nobody could commit
    revision = await desk.propose(change)
    moved = changed.address != member.address
    warning = lonely_words(changed, desk.document.members) if moved else ""
    row: Row = {"id": changed.id, "name": changed.name, "revision": revision}
    return {**row, "warnings": [warning] if warning else []}


async def show_settings(desk: Desk, request: Request) -> Row:
    """Answer `settings.show`."""
    del request
    status = await desk.inspect()
    return {**standing(status), "settings": settings_to_plain(status.document.settings)}


async def set_settings(desk: Desk, request: Request) -> Row:
    """Answer `settings.set`: replace the given settings, keep the others."""
    was, changes = desk.document.settings, request.mapping("set")
    if not changes:
        raise ControlFailure(Code.INVALID, "nothing to change: give at least one setting")
    kept = {name for name, _ in was.extra}
    plain = {k: v for k, v in settings_to_plain(was).items() if k not in kept}
    settings = settings_from_plain({**plain, **changes}, "settings", strict=True)
    settings = evolve(settings, extra=was.extra)
    change = PutSettings(settings=settings, expect=was)
    refusal = apply(change, desk.document, desk.services.wall())
    if isinstance(refusal, Refusal):  # nothing but its own values can be wrong with it
        raise ControlFailure(Code.INVALID, refusal.reason)
    revision = await desk.propose(change)
    return {"settings": settings_to_plain(settings), "revision": revision}
