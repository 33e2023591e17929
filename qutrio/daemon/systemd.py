"""Notifies systemd that the daemon is ready, alive or stopping (the sd_notify protocol)."""

import os
import socket
from collections.abc import Mapping

from attrs import define, field

from qutrio.model.ids import Instant, Seconds
from qutrio.plumbing.clock import Clock

_FEEDS_PER_WATCHDOG = 3


@define
class Systemd:
    """Sends datagrams to the manager's socket; without a socket it does nothing."""

    _address: str | None
    _feed_every_s: Seconds
    _clock: Clock
    _fed_at: Instant = field(init=False, default=Instant(0.0))

    def notify(self, state: str) -> None:
        """Send one line such as READY=1; errors are ignored."""
        if self._address is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
            try:
                manager.sendto(state.encode(), self._address)
            except OSError:
                return

    def alive(self) -> None:
        """Feed the watchdog if it is due."""
        if self._address is not None and self._clock.now() >= self._fed_at + self._feed_every_s:
            self._fed_at = self._clock.now()
            self.notify("WATCHDOG=1")


def find_systemd(environ: Mapping[str, str], clock: Clock) -> Systemd:
    """Read the protocol's variables: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
    address = environ.get("NOTIFY_SOCKET") or None
    if address is not None and address.startswith("@"):
        address = "\0" + address[1:]
    microseconds = environ.get("WATCHDOG_USEC", "")
    ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watched = ours and microseconds.isdigit() and int(microseconds) > 0
    every_s = int(microseconds) / 1e6 / _FEEDS_PER_WATCHDOG if watched else float("inf")
    return Systemd(address, every_s, clock)
