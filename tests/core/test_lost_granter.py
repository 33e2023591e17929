"""A voter that granted and dies with the newest record does not block another majority."""

from attrs import evolve

from qutrio.core.api.effects import Send
from qutrio.core.api.events import Received, Tick
from qutrio.core.api.messages import Fetch, Fetched, Heartbeat, HeartbeatAck, ItemWrite
from qutrio.core.consensus.acceptor import RETRY_AFTER_S
from qutrio.core.leadership.leadership import Leadership
from qutrio.model.ids import Term
from tests.core.leaderships import bind, leadership, meet
from tests.core.node_cluster import NodeCluster
from tests.core.samples import (
    BEAT_S,
    DEAD_S,
    WALL,
    A,
    B,
    C,
    D,
    E,
    ack,
    at,
    bound_to,
    check,
    document,
    pos,
    record,
    sent,
)

THREE, FIVE = document(A, B, C), document(A, B, C, D, E)
NEWER = document(A, B, C, checks=[check()], revision=2)
NEWEST = pos(0, 4)
NOBODYS = pos(0, 10**6)


def ahead() -> NodeCluster:
    """Three nodes; the last accepted a record that the others have not heard of."""
    cluster = NodeCluster(THREE)
    cluster.disks[C] = evolve(cluster.disks[C], accepted=record(NEWER, NEWEST))
    cluster.start(C)
    return cluster


def run_until_asked(cluster: NodeCluster) -> None:
    """Let C grant the claim first, so that its record is asked for and never comes."""
    cluster.lost = {(B, HeartbeatAck), (C, Fetched)}
    while not cluster.messages(Fetch):
        assert cluster.now < DEAD_S
        cluster.run(0.01)
    cluster.lost = {(C, Fetched)}
    assert cluster.messages(Fetch) == [(A, C, Fetch(accepted=True))]
    assert cluster.masters() == []


def claiming(node: Leadership, *peers: str) -> Leadership:
    """Let a node claim, with two-way contact to these peers, which granted nothing yet."""
    meet(node, 0.0, *(n for n in (B, C, D, E) if n in peers))
    node.lease.begin_claim(Term(1), at(0))
    return node


# --- whole nodes ----------------------------------------------------------------------------


def test_the_newest_record_of_a_voter_that_granted_is_adopted_when_it_can_be_fetched() -> None:
    cluster = ahead()
    cluster.lost = {(B, HeartbeatAck)}
    cluster.run(2.5)
    assert cluster.messages(Fetch)
    cluster.lost = set()
    cluster.run(2.5)
    assert cluster.masters() == [A]
    assert cluster.nodes[B].register.committed.document.checks == NEWER.checks


def test_two_of_three_get_a_master_when_the_voter_with_the_newest_record_dies() -> None:
    cluster = ahead()
    run_until_asked(cluster)
    cluster.crash(C)
    cluster.run(2 * BEAT_S)  # now B says that it has not accepted it, so no majority ever did
    assert cluster.masters() == [A]
    assert cluster.nodes[B].register.committed.document.checks == ()


def test_a_voter_that_lives_and_never_sends_its_record_delays_nobody() -> None:
    cluster = ahead()
    run_until_asked(cluster)
    cluster.run(RETRY_AFTER_S + 2 * BEAT_S)
    assert cluster.masters() == [A]
    cluster.run(DEAD_S)
    assert {n.register.accepted.document.checks for n in cluster.nodes.values()} == {()}


def test_a_dead_voter_that_comes_back_accepts_the_record_of_the_others() -> None:
    cluster = ahead()
    run_until_asked(cluster)
    cluster.crash(C)
    cluster.run(RETRY_AFTER_S + 2 * BEAT_S)
    cluster.lost = set()
    cluster.start(C)
    cluster.run(2 * DEAD_S)
    assert cluster.masters() == [A]
    assert cluster.nodes[C].register.committed == cluster.nodes[A].register.committed
    assert cluster.nodes[C].register.accepted.document.checks == ()


def test_two_of_three_get_a_master_when_a_voter_named_a_record_that_nobody_holds() -> None:
    cluster = NodeCluster(THREE)
    cluster.crash(C)
    cluster.lost = {(B, HeartbeatAck)}
    cluster.cut = {(A, B)}
    cluster.handle(A, Tick())  # before B does, which would lead otherwise
    cluster.cut = set()
    answered = 0
    while not cluster.messages(Fetch):  # C grants any claim, and then falls silent
        assert cluster.now < DEAD_S
        beats = [m for n, to, m in cluster.messages(Heartbeat) if (n, to) == (A, C)]
        for beat in beats[answered:]:
            says = ack(beat.number, granted=beat.claim, accepted=NOBODYS)
            cluster.handle(A, Received(C, says))
        answered = len(beats)
        cluster.run(0.01)
    cluster.lost = set()
    assert cluster.messages(Fetch) == [(A, C, Fetch(accepted=True))]
    assert cluster.masters() == []
    cluster.run(RETRY_AFTER_S + 2 * BEAT_S)
    assert cluster.masters() == [A]
    assert cluster.nodes[B].register.committed.position == pos(1)


# --- one node -------------------------------------------------------------------------------


def test_the_claim_waits_for_a_record_that_every_majority_of_the_granters_needs() -> None:
    node = claiming(leadership(A, THREE), B, C)
    ask = [Send(C, Fetch(accepted=True))]
    bind(node, 0.0, C, accepted=NOBODYS)
    assert node.advance(at(0), WALL) == []  # B might hold a record
    assert node.advance(at(2), WALL) == ask
    meet(node, 3.0, B, C)
    assert node.advance(at(4), WALL) == []
    assert node.register.passed_over == {C}
    assert node.advance(at(4), WALL) == ask  # it is asked again: no other voter holds it
    assert node.register.passed_over == set()
    assert node.register.flight is None


def test_a_silent_voter_is_not_asked_while_the_others_are_a_majority() -> None:
    node = claiming(leadership(A, THREE), B, C)
    bind(node, 0.0, C, accepted=NEWEST)
    meet(node, DEAD_S - 1, B)
    bind(node, DEAD_S - 1, B)
    effects = node.advance(at(DEAD_S), WALL)
    assert [type(m) for m in sent(effects, B)] == [ItemWrite]
    assert node.register.accepted == record(THREE, pos(1))


def test_silent_voters_make_no_majority() -> None:
    node = claiming(leadership(A, FIVE), B, C, D, E)
    bind(node, 0.0, B, C)
    meet(node, DEAD_S - 1, D, E)
    assert node.lease.granters() == {A, B, C}
    assert node.advance(at(DEAD_S), WALL) == []
    assert node.lease.claim == 1
    assert node.register.flight is None


def test_a_record_that_a_majority_denies_is_skipped_and_the_next_newest_is_fetched() -> None:
    node = claiming(leadership(A, FIVE), B, C, D, E)
    bind(node, 0.0, B)
    bind(node, 0.0, C, accepted=NEWEST)
    bind(node, 0.0, D, accepted=NOBODYS)  # A, B and C did not accept it
    assert node.advance(at(0), WALL) == [Send(C, Fetch(accepted=True))]
    node.register.on_fetched(C, Fetched(accepted=True, record=record(FIVE, NEWEST)), bound_to(A, 1))
    node.advance(at(0), WALL)
    assert node.register.accepted.position == pos(1)
    assert node.register.flight is not None


def test_after_a_barren_voter_the_newest_record_of_the_others_is_fetched() -> None:
    node = claiming(leadership(A, FIVE), B, C, D)
    bind(node, 0.0, B, C, accepted=NEWEST)
    bind(node, 0.0, D, accepted=NOBODYS)
    node.lease._granters.pop(B)  # it has not granted yet
    assert node.advance(at(0), WALL) == []
    assert node.advance(at(2), WALL) == [Send(D, Fetch(accepted=True))]
    meet(node, 3.0, B, C, D)
    bind(node, 3.0, B, accepted=NEWEST)
    assert node.advance(at(4), WALL) == [Send(C, Fetch(accepted=True))]


def test_a_later_claim_asks_a_barren_voter_again() -> None:
    node = claiming(leadership(A, FIVE), C, D)
    bind(node, 0.0, C)
    bind(node, 0.0, D, accepted=NOBODYS)
    assert node.advance(at(0), WALL) == [Send(D, Fetch(accepted=True))]
    meet(node, 1.0, C, D)
    node.advance(at(RETRY_AFTER_S), WALL)
    assert node.register.passed_over == {D}
    node.resign(None, "for the test", at(RETRY_AFTER_S))
    node.lease.begin_claim(Term(2), at(0))
    bind(node, RETRY_AFTER_S, C)
    bind(node, RETRY_AFTER_S, D, accepted=NEWEST)
    asked = node.advance(at(RETRY_AFTER_S), WALL)
    assert asked == [Send(D, Fetch(accepted=True))]


def test_a_voter_that_sends_nothing_newer_is_not_asked_again_and_again() -> None:
    node = claiming(leadership(A, THREE), C)
    bind(node, 0.0, C, accepted=NOBODYS)
    ask = [Send(C, Fetch(accepted=True))]
    assert node.advance(at(0), WALL) == ask
    node.register.on_fetched(C, Fetched(accepted=True, record=record(THREE)), bound_to(A, 1))
    assert node.register.passed_over == {C}
    assert node.advance(at(0), WALL) == []  # no other voter holds it, and it has answered
    assert node.advance(at(RETRY_AFTER_S), WALL) == []
    assert node.advance(at(RETRY_AFTER_S), WALL) == ask
    meet(node, RETRY_AFTER_S, B, C)
    bind(node, RETRY_AFTER_S, B)
    node.advance(at(RETRY_AFTER_S), WALL)
    assert node.register.flight is not None


def test_a_fetch_of_an_earlier_claim_is_forgotten_with_the_claim() -> None:
    node = claiming(leadership(A, THREE), C)
    bind(node, 0.0, C, accepted=NEWEST)
    assert node.advance(at(0), WALL) == [Send(C, Fetch(accepted=True))]
    node.resign(None, "for the test", at(1))
    meet(node, 100.0, C)
    node.lease.begin_claim(Term(2), at(0))
    bind(node, 100.0, C, accepted=NEWEST)
    assert node.advance(at(100), WALL) == [Send(C, Fetch(accepted=True))]
    assert node.register.passed_over == set()
