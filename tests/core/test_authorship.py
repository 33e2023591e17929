"""Every revision names its author; a notice names an edit since which the check was never up."""

from attrs import evolve

from qutrio.core.api.effects import Notify
from qutrio.core.api.events import Proposed
from qutrio.core.api.hand_edit import differences
from qutrio.core.api.mutations import Batch, Mutation, PutChannel, PutCheck, Refusal, RemoveCheck
from qutrio.core.consensus.authorship import REMOVED_KEPT, UID_MAX, Author, authored
from qutrio.model.edits import COMMAND, OWN, Edit
from qutrio.model.ids import CheckId, NodeId, RequestId, Revision
from qutrio.model.results import Outcome
from tests.core.node_cluster import API, HELD, NodeCluster, elected_cluster
from tests.core.samples import DB, WALL, WEB, A, B, C, D, check, document, hook

EDITED = PutCheck(check=check(interval_s=30.0), expect=check())


def asked(cluster: NodeCluster, node: NodeId, mutation: Mutation, door: str = COMMAND) -> Edit:
    """Commit a change proposed at a node, and return the author of the newest revision."""
    before = cluster.nodes[A].register.committed.document.revision
    cluster.handle(node, Proposed(RequestId(f"r{before}"), mutation, door, 1000))
    held = cluster.nodes[C].register.committed.document
    assert held.revision == before + 1
    assert held.last_change is not None
    return held.last_change


def edits(cluster: NodeCluster) -> dict[str, Revision]:
    return {e.item: e.revision for e in cluster.nodes[B].register.committed.document.edits}


def test_a_revision_records_node_interface_user_and_time() -> None:
    cluster = elected_cluster()
    made = asked(cluster, B, API)
    assert made == Edit(
        item="",
        revision=Revision(HELD.revision + 1),
        at_unix=made.at_unix,
        node=B,
        name=f"node-{B}",
        door=COMMAND,
        uid=1000,
    )
    assert WALL <= made.at_unix <= WALL + cluster.now
    held = cluster.nodes[A].register.committed.document
    assert held.edit_of_check(CheckId("api")) == evolve(made, item="check/api")
    assert held.edit_of_check(WEB) is None


def test_each_item_keeps_its_last_change_and_one_that_is_gone_its_removal() -> None:
    cluster = elected_cluster()
    first = asked(cluster, A, API).revision
    second = asked(cluster, B, EDITED).revision
    third = asked(cluster, C, PutChannel(channel=hook(name="h2"), expect=hook())).revision
    assert edits(cluster) == {"check/api": first, "check/web": second, "channel/hook": third}
    api = cluster.nodes[A].register.committed.document.checks[0]
    last = asked(cluster, A, RemoveCheck(expect=api)).revision
    kept = {"check/web": second, "channel/hook": third}
    assert edits(cluster) == {"check/api": last, **kept}


def test_the_newest_removals_are_kept() -> None:
    before = evolve(HELD, checks=(), channels=())
    author, made = Author(A, COMMAND), list[str]()
    for number in range(REMOVED_KEPT + 2):
        ident = CheckId(f"c{number:03}")
        there = evolve(before, checks=(check(ident, name=ident),))
        gone = evolve(before, revision=Revision(number + 9))
        before = evolve(gone, **authored(there, gone, gone.revision, author, WALL))
        made.append(f"check/{ident}")
    assert [edit.item for edit in before.edits] == made[2:]


def test_a_user_that_no_kernel_knows_is_left_out() -> None:
    after = evolve(HELD, checks=())
    for uid, kept in ((UID_MAX, UID_MAX), (0, 0), (UID_MAX + 1, None), (-1, None)):
        signed = authored(HELD, after, Revision(9), Author(A, COMMAND, uid), WALL)
        assert signed["last_change"].uid == kept


def test_an_unknown_interface_is_left_out() -> None:
    cluster = elected_cluster()
    assert asked(cluster, B, API, door="trapdoor").door == ""


def test_the_master_is_the_author_of_what_it_does_by_itself() -> None:
    cluster = elected_cluster(document(A, B, learners=[C]))
    cluster.run(5)
    held = cluster.nodes[A].register.committed.document
    assert held.voters == {A, B, C}
    assert held.last_change is not None
    assert (held.last_change.node, held.last_change.door) == (A, OWN)


def test_below_its_level_no_author_is_written() -> None:
    old = evolve(HELD, level=1)
    changed = evolve(old, checks=(check(DB), *old.checks))
    assert authored(old, changed, Revision(2), Author(A, COMMAND), WALL) == {}
    stranger = authored(HELD, evolve(HELD, checks=()), Revision(2), Author(D, COMMAND), WALL)
    assert stranger["last_change"].name == D


def test_a_hand_edit_does_not_change_who_changed_what() -> None:
    cluster = elected_cluster()
    asked(cluster, B, API)
    held = cluster.nodes[A].register.committed.document
    last = held.last_change
    assert last is not None
    other = evolve(last, name="somebody")
    for forged in (evolve(held, edits=(*held.edits, other)), evolve(held, last_change=other)):
        outcome = differences(held, forged)
        assert isinstance(outcome, Refusal)
        assert "the cluster writes them" in outcome.reason


def test_a_hand_edit_may_leave_out_who_changed_what() -> None:
    """The lines at the end of the file are easily lost when the checks above are replaced."""
    cluster = elected_cluster()
    asked(cluster, B, API)
    held = cluster.nodes[A].register.committed.document
    assert differences(held, evolve(held, edits=(), last_change=None)) == Batch(mutations=())


# --- outages --------------------------------------------------------------------------------


def told(cluster: NodeCluster) -> list[Edit | None]:
    return [e.delivery.notice.edited for _, e in cluster.effects_of(Notify)]


def fails(cluster: NodeCluster) -> None:
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(5)
    cluster.set_outcome(WEB, Outcome.FAIL)
    cluster.run(5)


def test_a_check_that_fails_since_it_was_edited_says_so() -> None:
    cluster = elected_cluster()
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(2)
    made = asked(cluster, B, EDITED)
    fails(cluster)
    assert told(cluster) == [evolve(made, item="check/web")]
    (incident,) = cluster.nodes[A].register.committed.ledger.incidents
    assert incident.edited == evolve(made, item="check/web")


def test_a_check_that_was_seen_up_since_it_was_edited_does_not() -> None:
    cluster = elected_cluster()
    asked(cluster, B, EDITED)
    cluster.set_outcome(WEB, Outcome.OK)
    cluster.run(2)
    fails(cluster)
    assert told(cluster) == [None]
