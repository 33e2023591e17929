"""Operations on alert channels: add, edit, remove, list, test."""

import trio
from attrs import evolve

from qutrio.codec.masks import require_unmasked
from qutrio.codec.new_channels import require_new_channel
from qutrio.codec.plain import channel_from_plain, channel_to_plain
from qutrio.control.channel_shapes import channel_row
from qutrio.control.desk import Desk, find
from qutrio.control.editing import edited, new_id
from qutrio.control.protocol import CHANNEL_TEST_WAIT_S_MAX, Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import Row, standing
from qutrio.core.mutations import PutChannel, RemoveChannel
from qutrio.model.channels import Channel, odd_port_words
from qutrio.model.names import natural_order
from qutrio.model.rules import shown


async def add_channel(desk: Desk, request: Request) -> Row:
    """Answer `alert.add`: `channel` is the plain form without an id."""
    plain = {**request.mapping("channel"), "id": new_id()}
    where = "alert" if plain.get("name") is None else f"alert {shown(plain['name'])}"
    channel = channel_from_plain(plain, where, strict=True)
    return await _put(desk, PutChannel(channel=channel))


async def edit_channel(desk: Desk, request: Request) -> Row:
    """Answer `alert.edit`: `set` replaces fields, `unset` names those to put back to default."""
    was = _named(desk, request)
    plain = edited(
        was, channel_to_plain(was, secrets=True), request.mapping("set"), request.texts("unset")
    )
    channel = channel_from_plain(plain, f"alert {was.name}", strict=True)
    channel = evolve(channel, extra=was.extra)
    return await _put(desk, PutChannel(channel=channel, expect=was))


async def remove_channel(desk: Desk, request: Request) -> Row:
    """Answer `alert.remove`."""
    channel = _named(desk, request)
    revision = await desk.propose(RemoveChannel(expect=channel))
    return {"id": channel.id, "name": channel.name, "revision": revision}


async def list_channels(desk: Desk, request: Request) -> Row:
    """Answer `alert.list`, secrets masked: the channels, and how it goes with each."""
    del request
    status = await desk.inspect()
    going = {c.channel: channel_row(c) for c in status.channels}
    channels = sorted(status.document.channels, key=lambda c: natural_order(c.name))
    rows = [
        {**channel_to_plain(c, secrets=False), "target": c.target, **going[c.id]} for c in channels
    ]
    return {"now_unix": desk.services.wall(), **standing(status), "channels": rows}


async def test_channel(desk: Desk, request: Request) -> Row:
    """Answer `alert.test`: send one TEST notice from this node, now."""
    channel = _named(desk, request)
    with trio.move_on_after(CHANNEL_TEST_WAIT_S_MAX):
        delivered, detail = await desk.services.try_channel(channel.id)
        return {"name": channel.name, "delivered": delivered, "detail": detail}
    sentence = f"alert {channel.name!r} took longer than {CHANNEL_TEST_WAIT_S_MAX:g}s"
    raise ControlFailure(Code.FAILED, sentence)


async def _put(desk: Desk, change: PutChannel) -> Row:
    """Propose the change; `warnings` are sentences about what is allowed, and is seldom meant."""
    channel = change.channel
    require_unmasked(channel, change.expect)
    # In a thread: the first address loads a library.
    await trio.to_thread.run_sync(require_new_channel, channel, change.expect)
    change.apply(desk.document, desk.services.wall())  # raises for what nobody could commit
    revision = await desk.propose(change)
    warning = odd_port_words(channel)
    row: Row = {"id": channel.id, "name": channel.name, "revision": revision}
    return {**row, "warnings": [warning] if warning else []}


def _named(desk: Desk, request: Request) -> Channel:
    return find(desk.document.channels, request.text("name"), "alert channel")
