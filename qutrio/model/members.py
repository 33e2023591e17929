"""Who belongs to the cluster, and who has been invited."""

from collections.abc import Iterable

from attrs import field, frozen
from attrs.validators import optional

from qutrio.model.addresses import (
    ADDRESS_CHARS_MAX,
    PORT_MAX,
    is_loopback,
    require_address,
)
from qutrio.model.ids import Extra, Fingerprint, NodeId, TokenId, UnixTime
from qutrio.model.rules import at_most, is_name

__all__ = ["ADDRESS_CHARS_MAX", "PORT_MAX", "Member", "Token", "split_address"]


def split_address(address: str) -> tuple[str, int]:
    """Split `host:port` or `[v6]:port` of a document; raises `InvalidValueError`.

    It takes what earlier versions took; a new address must pass `require_address`.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    valid = bool(host) and port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX
    if not valid or len(address) > ADDRESS_CHARS_MAX:
        return require_address(address)
    return host, int(port)


@frozen(kw_only=True)
class Member:
    """A node that the cluster trusts.

    `certificate` is the base64 of the DER of its self-signed certificate: the trust anchor
    for TLS.  `fingerprint` pins its key.  A member that is not a `voter` is a learner: it
    watches and reports, and counts for nothing.
    """

    id: NodeId
    name: str = field(validator=is_name)
    address: str
    fingerprint: Fingerprint
    certificate: str = field(repr=False, validator=at_most(8192))
    voter: bool = True
    extra: Extra = ()

    def __attrs_post_init__(self) -> None:
        """Refuse an address that nobody could dial."""
        split_address(self.address)


def lonely_words(member: Member, members: Iterable[Member]) -> str:
    """Return what to warn of when only its own machine can dial a node of `members`, or nothing.

    A cluster that is on one machine altogether is fine.
    """
    others = [split_address(m.address)[0] for m in members if m.id != member.id]
    if not is_loopback(split_address(member.address)[0]) or all(map(is_loopback, others)):
        return ""
    return lonely_problem(member.address)


def lonely_problem(address: str) -> str:
    """Return what is wrong with an address that only one machine can dial."""
    return f"the other nodes cannot dial {address}, an address of its machine alone"


@frozen(kw_only=True)
class Token:
    """An invitation: single use, hashed, and claimed by the first key that shows it.

    `id` is public; `secret_hash` is the hexadecimal SHA-256 of the secret.  A `claimant` is a
    member-to-be that waits for approval; it is None until somebody shows the secret.
    """

    id: TokenId
    secret_hash: str
    name: str | None = field(default=None, validator=optional(is_name))
    created_unix: UnixTime
    expires_unix: UnixTime
    auto_approve: bool = False
    claimant: Member | None = None
    extra: Extra = ()
