"""The JSON of how it goes with an alert channel, as `qutrio alert list --json` has it."""

from qutrio.control.shapes import Row
from qutrio.core.api.view import ChannelStatus


def channel_row(going: ChannelStatus) -> Row:
    """Return what a node knows of telling people through one channel."""
    next_try_s = going.next_try_s
    return {
        "waiting": going.waiting,
        "trying": going.trying,
        "next_try_s": None if next_try_s is None else round(next_try_s, 3),
        "last_error": going.error,
        "asked_to_wait_until_unix": going.asked_until_unix,
        "refused": [
            {"recipient": r.recipient, "said": r.said, "at_unix": r.at_unix} for r in going.refusals
        ],
    }
