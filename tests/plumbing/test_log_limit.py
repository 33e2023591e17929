"""The lines about one peer are limited, and the lines that are left out are counted."""

import trio
from trio.testing import MockClock

from qutrio.plumbing.log_limit import LINE_EVERY_S, LINES_AT_ONCE, PEERS_MAX, LogLimit


class Lines:
    """Collects lines."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, object]]] = []

    def __call__(self, what: str, /, **details: object) -> None:
        self.seen.append((what, details))


async def test_a_peer_that_comes_and_goes_fills_no_log(autojump_clock: MockClock) -> None:
    lines = Lines()
    log = LogLimit(lines)
    for _ in range(1000):
        log("link refused", peer="a")
    assert len(lines.seen) == LINES_AT_ONCE
    log("link up", peer="b")
    assert lines.seen[-1] == ("link up", {"peer": "b"})
    await trio.sleep(LINE_EVERY_S)
    log("link refused", peer="a")
    log("link refused", peer="a")
    assert lines.seen[-1] == ("link refused", {"peer": "a", "unlogged": 1000 - LINES_AT_ONCE})
    assert len(lines.seen) == LINES_AT_ONCE + 2
    await trio.sleep(LINE_EVERY_S * LINES_AT_ONCE)
    for _ in range(LINES_AT_ONCE):
        log("link refused", peer="a")
    assert len(lines.seen) == 2 * LINES_AT_ONCE + 2


async def test_lines_without_a_peer_are_limited_too() -> None:
    lines = Lines()
    log = LogLimit(lines)
    for _ in range(LINES_AT_ONCE + 5):
        log("connection failed unexpectedly")
    assert len(lines.seen) == LINES_AT_ONCE


async def test_the_number_of_peers_that_are_remembered_is_bounded() -> None:
    log = LogLimit(Lines())
    for peer in range(PEERS_MAX + 10):
        log("link up", peer=peer)
    assert len(log._budgets) == PEERS_MAX
