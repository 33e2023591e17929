"""Sends echo requests to an address, over an unprivileged ICMP socket or a raw one.

A datagram ("ping") socket is connected to its address, so the kernel matches answers to
requests, fills in identifier and checksum, and reports "unreachable" messages as errors.
Where `net.ipv4.ping_group_range` forbids that, a raw socket is used, if this process may open
one.  A raw socket receives every ICMP message of its peer, so the request contains random
bytes that only its answer can repeat.  See RFC 792 and RFC 4443, section 4.
"""

import errno
import socket
import struct
from secrets import token_bytes

import trio

from qutrio.model.ids import Seconds
from qutrio.probes.observations import Endpoint

REPEAT_S: Seconds = 1.0
"""An unanswered request is repeated after this time: one lost packet is not an outage."""

PAYLOAD_BYTES = 32
REPLY_BYTES_MAX = 2048
SEQUENCE_MAX = 0xFFFF
IPV4_HEADER_BYTES_MIN = 20
_HEADER = struct.Struct("!BBHHH")
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_NOT_PERMITTED = frozenset({errno.EPERM, errno.EACCES, errno.EPROTONOSUPPORT})
_IP_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}


class PingForbiddenError(Exception):
    """Raised when this process may open neither a ping socket nor a raw one."""


class Ping:
    """A socket for echo requests to one address; `sent` counts them."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Open the socket; raises `PingForbiddenError`, or `OSError` for other local errors."""
        self._family = endpoint.family
        self._endpoint = endpoint
        self._socket, self._raw = _open(endpoint.family)
        self._identifier = int.from_bytes(token_bytes(2))
        self._payload = token_bytes(PAYLOAD_BYTES)
        self.sent = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def begin(self) -> None:
        """Send the first request; raises `OSError` when this node has no route to the address."""
        level, option = _IP_RECVERR[socket.AddressFamily(self._family)]
        self._socket.setsockopt(level, option, 1)
        self._socket.connect(self._endpoint.at(0))
        self._send()

    async def wait_answered(self) -> None:
        """Wait until a request is answered; repeat it every `REPEAT_S`.

        Only after `begin`; may be cancelled and called again.  Raises `OSError` when the network
        or this node reports that the address is out of reach.
        """
        while True:
            with trio.move_on_after(REPEAT_S):
                await self._wait()
                return
            self._send()

    def _send(self) -> None:
        sequence = self.sent % SEQUENCE_MAX + 1
        self._socket.send(self._request(sequence))
        self.sent += 1

    async def _wait(self) -> None:
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                packet = self._socket.recv(REPLY_BYTES_MAX)
            except BlockingIOError:
                continue
            if self.answers(packet):
                return

    def _request(self, sequence: int) -> bytes:
        kind = _REQUEST[socket.AddressFamily(self._family)]
        packet = _HEADER.pack(kind, 0, 0, self._identifier, sequence) + self._payload
        if not self._raw or self._family == socket.AF_INET6:
            return packet  # the kernel fills in the checksum
        return _HEADER.pack(kind, 0, checksum(packet), self._identifier, sequence) + self._payload

    def answers(self, packet: bytes) -> bool:
        """Return whether a packet is the answer to a request that was sent."""
        if self._raw and self._family == socket.AF_INET:
            packet = packet[max(IPV4_HEADER_BYTES_MIN, 4 * (packet[0] & 0x0F)) :] if packet else b""
        if len(packet) != _HEADER.size + PAYLOAD_BYTES:
            return False
        kind, code, _, _, sequence = _HEADER.unpack_from(packet)
        expected = _REPLY[socket.AddressFamily(self._family)]
        return (
            (kind, code) == (expected, 0)
            and 1 <= sequence <= self.sent
            and packet[_HEADER.size :] == self._payload
        )


def checksum(packet: bytes) -> int:
    """Return the internet checksum of a packet whose checksum field is zero (RFC 1071)."""
    padded = packet + b"\0" * (len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _open(family: int) -> tuple[socket.socket, bool]:
    protocol = _PROTOCOL[socket.AddressFamily(family)]
    flags = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        return socket.socket(family, socket.SOCK_DGRAM | flags, protocol), False
    except OSError as error:
        if error.errno not in _NOT_PERMITTED:
            raise
    try:
        return socket.socket(family, socket.SOCK_RAW | flags, protocol), True
    except PermissionError as error:
        raise PingForbiddenError from error
