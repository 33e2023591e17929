"""A notice as one node sends it: which node of which cluster, and when."""

from hashlib import sha256

from attrs import frozen

from qutrio.core.api.view import View
from qutrio.model.channels import Channel, recipients_of
from qutrio.model.ids import ChannelId, NodeId, UnixTime
from qutrio.model.incidents import Delivery, Notice

DELIVERY_ID_DIGITS = 32


@frozen(kw_only=True)
class Envelope:
    """One notice that one node sends.  `sent_unix` is the time of this attempt.

    `before` is the delivery after the earlier attempts; None if there were none.
    """

    notice: Notice
    cluster_id: str
    node: NodeId
    node_name: str
    sent_unix: UnixTime
    before: Delivery | None = None

    def wanted(self, channel: Channel) -> tuple[str, ...]:
        """Return the recipients of the channel that this attempt is for."""
        everybody = recipients_of(channel)
        return everybody if self.before is None else self.before.pending(everybody)

    @property
    def reached_before(self) -> bool:
        """Whether an earlier attempt reached a recipient."""
        return self.before is not None and bool(self.before.reached)

    def delivery_id(self, channel: ChannelId) -> str:
        """Return the id of this delivery: the same at every attempt, by every node."""
        return _fold(self.cluster_id, "notice", self.notice.id, channel)

    def thread_id(self, channel: ChannelId) -> str:
        """Return the id that all notices of one incident have on this channel."""
        return _fold(self.cluster_id, "incident", self.notice.incident, channel)


def make_envelope(notice: Notice, view: View, sent_unix: UnixTime) -> Envelope:
    """Return the envelope of a notice that the node with this view sends."""
    member = view.document.member(view.node)
    return Envelope(
        notice=notice,
        cluster_id=view.document.cluster_id,
        node=view.node,
        node_name=member.name if member is not None else view.node,
        sent_unix=sent_unix,
    )


def _fold(*parts: str) -> str:
    """Return a hexadecimal digest, so that no identifier can break out of a header."""
    joined = "\0".join(parts).encode("utf-8", "backslashreplace")
    return sha256(joined).hexdigest()[:DELIVERY_ID_DIGITS]
