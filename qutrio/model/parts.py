"""How an attempt to deliver went for each recipient of a channel."""

from enum import Enum

from attrs import field, frozen

from qutrio.model.results import clip


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
