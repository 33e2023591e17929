"""What the control socket needs from packages that it must not import; the daemon passes it in."""

from collections.abc import Awaitable, Callable

from attrs import frozen

from qutrio.control.tenants import Tenants
from qutrio.model.hand_edits import EditReport
from qutrio.model.hooks import HookReport
from qutrio.model.ids import ChannelId, Seconds, UnixTime
from qutrio.model.journal import Entry
from qutrio.model.members import Token


@frozen(kw_only=True)
class ControlServices:
    """Callables of other packages; the daemon supplies them when it assembles a node.

    `try_channel` sends one TEST notice through a channel of the committed document, at once and
    without retries; it returns whether it was delivered and a sentence about it, and does not
    raise for a failed delivery.  `make_token` takes the name of the node that may use the token
    (None: any), its lifetime in seconds, and whether it needs no approval; it returns the secret
    text for the new node, and the hashed token to propose.  `read_journal` returns this node's
    journal of incidents, oldest first, and raises `StorageError`.  `tenants` are the programs
    that rely on this node's lease.  `hooks` returns the commands that are run when this node
    gains or loses the role.  `directory` is the data directory.  `edit` returns the state of the
    newest hand edit of cluster.yaml.
    """

    version: str
    wall: Callable[[], UnixTime]
    try_channel: Callable[[ChannelId], Awaitable[tuple[bool, str]]]
    make_token: Callable[[str | None, Seconds, bool], tuple[str, Token]]
    read_journal: Callable[[], Awaitable[tuple[Entry, ...]]]
    tenants: Tenants
    hooks: Callable[[], HookReport]
    directory: str = ""
    edit: Callable[[], EditReport | None] = lambda: None
