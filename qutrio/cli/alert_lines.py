"""Lines about alert channels with delivery problems."""

from collections.abc import Iterator
from typing import Any

from qutrio.cli.printing import age, utc_time

Row = dict[str, Any]


def troubles(answer: Row) -> Iterator[str]:
    """Yield a line for each problem of a channel in the answer to `alert.list`."""
    if "now_unix" not in answer:
        return  # a daemon not yet restarted after an upgrade does not send these fields
    for channel in answer["channels"]:
        line = _waiting(channel, answer)
        if line:
            yield f"{channel['name']}: {line}"
        for refused in channel["refused"]:
            yield (
                f"{channel['name']}: refused for {refused['recipient']}"
                f" since {utc_time(refused['at_unix'])}: {refused['said']}"
            )


def _waiting(channel: Row, answer: Row) -> str:
    """Return what waits, when the next attempt is, and why the last one failed; or nothing."""
    words = [_count(channel["waiting"])] if channel["waiting"] else []
    until = channel["asked_to_wait_until_unix"]
    if channel["trying"]:
        words.append("an attempt is under way")
    elif channel["next_try_s"] is not None:
        words.append(f"the next try is in {age(channel['next_try_s'])}")
    elif until is None and channel["waiting"] and answer["master"] is not None:
        words.append(f"the next try is shown on the master, {answer['master']['name']}")
    if until is not None and until > answer["now_unix"]:
        words.append(f"the receiver asked to wait until {utc_time(until)}")
    if channel["last_error"]:
        words.append(f"the last try failed: {channel['last_error']}")
    return "; ".join(words)


def _count(waiting: int) -> str:
    return "1 notice waits" if waiting == 1 else f"{waiting} notices wait"
