"""Operations on alert channels: add, edit, remove, list, test."""

import trio
from attrs import evolve

from qutrio.codec.masks import require_unmasked
from qutrio.codec.new_channels import require_new_channel
from qutrio.codec.plain import channel_from_plain, channel_to_plain
from qutrio.control.channel_shapes import channel_row
from qutrio.control.context import ControlContext, find
from qutrio.control.editing import edited, item_named, named_in_errors, new_id
from qutrio.control.protocol import CHANNEL_TEST_WAIT_S_MAX, Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import Row, standing
from qutrio.core.api.mutations import PutChannel, RemoveChannel
from qutrio.model.channels import Channel, odd_port_words
from qutrio.model.names import natural_order


async def add_channel(context: ControlContext, request: Request) -> Row:
    """Add the channel whose plain form, without an id, is in `channel` (`alert.add`)."""
    plain = {**request.mapping("channel"), "id": new_id()}
    channel = channel_from_plain(plain, item_named("alert", plain.get("name")), strict=True)
    return await _put(context, PutChannel(channel=channel))


async def edit_channel(context: ControlContext, request: Request) -> Row:
    """Change a channel: `set` replaces fields, `unset` resets fields (`alert.edit`)."""
    was = _named(context, request)
    plain = edited(
        was, channel_to_plain(was, secrets=True), request.mapping("set"), request.texts("unset")
    )
    channel = channel_from_plain(plain, item_named("alert", was.name), strict=True)
    channel = evolve(channel, extra=was.extra)
    return await _put(context, PutChannel(channel=channel, expect=was))


async def remove_channel(context: ControlContext, request: Request) -> Row:
    """Remove a channel (`alert.remove`)."""
    channel = _named(context, request)
    revision = await context.propose(RemoveChannel(expect=channel))
    return {"id": channel.id, "name": channel.name, "revision": revision}


async def list_channels(context: ControlContext, request: Request) -> Row:
    """List the channels and their delivery state, with secrets masked (`alert.list`)."""
    del request
    status = await context.inspect()
    states = {c.channel: channel_row(c) for c in status.channels}
    channels = sorted(status.document.channels, key=lambda c: natural_order(c.name))
    rows = [
        {**channel_to_plain(c, secrets=False), "target": c.target, **states[c.id]} for c in channels
    ]
    return {"now_unix": context.services.wall(), **standing(status), "channels": rows}


async def test_channel(context: ControlContext, request: Request) -> Row:
    """Send one TEST notice from this node now (`alert.test`)."""
    channel = _named(context, request)
    with trio.move_on_after(CHANNEL_TEST_WAIT_S_MAX):
        delivered, detail = await context.services.try_channel(channel.id)
        return {"name": channel.name, "delivered": delivered, "detail": detail}
    sentence = f"alert {channel.name!r} took longer than {CHANNEL_TEST_WAIT_S_MAX:g}s"
    raise ControlFailure(Code.FAILED, sentence)


async def _put(context: ControlContext, change: PutChannel) -> Row:
    """Propose the change; `warnings` are sentences about what is allowed, and is seldom meant."""
    channel = change.channel
    with named_in_errors("alert", channel.name):
        require_unmasked(channel, change.expect)
        # In a thread: the first address loads a library.
        await trio.to_thread.run_sync(require_new_channel, channel, change.expect)
        change.apply(context.document, context.services.wall())  # raises if it never can be
    revision = await context.propose(change)
    warning = odd_port_words(channel)
    row: Row = {"id": channel.id, "name": channel.name, "revision": revision}
    return {**row, "warnings": [warning] if warning else []}


def _named(context: ControlContext, request: Request) -> Channel:
    return find(context.document.channels, request.text("name"), "alert channel")
