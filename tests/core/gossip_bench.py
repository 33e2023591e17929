"""Gossip engines in known states, for the tests of that engine."""

from qutrio.core.election.engine_messages import LeadershipDeclaration, LeadershipProposal
from qutrio.core.election.gossip import Gossip
from qutrio.core.election.interface import Electorate, News, Outgoing, Role, RoleChange
from qutrio.core.quorum.majorities import JointConfig
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Term
from tests.core.samples import A, B, C, at

SETTINGS = Settings(engine="gossip")
GRACE_S, SAMPLE_S = SETTINGS.gossip_startup_grace_s, SETTINGS.gossip_sample_s
ELECTION_S, ALIVE_S = SETTINGS.gossip_election_s, SETTINGS.gossip_alive_s
PROPOSAL, DECLARATION = LeadershipProposal(), LeadershipDeclaration()
GROUP = frozenset({A, B, C})
TERM = Term(7)


def seen_by(
    me: NodeId,
    living: frozenset[NodeId] = GROUP,
    *,
    voters: frozenset[NodeId] = GROUP,
    able: frozenset[NodeId] | None = None,
    master: NodeId | None = None,
    fit: bool = True,
) -> Electorate:
    return Electorate(
        me=me,
        joint_config=JointConfig(voters, voters),
        able=living if able is None else able,
        living=living,
        master=master,
        streaks={},
        settings=SETTINGS,
        term=TERM,
        fit=fit,
    )


def candidate(me: NodeId) -> Gossip:
    """Return an engine that begins to collect proposals at second 1."""
    engine = Gossip(me=me, now=at(0))
    assert engine.advance(seen_by(me), at(0)) == []
    assert engine.advance(seen_by(me), at(1)) == [Outgoing(None, PROPOSAL)]
    assert engine.role is Role.CANDIDATE
    return engine


def leader(me: NodeId) -> Gossip:
    """Return an engine that leads from second 6 on."""
    engine = candidate(me)
    assert engine.advance(seen_by(me), at(6)) == [Outgoing(None, DECLARATION)]
    assert engine.role is Role.LEADER
    engine.news()
    return engine


def follower(me: NodeId, of: NodeId) -> Gossip:
    """Return an engine that heard a leader at second 0."""
    engine = Gossip(me=me, now=at(0))
    assert engine.on_message(of, DECLARATION, seen_by(me), at(0)) == []
    assert engine.advance(seen_by(me), at(0)) == []
    return engine


def reasons(news: list[News]) -> list[str]:
    return [change.reason for change in news if isinstance(change, RoleChange)]
