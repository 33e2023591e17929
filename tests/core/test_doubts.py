"""Doubts: one node's bare claims delay the healthy majority for a bounded time only."""

from random import Random

import pytest

from qutrio.core.api.effects import Send
from qutrio.core.api.events import Received
from qutrio.core.api.messages import HeartbeatAck, Message, Resign
from qutrio.core.consensus.lease import Lease
from qutrio.core.election.engine_messages import (
    LeaderHeartbeat,
    LeadershipDeclaration,
    LeadershipProposal,
    VoteRequest,
)
from qutrio.core.leadership.lease_voter import (
    DOUBLED_MAX,
    DOUBTED_DEADS,
    TRUSTED_DEADS,
    LeaderDoubts,
)
from qutrio.model.document import Settings
from qutrio.model.ids import FOREVER, NEVER, NodeId, Seconds, Term
from qutrio.model.stable import Promise
from tests.core.leaderships import leadership, meet
from tests.core.node_cluster import NodeCluster
from tests.core.samples import (
    DEAD_S,
    WALL,
    A,
    B,
    C,
    D,
    E,
    at,
    document,
    heartbeat,
    pos,
    record,
    register,
)

HEALTHY = (C, D, E)
ACTS, STALE = heartbeat(acting=True, claim=Term(5)), heartbeat(acting=True, claim=Term(0))
LONG_S: Seconds = 200.0
PATIENCE_S: Seconds = TRUSTED_DEADS * DEAD_S


def elected_after(engine: str, *lies: Message, every_s: Seconds = 0.25) -> Seconds:
    """Return when C, D or E becomes master although B is down and A sends false claims."""
    cluster = NodeCluster(document(A, B, C, D, E, settings=Settings(engine=engine)))
    cluster.crash(A)
    cluster.crash(B)
    for dice, name in enumerate(HEALTHY):
        cluster.nodes[name].leadership.engine_host.rng = Random(
            dice
        )  # otherwise all raft timers are equal
    while cluster.now < LONG_S:
        leaderships = [cluster.nodes[name].leadership for name in HEALTHY]
        heard = max(s.lease.heard_term for s in leaderships)
        voted = max(s.engine_host.hard_state.term for s in leaderships)
        for name in HEALTHY:
            for lie in lies:
                if isinstance(lie, VoteRequest):
                    lie = VoteRequest(term=Term(max(heard, voted) + 1))  # noqa: PLW2901
                cluster.handle(name, Received(A, lie))
        cluster.run(every_s)
        if cluster.masters():
            return cluster.now
    raise AssertionError(f"nobody acts after {LONG_S:g}s")


@pytest.mark.parametrize(
    ("engine", "lies", "bound_s"),
    [
        ("raft", (ACTS,), 20),
        ("raft", (STALE,), 20),
        ("raft", (ACTS, LeaderHeartbeat(term=Term(9))), 20),
        ("raft", (heartbeat(), LeaderHeartbeat(term=Term(9))), 20),
        ("raft", (heartbeat(), VoteRequest(term=Term(9))), 20),
        ("gossip", (ACTS,), 50),
        ("gossip", (STALE, LeadershipDeclaration()), 50),
        ("gossip", (heartbeat(), LeadershipDeclaration()), 50),
        ("gossip", (heartbeat(), LeadershipProposal()), 65),
        ("lowest-id", (ACTS,), 20),
        ("lowest-id", (STALE,), 20),
        ("lowest-id", (heartbeat(),), 20),
    ],
)
def test_three_healthy_voters_of_five_elect_a_master_whatever_the_fourth_claims(
    engine: str, lies: tuple[Message, ...], bound_s: Seconds
) -> None:
    assert elected_after(engine, *lies) < bound_s


def test_a_master_stays_the_master_of_its_voters_whatever_another_node_claims() -> None:
    cluster = NodeCluster(document(A, B, C, D, E))
    cluster.run(3)
    assert cluster.masters() == [A]
    for _ in range(10):
        cluster.handle(C, Received(E, heartbeat(acting=True, claim=Term(100))))
        assert cluster.nodes[C].leadership.master(at(cluster.now)) == A
        cluster.run(0.5)


def test_nobody_is_taken_for_the_master_of_a_term_in_which_another_one_acted() -> None:
    """A member that lies answers proposals when the master of that term has died."""
    cluster = NodeCluster(document(A, B, C, D, E))
    cluster.run(3)
    term = cluster.nodes[A].leadership.known_term
    cluster.crash(A)
    for _ in range(20):
        for name in (B, C, D):
            cluster.handle(name, Received(E, heartbeat(acting=True, claim=term)))
            assert cluster.nodes[name].leadership.master(at(cluster.now)) != E
        cluster.run(0.1)


def test_a_node_believes_nobody_in_a_term_in_which_it_was_the_master_itself() -> None:
    cluster = NodeCluster(document(A, B, C, D, E))
    cluster.run(3)
    term = cluster.nodes[A].leadership.known_term
    cluster.cut_off(A)
    cluster.run(10)
    assert cluster.nodes[A].leadership.acting_until(at(cluster.now)) is None
    cluster.handle(A, Received(E, heartbeat(acting=True, claim=term)))
    assert cluster.nodes[A].leadership.master(at(cluster.now)) is None


def test_only_the_master_that_was_granted_or_is_heard_acting_names_a_successor() -> None:
    node = leadership(B, document(A, B, C), promise=Promise(Term(1), C))
    meet(node, 0.0, A, C)
    node.on_resign(A, Resign(term=Term(7), successor=B), at(0))
    assert node.choice(at(0)) == A
    node.on_resign(C, Resign(term=Term(7), successor=B), at(0))
    assert node.choice(at(0)) == B


# --- the doubts of one node ------------------------------------------------------------------


def doubts(
    *,
    able: bool = True,
    promise: Promise = Promise(),  # noqa: B008
) -> LeaderDoubts:
    lease = Lease(me=C, promise=promise, restart_wait_until=NEVER, heard_term=promise.term)
    return LeaderDoubts(register(C, document(A, B, C)), lease, lambda _: able)


def watch(held: LeaderDoubts, wanted: NodeId | None, now: float) -> None:
    """Let a node wait for the leader that it wants, unless it doubts it."""
    held.update(lambda: None if held.doubted(at(now)) == wanted else wanted, at(now))


def bound_to_writer(held: LeaderDoubts, now: float) -> None:
    """Bind a node for one second to A, which wrote in its term."""
    held.lease.promise, held.lease.bound_until = Promise(Term(5), A), at(now + 1)
    held.register.accepted = record(document(A, B, C), pos(5))


def test_a_leader_that_is_waited_for_in_vain_is_doubted_for_longer_each_time() -> None:
    held, now, lasted = doubts(), 0.0, list[float]()
    for _ in range(DOUBLED_MAX + 2):
        watch(held, A, now)
        now += PATIENCE_S - 0.1
        watch(held, A, now)
        assert held.doubted(at(now)) is None
        now += 0.1
        watch(held, A, now)
        assert held.doubted(at(now)) == A
        lasted.append(held.deadline() - now)
        now += lasted[-1]
        assert held.doubted(at(now)) is None
    least = DOUBTED_DEADS * DEAD_S
    times = [2**n for n in range(DOUBLED_MAX + 1)]
    assert lasted == pytest.approx([least * n for n in [*times, times[-1]]])


def test_a_doubted_node_is_neither_believed_nor_able_to_lead() -> None:
    node = leadership(C, document(A, B, C))
    meet(node, 0.0, A, B)
    held = node.doubts
    assert held.believes(A, None, at(0))
    assert node.electorate(at(0)).able == {A, B, C}
    watch(held, A, 0)
    meet(node, PATIENCE_S, A, B)
    watch(held, A, PATIENCE_S)
    assert not held.believes(A, None, at(PATIENCE_S))
    assert not held.believes(A, Term(5), at(PATIENCE_S))
    assert held.believes(B, Term(5), at(PATIENCE_S))
    assert node.electorate(at(PATIENCE_S)).able == {B, C}


def test_only_the_time_spent_waiting_for_a_leader_counts() -> None:
    held, now = doubts(), 0.0
    for _ in range(5):
        watch(held, A, now)
        watch(held, None, now + PATIENCE_S / 5 - 0.1)
        now += 100
        assert held.doubted(at(now)) is None
    watch(held, A, now)
    assert held.deadline() == pytest.approx(now + 0.5)


def test_only_the_last_node_is_in_doubt() -> None:
    held, now = doubts(), 0.0
    for _ in range(2):  # the second doubt lasts twice as long
        now = max(now, held.deadline() if now else 0.0)
        watch(held, A, now)
        now += PATIENCE_S
        watch(held, A, now)
    watch(held, B, now)
    assert held.doubted(at(now)) == A
    now += PATIENCE_S
    watch(held, B, now)
    assert held.doubted(at(now)) == B
    assert held.believes(A, Term(5), at(now))


def test_waiting_is_forgotten_once_a_master_wrote() -> None:
    held, nearly = doubts(), PATIENCE_S - 1
    watch(held, B, 0)
    bound_to_writer(held, nearly)
    watch(held, B, nearly)
    watch(held, B, nearly + 1)
    watch(held, B, nearly + 2)
    assert held.doubted(at(nearly + 2)) is None
    watch(held, B, nearly + 1 + PATIENCE_S)
    assert held.doubted(at(nearly + 1 + PATIENCE_S)) == B


@pytest.mark.parametrize("busy", ["claims", "sees no majority"])
def test_a_node_that_claims_or_cannot_lead_waits_for_nobody(busy: str) -> None:
    held = doubts(able=busy == "claims")
    if busy == "claims":
        held.lease.claim = Term(1)
    for now in range(100):
        watch(held, A, now)
        assert held.believes(A, Term(5), at(now))
    assert held.doubted(at(100)) is None
    assert held.deadline() == FOREVER


def test_a_node_is_believed_to_act_only_if_its_term_has_records() -> None:
    held = doubts()
    assert not held.believes(A, Term(5), at(0), acting=True)
    held.register.witnesses.named[A] = pos(5, 8)
    assert not held.believes(A, Term(5), at(0), acting=True)
    held.register.witnesses.named[B] = pos(5, 7)
    assert held.believes(A, Term(5), at(0), acting=True)
    assert not held.believes(A, Term(6), at(0), acting=True)
    held.register.accepted = record(document(A, B, C), pos(6))
    assert held.believes(A, Term(6), at(0), acting=True)
    held.lease.promise = Promise(Term(7), A)
    assert held.believes(A, Term(7), at(0), acting=True)
    assert not held.believes(B, Term(7), at(0), acting=True)


def test_a_voter_bound_to_a_master_that_wrote_ignores_other_claims() -> None:
    held = doubts()
    bound_to_writer(held, 0)
    assert held.believes(A, Term(5), at(0))
    assert held.believes(A, None, at(0))
    assert not held.believes(B, Term(6), at(0))
    assert held.believes(B, None, at(0))
    assert held.believes(B, Term(6), at(1))


def test_a_master_that_claims_a_higher_term_keeps_its_voters() -> None:
    cluster = NodeCluster(document(A, B, C))
    cluster.run(10)
    (master,) = cluster.masters()
    lease = cluster.nodes[master].leadership.lease
    voter = next(n for n in (A, B, C) if n != master)
    higher = Term(lease.promise.term + 5)
    cluster.effects.clear()
    cluster.handle(voter, Received(master, heartbeat(number=10**6, acting=True, claim=higher)))
    assert higher in [ack.granted for who, _, ack in cluster.messages(HeartbeatAck) if who == voter]


def test_a_node_that_is_no_longer_a_member_is_forgotten() -> None:
    held = doubts()
    watch(held, A, 0)
    held.forget_strangers(frozenset({B, C}))
    assert held.deadline() == FOREVER
    watch(held, B, 0)
    watch(held, B, PATIENCE_S)
    held.forget_strangers(frozenset({B, C}))
    assert held.doubted(at(PATIENCE_S)) == B
    held.forget_strangers(frozenset({C}))
    assert held.doubted(at(PATIENCE_S)) is None


def test_a_voter_that_comes_back_follows_a_master_that_writes_all_the_time() -> None:
    """Each member shows it a different record, so it can believe only the term."""
    node = leadership(C, document(A, B, C, settings=Settings(engine="raft")))
    meet(node, 0.0, A, B)
    for number, member in enumerate((A, B)):
        said = heartbeat(committed=pos(5, number), acting=member == A, claim=Term(5))
        node.on_heartbeat(member, said, at(0), WALL)
    assert node.master(at(0)) is None
    acting = heartbeat(committed=pos(5, 2), acting=True, claim=Term(5))
    (answer, *_) = node.on_heartbeat(A, acting, at(0), WALL).effects
    assert node.master(at(0)) == A
    assert isinstance(answer, Send)
    assert isinstance(answer.message, HeartbeatAck)
    assert answer.message.granted == Term(5)
