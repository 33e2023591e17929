"""Mutual TLS without an authority: the members' own certificates are the only trust anchors.

A client without a certificate passes the handshake (it may enroll, and nothing else); a client
with a certificate that is not a member's fails it.  After the handshake the peer is identified
again in code, by the fingerprint of its key.
"""

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from qutrio.errors import PeerError, plain_reason
from qutrio.model.ids import Fingerprint
from qutrio.model.members import Member
from qutrio.peers.identity import PeerIdentity, certificate_bytes, fingerprint_of

if TYPE_CHECKING:
    import trio

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: a node whose clock is off must still reach its peers."""


@frozen
class TlsContexts:
    """The contexts with which a node listens, and dials members."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@define
class MemberContexts:
    """Contexts that follow the membership: they are remade when a member's certificate changes."""

    identity: PeerIdentity
    members: Callable[[], tuple[Member, ...]]
    _made_for: tuple[str, ...] | None = field(default=None, init=False)
    _contexts: TlsContexts | None = field(default=None, init=False)

    def newest(self) -> TlsContexts:
        """Return contexts that trust exactly the present members.

        Raises `PeerError` when this node's own key or certificate cannot be read.
        """
        certificates = tuple(m.certificate for m in self.members())
        if self._contexts is None or certificates != self._made_for:
            self._contexts = make_contexts(self.identity, certificates)
            self._made_for = certificates
        return self._contexts


def make_contexts(identity: PeerIdentity, certificates: tuple[str, ...]) -> TlsContexts:
    """Return contexts that trust exactly `certificates` (base64 of DER each)."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A resumed session would skip the check of the certificate.
    server.num_tickets = 0
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Identity is the key, not the name it is dialled by.
    client.check_hostname = False
    for context in (server, client):
        _harden(context)
        _show(context, identity)
        _trust(context, certificates)
    server.verify_mode = ssl.CERT_OPTIONAL
    client.verify_mode = ssl.CERT_REQUIRED
    return TlsContexts(server, client)


def stranger_context() -> ssl.SSLContext:
    """Return a client context without a certificate or anchors: the caller must check the pin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def peer_fingerprint(stream: "trio.SSLStream[trio.SocketStream]") -> Fingerprint | None:
    """Return the fingerprint of the key at the other end, or None when it showed no certificate.

    The handshake must be over; it proved that the other end holds the key.
    """
    der = stream.getpeercert(binary_form=True)
    return fingerprint_of(der) if der else None


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= _NO_CHECK_TIME
    # Some versions of Python treat a stream that is cut off as one that was closed in order.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF


def _show(context: ssl.SSLContext, identity: PeerIdentity) -> None:
    try:
        context.load_cert_chain(identity.certificate_file, identity.key_file)
    except OSError as error:  # ssl.SSLError is one
        reason = f"cannot use this node's key {identity.key_file}: {plain_reason(error)}"
        raise PeerError(reason) from error


def _trust(context: ssl.SSLContext, certificates: tuple[str, ...]) -> None:
    for text in certificates:
        try:
            context.load_verify_locations(cadata=certificate_bytes(text))
        except (PeerError, ssl.SSLError, ValueError):
            # A member whose certificate is damaged cannot link; the others must be able to.
            continue
