"""The initial state of a simulated cluster."""

from qutrio.model.channels import WebhookChannel
from qutrio.model.checks import TcpCheck
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import ChannelId, CheckId, Fingerprint, NodeId, Revision, UnixTime
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member

EPOCH = UnixTime(1_700_000_000.0)
WEB = CheckId("web")
HOOK = ChannelId("hook")
PORTS = 50_000


def member(ident: NodeId, number: int) -> Member:
    """Return a voter; `number` makes its key and address unique."""
    return Member(
        id=ident,
        name=f"node{number}",
        address=f"127.0.0.1:{9900 + number % PORTS}",
        fingerprint=Fingerprint(f"{number:064x}"),
        certificate="",
    )


def node_ids(size: int) -> list[NodeId]:
    """Return the ids of the first members, in order."""
    return [NodeId(f"n{i:02d}") for i in range(size)]


def first_document(size: int, settings: Settings, level: int = LEVEL) -> ClusterDocument:
    """Return a document with `size` voters n00, n01 ..., one check and one channel."""
    members = tuple(member(ident, i) for i, ident in enumerate(node_ids(size)))
    channel = WebhookChannel(id=HOOK, name="hook", url="http://127.0.0.1/hook")
    check = TcpCheck(
        id=WEB, name="web", address="127.0.0.1:80", interval_s=10.0, alerts=(channel.name,)
    )
    return ClusterDocument(
        cluster_id="sim",
        revision=Revision(1),
        settings=settings,
        members=members,
        checks=(check,),
        channels=(channel,),
        level=level,
    )
