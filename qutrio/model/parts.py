"""How an attempt to deliver went for each recipient of a channel."""

from enum import Enum

from attrs import field, frozen

from qutrio.model.ids import ChannelId, Seconds, UnixTime
from qutrio.model.results import clip

WAIT_S_MAX: Seconds = 3600.0
"""The longest wait a receiver is granted at one time; one that asks for more is asked again."""
PATIENCE_S_MAX: Seconds = 6 * 3600.0
"""For so long a receiver that takes nothing may ask to wait; then the usual pauses count."""
REFUSALS_MAX = 500
"""Refused recipients that are remembered for people to see; beyond it the oldest are not."""


class Fate(Enum):
    """What became of one recipient's copy.

    REFUSED is for good: the server said that it will never take it.  PUT_OFF is worth another
    try.
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
    """A recipient whose server said that it will never take a notice, in its words."""

    channel: ChannelId
    recipient: str
    said: str
    at_unix: UnixTime


@frozen(kw_only=True)
class ChannelWait:
    """Until when the receiver behind a channel asked to be left alone."""

    channel: ChannelId
    until_unix: UnixTime
