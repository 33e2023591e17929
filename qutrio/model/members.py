"""Who belongs to the cluster, and who has been invited."""

from attrs import field, frozen
from attrs.validators import optional

from qutrio.model.ids import Extra, Fingerprint, NodeId, TokenId, UnixTime
from qutrio.model.rules import at_most, is_name, require

ADDRESS_CHARS_MAX = 261
PORT_MAX = 65535


def split_address(address: str) -> tuple[str, int]:
    """Split `host:port` or `[v6]:port`; raises `InvalidValueError` for anything else."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    valid = bool(host) and port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX
    problem = (
        f"{address[:80]!r} is not host:port (for example 192.0.2.1:9901 or [2001:db8::1]:9901)"
    )
    require(valid and len(address) <= ADDRESS_CHARS_MAX, "address", problem)
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
