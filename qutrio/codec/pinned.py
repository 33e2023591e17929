"""The names of classes in messages, state files and journals, and nowhere else derived.

Other versions of the program read these names, so they are added to and never changed: a class
that is renamed keeps its name here.  A check and a channel carry theirs in the class, as `kind`;
the frames before two nodes trust one another are in `peers.frames`.

Fields are written under the names of their attributes.  What nodes of other versions send and
what is on disks is recorded in `tests/codec/golden`, and a test reads it and writes it again: so
an attribute that is renamed there shows.  A new field needs a new line there.
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
        messages.Wrote: "wrote",
        messages.Commit: "commit",
        messages.Fetch: "fetch",
        messages.Fetched: "fetched",
        messages.Report: "report",
        messages.ProbeNow: "probe_now",
        messages.Propose: "propose",
        messages.Ruled: "ruled",
        messages.Deliver: "deliver",
        messages.Delivered: "delivered",
        messages.Lasted: "lasted",
        messages.Removed: "removed",
    }
)
"""What nodes say to each other; engines' words among it."""
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
"""What the incident journal holds."""


def tag(cls: type) -> str:
    """Return the `kind` that a class is written with; raises `TypeError` when it has no name."""
    name = _NAMES.get(cls) or getattr(cls, "kind", None)
    if not isinstance(name, str):
        raise TypeError(f"{cls.__qualname__} has no name; give it one in {__name__}")
    return name


_NAMES: Final = {**MESSAGES, **MUTATIONS, **FACTS}
