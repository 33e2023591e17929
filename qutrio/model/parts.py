"""The result of an attempt to deliver, for each recipient of a channel."""

from enum import Enum

from attrs import field, frozen

from qutrio.model.ids import ChannelId, Seconds, UnixTime
from qutrio.model.results import clip

WAIT_S_MAX: Seconds = 3600.0
"""The longest wait that a receiver is granted at one time."""
PATIENCE_S_MAX: Seconds = 6 * 3600.0
"""The longest wait in all of a receiver that accepts nothing; then the usual pauses count."""
REFUSALS_MAX = 500
"""The most refused recipients that are recorded for people to see; the oldest are dropped."""


class Fate(Enum):
    """The result for one recipient.

    REFUSED is final: the server said that it will never accept the notice.  After PUT_OFF
    another attempt is made.
    """

    TAKEN = "taken"
    REFUSED = "refused"
    PUT_OFF = "put off"


@frozen
class Part:
    """One recipient, as the channel spells it, and what the server said."""

    recipient: str
    fate: Fate
    said: str = field(default="", converter=clip)


@frozen(kw_only=True)
class RefusedRecipient:
    """A recipient whose server said that it will never accept a notice; `said` is its text."""

    channel: ChannelId
    recipient: str
    said: str
    at_unix: UnixTime


@frozen(kw_only=True)
class ChannelWait:
    """Until when the receiver behind a channel asked for no attempt."""

    channel: ChannelId
    until_unix: UnixTime
