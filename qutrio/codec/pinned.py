"""The names that classes have in messages, state files and journals.

Other versions of the program read these names, so names are added and never changed: a renamed
class keeps its name here.  Checks and channels have theirs in the class, as `kind`; the frames
that nodes exchange before they trust one another are in `peers.frames`.

Fields are written under the names of their attributes.  `tests/codec/golden` records what nodes
of other versions send and have on disk, and a test reads and rewrites it, so that it fails when an
attribute is renamed.  A new field needs a new line there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from qutrio.core.api import messages, mutations
from qutrio.core.election import engine_messages
from qutrio.model import journal

MESSAGES: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        messages.Heartbeat: "heartbeat",
        messages.HeartbeatAck: "heartbeat_ack",
        messages.CanvassRequest: "ask",
        messages.CanvassAnswer: "answer",
        messages.Resign: "resign",
        messages.Yield: "yield",
        engine_messages.PreVoteRequest: "pre_vote",
        engine_messages.PreVoteResponse: "pre_voted",
        engine_messages.VoteRequest: "vote_request",
        engine_messages.VoteResponse: "vote_response",
        engine_messages.LeaderHeartbeat: "lead",
        engine_messages.LeaderHeartbeatAck: "led",
        engine_messages.LeadershipProposal: "leadership_proposal",
        engine_messages.LeadershipDeclaration: "leadership_declaration",
        messages.Farewell: "farewell",
        messages.Write: "write",
        messages.ItemWrite: "item_write",
        messages.Wrote: "wrote",
        messages.Commit: "commit",
        messages.Fetch: "fetch",
        messages.Fetched: "fetched",
        messages.Report: "report",
        messages.ProbeNow: "probe_now",
        messages.Propose: "propose",
        messages.ProposeReply: "ruled",
        messages.Deliver: "deliver",
        messages.Delivered: "delivered",
        messages.AgesReport: "lasted",
        messages.Removed: "removed",
    }
)
"""The messages between nodes, including those of the engines."""
MUTATIONS: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        mutations.PutCheck: "put_check",
        mutations.RemoveCheck: "remove_check",
        mutations.PutChannel: "put_channel",
        mutations.RemoveChannel: "remove_channel",
        mutations.PutSettings: "put_settings",
        mutations.AddToken: "add_token",
        mutations.ClaimToken: "claim_token",
        mutations.ApproveToken: "approve_token",
        mutations.RevokeToken: "revoke_token",
        mutations.PromoteMember: "promote_member",
        mutations.RemoveMember: "remove_member",
        mutations.PutMember: "put_member",
        mutations.Batch: "batch",
    }
)
"""Changes of the document, inside a proposal."""
FACTS: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        journal.Started: "started",
        journal.Stopped: "stopped",
        journal.ClockSet: "clock_set",
        journal.Led: "led",
        journal.Judged: "judged",
        journal.Doubted: "doubted",
        journal.Opened: "opened",
        journal.Closed: "closed",
        journal.Noticed: "noticed",
        journal.Began: "began",
        journal.Ended: "ended",
        journal.Crossed: "crossed",
        journal.RoleTaken: "role_taken",
        journal.RoleLeft: "role_left",
    }
)
"""The facts in the incident journal."""


def tag(cls: type) -> str:
    """Return the `kind` under which a class is written; raises `TypeError` if it has none."""
    name = _NAMES.get(cls) or getattr(cls, "kind", None)
    if not isinstance(name, str):
        raise TypeError(f"{cls.__qualname__} has no name; give it one in {__name__}")
    return name


_NAMES: Final = {**MESSAGES, **MUTATIONS, **FACTS}
