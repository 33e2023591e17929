"""The JSON of an alert channel's delivery state in `qutrio alert list --json`."""

from qutrio.control.shapes import Row
from qutrio.core.api.view import ChannelStatus


def channel_row(status: ChannelStatus) -> Row:
    """Return what a node knows about deliveries to one channel."""
    next_try_s = status.next_try_s
    return {
        "waiting": status.waiting,
        "trying": status.trying,
        "next_try_s": None if next_try_s is None else round(next_try_s, 3),
        "last_error": status.error,
        "asked_to_wait_until_unix": status.asked_until_unix,
        "refused": [
            {"recipient": r.recipient, "said": r.said, "at_unix": r.at_unix}
            for r in status.refusals
        ],
    }
