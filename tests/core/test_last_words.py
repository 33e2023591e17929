"""A removed node still tells members that are behind which record is committed."""

import pytest

from qutrio.core.api.effects import Send
from qutrio.core.api.events import Linked, Received
from qutrio.core.api.messages import CanvassRequest, Commit, Fetch, Fetched
from qutrio.core.api.mutations import RemoveMember
from qutrio.core.leadership.membership import reply_when_removed
from qutrio.model.ids import Term
from tests.core.node_cluster import NodeCluster
from tests.core.samples import WALL, A, B, C, at, document, heartbeat, pos, record

COMMITTED = record(document(A, B), pos(3, 2))


@pytest.mark.parametrize("restarts", [False, True])
def test_the_last_of_two_learns_of_the_removal_of_the_other_though_a_message_was_lost(
    *, restarts: bool
) -> None:
    cluster = NodeCluster(document(A, B))
    cluster.run(5)
    assert cluster.masters() == [A]
    cluster.lost.add((A, Commit))
    cluster.propose(A, RemoveMember(node=A))
    cluster.run(0.1)
    assert cluster.nodes[A].removed
    cluster.run(20)
    assert cluster.masters() == []  # B needs the vote of A, as far as it knows
    cluster.lost.clear()
    if restarts:
        cluster.crash(A)
        cluster.start(A)
        cluster.handle(A, Linked(B))
    cluster.run(20)
    assert cluster.masters() == [B]
    assert cluster.nodes[B].register.committed.document.voters == {B}


def test_a_member_that_is_behind_is_told_what_is_committed_and_may_fetch_it() -> None:
    told = [Send(A, Commit(position=pos(3, 2)))]
    assert reply_when_removed(COMMITTED, A, None) == told
    assert reply_when_removed(COMMITTED, A, heartbeat(committed=pos(3, 1))) == told
    assert reply_when_removed(COMMITTED, A, Fetch(accepted=False)) == [
        Send(A, Fetched(accepted=False, record=COMMITTED))
    ]


def test_a_removed_node_sends_nothing_else_and_nothing_to_others() -> None:
    assert reply_when_removed(COMMITTED, A, heartbeat(committed=pos(3, 2))) == []
    assert reply_when_removed(COMMITTED, A, Fetch(accepted=True)) == []
    assert reply_when_removed(COMMITTED, A, CanvassRequest(term=Term(9))) == []
    assert reply_when_removed(COMMITTED, C, None) == []
    assert reply_when_removed(COMMITTED, C, Fetch(accepted=False)) == []


def test_a_removed_node_grants_and_promises_nothing() -> None:
    cluster = NodeCluster(document(A, B, C))
    cluster.run(5)
    cluster.propose(A, RemoveMember(node=C))
    cluster.run(5)
    gone = cluster.nodes[C]
    assert gone.removed
    before = gone.leadership.lease.promise
    claim = Received(A, heartbeat(claim=Term(9)))
    assert [e for e in gone.step(claim, at(cluster.now), WALL) if isinstance(e, Send)] in (
        [],
        [Send(A, Commit(position=gone.register.committed.position))],
    )
    assert gone.leadership.lease.promise == before
