"""The cluster document: the configuration that all members share."""

from functools import cached_property
from typing import Any

from attrs import field, frozen

from qutrio.model.channels import Channel
from qutrio.model.checks import Check
from qutrio.model.edits import Edit, check_item
from qutrio.model.hosts import are_resolvers
from qutrio.model.ids import CheckId, Extra, Fingerprint, NodeId, Revision, Seconds, Term
from qutrio.model.levels import (
    AUTHORS,
    LEVEL_MAX,
    LEVEL_UNSAID,
    LEVELS,
    RESOLVERS,
    UNSEEN_NOTICES,
    since,
)
from qutrio.model.members import Member, Token
from qutrio.model.rules import at_most, between, is_text, one_of, require

MEMBERS_MAX = 128
CHECKS_MAX = 20_000
CHANNELS_MAX = 256
TOKENS_MAX = 256
EDITS_MAX = CHECKS_MAX + CHANNELS_MAX + 256
"""Enough for each check and channel, and for some that were removed."""
HEARTBEATS_PER_DEAD_AFTER_MIN = 3
"""The same applies to raft's heartbeats and its election timeout."""
UNSEEN_AFTER_S_MIN: Seconds = 120.0
UNSEEN_AFTER_S_MAX: Seconds = 3600.0
"""A check without a verdict is reported after this time at the latest, whatever its interval."""


def is_unseen_after(_: object, attribute: Any, value: Seconds) -> None:
    """Accept 0, or a time within the bounds."""
    if value != 0:
        between(UNSEEN_AFTER_S_MIN, UNSEEN_AFTER_S_MAX, "s")(_, attribute, value)


@frozen(kw_only=True)
class Settings:
    """The cluster's timers and its election engine.

    A setting whose name begins with the name of an engine is for that engine only.  `acting` says
    where the gossip engine's leader may send notices: only with a `majority`, or in any
    `partition`.  `resolvers` are the name servers that probes ask, in order, instead of the
    node's own.  A check without a verdict for `unseen_after_s` is reported; 0 means five of its
    intervals, within bounds.
    """

    engine: str = field(default="lowest-id", validator=is_text)
    heartbeat_s: Seconds = field(default=1.0, validator=between(0.1, 60, "s"))
    dead_after_s: Seconds = field(default=4.0, validator=between(0.5, 600, "s"))
    master_cooldown_s: Seconds = field(default=120.0, validator=between(0, 86_400, "s"))
    confirm_after_s: Seconds = field(default=1.0, validator=between(0, 3600, "s"))
    raft_heartbeat_s: Seconds = field(default=0.1, validator=between(0.02, 60, "s"))
    raft_election_timeout_s: Seconds = field(default=0.5, validator=between(0.1, 600, "s"))
    gossip_startup_grace_s: Seconds = field(default=15.0, validator=between(0, 600, "s"))
    gossip_sample_s: Seconds = field(default=1.0, validator=between(0.1, 60, "s"))
    gossip_election_s: Seconds = field(default=5.0, validator=between(0.1, 600, "s"))
    gossip_alive_s: Seconds = field(default=10.0, validator=between(0.5, 600, "s"))
    acting: str = field(default="majority", validator=one_of("majority", "partition"))
    resolvers: tuple[str, ...] = field(
        default=(), validator=are_resolvers, metadata=since(RESOLVERS)
    )
    unseen_after_s: Seconds = field(
        default=0.0, validator=is_unseen_after, metadata=since(UNSEEN_NOTICES)
    )
    extra: Extra = ()

    def __attrs_post_init__(self) -> None:
        """Refuse timers with which one lost heartbeat would make a node dead."""
        for name, heartbeat_s, patience_s in (
            ("dead_after_s", self.heartbeat_s, self.dead_after_s),
            ("raft_election_timeout_s", self.raft_heartbeat_s, self.raft_election_timeout_s),
        ):
            least = HEARTBEATS_PER_DEAD_AFTER_MIN * heartbeat_s
            problem = f"must be at least {HEARTBEATS_PER_DEAD_AFTER_MIN} heartbeats ({least:g}s)"
            require(patience_s >= least, name, problem)


@frozen(kw_only=True)
class ClusterDocument:
    """One revision of the cluster document; replaced as a whole, never changed in place.

    All tuples are sorted by id, so that equal values are equal bytes.  (`term`, `revision`)
    names this content uniquely, also before it is committed: within a term only one node makes
    revisions, each once.  `level` is the feature level (`model.levels`); it never falls.
    `last_change` is the author of this revision, `edits` are the last authors of each check
    and channel, also of some that were removed.
    """

    cluster_id: str
    revision: Revision
    term: Term = Term(0)
    settings: Settings = Settings()
    members: tuple[Member, ...] = field(validator=at_most(MEMBERS_MAX))
    tokens: tuple[Token, ...] = field(default=(), validator=at_most(TOKENS_MAX))
    checks: tuple[Check, ...] = field(default=(), validator=at_most(CHECKS_MAX))
    channels: tuple[Channel, ...] = field(default=(), validator=at_most(CHANNELS_MAX))
    level: int = field(
        default=LEVEL_UNSAID, validator=between(LEVEL_UNSAID, LEVEL_MAX), metadata=since(LEVELS)
    )
    last_change: Edit | None = field(default=None, metadata=since(AUTHORS))
    edits: tuple[Edit, ...] = field(
        default=(), validator=at_most(EDITS_MAX), metadata=since(AUTHORS)
    )
    extra: Extra = ()

    def __attrs_post_init__(self) -> None:
        """Refuse duplicate ids and names, and tuples out of order."""
        for kind, items in (
            ("members", self.members),
            ("checks", self.checks),
            ("channels", self.channels),
        ):
            ids = [item.id for item in items]
            require(ids == sorted(set(ids)), kind, "must be sorted by id, each id once")
            names = {item.name for item in items}
            require(len(names) == len(items), kind, "must have different names")

    @cached_property
    def voters(self) -> frozenset[NodeId]:
        """The ids of the voters."""
        return frozenset(m.id for m in self.members if m.voter)

    @cached_property
    def ids(self) -> frozenset[NodeId]:
        """The ids of all members, voters or not."""
        return frozenset(m.id for m in self.members)

    @cached_property
    def _checks_by_id(self) -> dict[str, Check]:
        return {check.id: check for check in self.checks}

    def check(self, ident: CheckId) -> Check | None:
        """Return the check with this id; None if there is none."""
        return self._checks_by_id.get(ident)

    @cached_property
    def _edits(self) -> dict[str, Edit]:
        return {edit.item: edit for edit in self.edits}

    def edit_of_check(self, check: CheckId) -> Edit | None:
        """Return the last change or the removal of a check; None if it is not recorded."""
        return self._edits.get(check_item(check))

    def member(self, node: NodeId) -> Member | None:
        """Return the member with this id, or None."""
        return next((m for m in self.members if m.id == node), None)

    def member_by_key(self, fingerprint: Fingerprint) -> Member | None:
        """Return the member whose key has this fingerprint, or None."""
        return next((m for m in self.members if m.fingerprint == fingerprint), None)
