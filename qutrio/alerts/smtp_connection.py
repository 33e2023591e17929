"""A connection to a mail server: smtplib on a socket that another thread can shut down.

smtplib has a time limit per read, not per conversation, so a server that sends one byte at a
time could hold a thread forever.  `SmtpConnection` keeps a duplicate of the socket: shutting
that down from the event loop ends the thread, in whichever phase it is.
"""

import smtplib
import socket
import ssl
from contextlib import suppress
from typing import BinaryIO

from qutrio.model.channels import MailSecurity, SmtpChannel

SILENCE_S_MAX = 20.0
REPLY_BYTES_MAX = 64 * 1024


class SmtpConnection:
    """A handle on the socket of a conversation that runs in another thread."""

    def __init__(self) -> None:
        """Begin without a socket."""
        self._copy: socket.socket | None = None
        self._cut = False

    def attach(self, sock: socket.socket) -> None:
        """Keep a duplicate of the socket, which stays usable when TLS takes the original."""
        self._copy = sock.dup()
        if self._cut:
            self.cut()

    def cut(self) -> None:
        """End the conversation now, or as soon as it has a socket; harmless when it is over."""
        self._cut = True
        if self._copy is not None:
            with suppress(OSError):
                self._copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the duplicate of the socket."""
        if self._copy is not None:
            self._copy.close()


class _ShortReplies:
    """A file that raises `OSError` once more than `REPLY_BYTES_MAX` bytes were read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = REPLY_BYTES_MAX

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"the server sent more than {REPLY_BYTES_MAX} bytes of replies")
        return line

    def close(self) -> None:
        self._file.close()


class SmtpSession(smtplib.SMTP):
    """smtplib on a socket of ours: implicit TLS if configured, and replies of bounded length."""

    def __init__(
        self, channel: SmtpChannel, context: ssl.SSLContext, connection: SmtpConnection
    ) -> None:
        """Connect and read the greeting; raises as smtplib does."""
        self._implicit_tls = context if channel.security is MailSecurity.TLS else None
        self._connection = connection
        # By default, smtplib would look up this host's own name in the DNS and might hang.
        name = "[127.0.0.1]"
        super().__init__(channel.host, channel.port, local_hostname=name, timeout=SILENCE_S_MAX)
        self.local_hostname = _own_name(self.sock)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        self._connection.attach(sock)
        if self._implicit_tls is None:
            return sock
        try:
            return self._implicit_tls.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply; all replies together have at most `REPLY_BYTES_MAX`."""
        if self.file is None and self.sock is not None:
            self.file = _ShortReplies(self.sock.makefile("rb"))
        return super().getreply()


def _own_name(sock: socket.socket | None) -> str:
    """Return the name to send in EHLO without asking the DNS: a full host name, or an address."""
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    address = sock.getsockname()[0] if sock is not None else "127.0.0.1"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
