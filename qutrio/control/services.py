"""What the control socket needs from rooms it may not know, handed in by the daemon."""

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
    """Callables that belong to other rooms; the daemon fills them in when it assembles a node.

    `try_channel` sends one TEST notice through a channel of the committed document, at once and
    without retries; it returns whether it was delivered, and plain words, and does not raise
    for a failed delivery.  `make_token` takes the name of the node that may use it (None: any),
    the seconds it lives, and whether it needs no approval; it returns the secret text to hand
    to the new node, and the hashed token to propose.  `read_journal` returns what this node
    wrote down about incidents, oldest first, and raises `StorageError`.  `tenants` are the
    programs that rely on this node's mandate, `hooks` tells what is run at this node when the
    role comes or goes.  `directory` is the data directory; `edit`
    tells where the newest hand edit of cluster.yaml stands.
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
