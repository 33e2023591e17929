"""Sends a test notice through one channel: `qutrio alert test`."""

from qutrio.alerts.dispatcher import attempt
from qutrio.alerts.envelope import make_envelope
from qutrio.alerts.senders import Senders
from qutrio.core.api.view import View
from qutrio.model.channels import Channel
from qutrio.model.ids import ChannelId, CheckId, IncidentId, NoticeId, UnixTime
from qutrio.model.incidents import Notice, NoticeKind
from qutrio.plumbing.clock import Clock
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import Log


async def try_channel(
    channel_id: ChannelId, view: Latest[View], clock: Clock, senders: Senders, log: Log
) -> tuple[bool, str]:
    """Send a test notice through a channel, also a disabled one, from this node.

    Returns whether all recipients accepted it, and what the receiver answered or why it failed.
    """
    now = view.value
    channel = next((c for c in now.document.channels if c.id == channel_id), None)
    if channel is None:
        return False, "there is no such alert channel; see 'qutrio alert list'"
    notice = _test_notice(channel, now, clock.wall())
    done = await attempt(channel, make_envelope(notice, now, clock.wall()), senders, log)
    return done.everybody, done.detail


def _test_notice(channel: Channel, view: View, wall: UnixTime) -> Notice:
    ident = f"test-{view.node}-{int(wall * 1000)}"
    return Notice(
        id=NoticeId(ident),
        kind=NoticeKind.TEST,
        incident=IncidentId(ident),
        check=CheckId("test"),
        check_name=channel.name,
        target=channel.target,
        term=view.term,
        sequence=0,
        since_unix=wall,
        at_unix=wall,
    )
