"""The register of a master: writing, counting answers, changing voters, losing the lease."""

import pytest
from attrs import evolve

from qutrio.core.api.effects import Effect, LogFact, Send
from qutrio.core.api.facts import OwnChangeRefused
from qutrio.core.api.messages import ItemWrite, ProposeReply, Ruling
from qutrio.core.api.mutations import Batch, ClaimToken, PromoteMember, PutCheck, RemoveMember
from qutrio.core.consensus.acceptor import RETRY_AFTER_S
from qutrio.core.consensus.register import (
    CHANGES_PER_WRITE_MAX,
    PROPOSALS_PER_WRITE_MAX,
    PROPOSALS_QUEUED_MAX,
    REASON_CHARS_MAX,
    RULINGS_REMEMBERED_MAX,
    Proposal,
)
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Revision, Term, TokenId
from qutrio.model.levels import LEVEL
from qutrio.model.stable import Position
from tests.core.registers import (
    LEDGER,
    THREE,
    accept,
    established,
    proposal,
    pump,
    put,
    write,
    wrote,
)
from tests.core.samples import A, B, C, D, at, check, document, member, pos, register, sent


def rulings(effects: list[Effect], to: NodeId = B) -> list[Ruling]:
    return [m.ruling for m in sent(effects, to) if isinstance(m, ProposeReply)]


def checks_of(held: ClusterDocument) -> list[str]:
    return [c.id for c in held.checks]


# --- writing --------------------------------------------------------------------------------


def test_all_waiting_changes_share_one_write() -> None:
    master = established()
    for name in ("a", "b"):
        assert master.propose(proposal(put(name), request=name)) == []
    assert master.waiting
    effects = pump(master)
    (said,) = sent(effects, C)
    assert isinstance(said, ItemWrite)
    assert said.position == pos(1, 2)
    assert said.document is not None
    assert checks_of(said.document) == ["a", "b"]
    assert (said.document.term, said.document.revision) == (1, 3)
    assert not master.waiting


def test_nothing_is_called_committed_before_a_majority_accepted() -> None:
    master = established()
    master.propose(proposal(put("a"), node=B))
    effects = pump(master)
    assert rulings(effects, B) == []
    assert not master.write_has_majority()
    assert master.committed.document == THREE
    master.on_wrote(B, wrote(pos(1, 2)), at(0))
    assert master.write_has_majority()
    assert rulings(master.mark_committed(), B) == [Ruling.COMMITTED]
    assert checks_of(master.committed.document) == ["a"]


def test_the_changes_of_one_step_are_bounded_also_when_they_are_refused() -> None:
    holder = established()
    bad = Batch(mutations=(PromoteMember(node=D),) * CHANGES_PER_WRITE_MAX)
    holder.propose(proposal(bad, request="r1"))
    holder.propose(proposal(bad, request="r2"))
    holder.propose(proposal(put("a"), request="r3"))
    for ruled in ([Ruling.REFUSED], [Ruling.REFUSED], []):
        assert holder.waiting
        assert rulings(pump(holder)) == ruled
    assert holder.flight is not None
    assert not holder.waiting


def test_a_refusal_that_quotes_a_long_text_is_cut() -> None:
    holder = established()
    holder.propose(proposal(PutCheck(check=check(alerts=("x" * 10_000,)))))
    (ruled,) = [m for m in sent(pump(holder), B) if isinstance(m, ProposeReply)]
    assert len(ruled.reason) == REASON_CHARS_MAX


def test_a_write_takes_a_bounded_number_of_changes() -> None:
    master = established()
    for number in range(PROPOSALS_PER_WRITE_MAX + 1):
        master.propose(proposal(PromoteMember(node=D), request=str(number)))
    master.propose(Proposal(put("x"), None))
    assert len(rulings(pump(master))) == PROPOSALS_PER_WRITE_MAX + 1  # refusals fill no write
    accept(master, B)
    master.mark_committed()
    same = master.committed.document.settings
    for number in range(PROPOSALS_PER_WRITE_MAX + 1):
        from_settings = put(f"c{number}")
        master.propose(proposal(from_settings, request=f"c{number}"))
    pump(master)
    assert master.waiting
    assert master.accepted.document.settings is same
    assert master.flight is not None
    assert len(master.flight.proposals) == PROPOSALS_PER_WRITE_MAX


def test_a_refused_change_is_answered_and_not_written() -> None:
    master = established()
    master.propose(proposal(PromoteMember(node=D)))
    effects = pump(master)
    assert rulings(effects) == [Ruling.REFUSED]
    assert master.flight is None


def test_a_refused_change_of_the_nodes_own_is_logged() -> None:
    master = established()
    master.propose(Proposal(PromoteMember(node=D), None))
    (note,) = pump(master)
    assert isinstance(note, LogFact)
    assert isinstance(note.fact, OwnChangeRefused)


def test_a_change_that_changes_nothing_is_committed_without_a_new_revision() -> None:
    master = established()
    again = ClaimToken(token=TokenId("t1"), secret_hash="hash", claimant=member(C), level=LEVEL)
    master.propose(proposal(again))
    pump(master)
    accept(master, B)
    (ruled,) = sent(master.mark_committed(), B)
    assert isinstance(ruled, ProposeReply)
    assert (ruled.ruling, ruled.revision) == (Ruling.COMMITTED, 1)


def test_a_new_ledger_alone_is_written_without_the_document() -> None:
    master = established()
    assert pump(master) == []
    (said, _) = pump(master, LEDGER)
    assert said == Send(B, write(pos(1, 2), THREE, whole=False))


def test_a_request_that_comes_twice_is_written_once_and_answered_as_before() -> None:
    master = established()
    change = proposal(put("a"), node=B)
    master.propose(change)
    assert master.propose(change) == []  # under way: the answer comes later
    pump(master)
    accept(master, B)
    ruled = sent(master.mark_committed(), B)
    assert sent(master.propose(change), B) == ruled
    assert not master.waiting


def test_too_many_waiting_changes_are_refused() -> None:
    master = established()
    for number in range(PROPOSALS_QUEUED_MAX):
        assert master.propose(proposal(put("a"), request=str(number))) == []
    assert rulings(master.propose(proposal(put("a"), request="one more"))) == [Ruling.REFUSED]


def test_answers_to_own_changes_are_calls_and_no_messages() -> None:
    master, answers = established(), list[tuple[NodeId, ProposeReply]]()
    master.on_own_ruling = lambda me, ruled: answers.append((me, ruled))
    master.propose(proposal(put("a"), node=A))
    pump(master)
    accept(master, B)
    assert [e for e in master.mark_committed() if isinstance(e, Send)] == []
    assert [(me, ruled.ruling) for me, ruled in answers] == [(A, Ruling.COMMITTED)]


def test_an_answer_that_nobody_takes_is_a_bug() -> None:
    master = established()
    master.propose(proposal(PromoteMember(node=D), node=A))
    with pytest.raises(AssertionError, match="nobody takes the answer"):
        pump(master)


def test_the_memory_of_rulings_is_bounded_and_forgets_the_oldest() -> None:
    master = established()
    first = proposal(PromoteMember(node=D), request="first")
    master.propose(first)
    pump(master)
    assert rulings(master.propose(first)) == [Ruling.REFUSED]
    for start in range(0, RULINGS_REMEMBERED_MAX, PROPOSALS_PER_WRITE_MAX):
        for number in range(start, start + PROPOSALS_PER_WRITE_MAX):
            master.propose(proposal(PromoteMember(node=D), request=str(number)))
        pump(master)
    assert master.propose(first) == []  # taken as new
    assert master.waiting


def test_a_node_that_is_not_master_tells_the_proposer_to_ask_elsewhere() -> None:
    assert rulings(register(A, THREE).decline(proposal(put("a")), Term(1))) == [Ruling.AGAIN]


def test_a_request_that_is_known_is_never_declined() -> None:
    master = established()
    change = proposal(put("a"))
    master.propose(change)
    assert master.decline(change, Term(1)) == []  # pending here: another node must not write it too
    pump(master)
    accept(master, B)
    ruled = sent(master.mark_committed(), B)
    assert sent(master.decline(change, Term(1)), B) == ruled


# --- answers --------------------------------------------------------------------------------


def test_each_voter_counts_once_and_refusals_and_strays_do_not() -> None:
    master = established(held=document(A, B, C, D, NodeId("n5")))
    assert master.on_wrote(B, wrote(pos(1, 2)), at(0)) == []
    pump(master, LEDGER)
    master.on_wrote(B, wrote(pos(1, 2)), at(0))
    master.on_wrote(B, wrote(pos(1, 2)), at(0))
    master.on_wrote(C, wrote(pos(1, 1)), at(0))
    master.on_wrote(D, wrote(pos(1, 2), accepted=False), at(0))
    assert not master.write_has_majority()
    master.on_wrote(C, wrote(pos(1, 2)), at(0))
    assert master.write_has_majority()


def test_a_voter_that_lacks_the_document_is_sent_the_whole() -> None:
    master = established()
    pump(master, LEDGER)
    effects = master.on_wrote(B, wrote(pos(1, 2), accepted=False, lacks=True), at(0))
    assert effects == [Send(B, write(pos(1, 2), THREE))]
    assert not master.write_has_majority()


def test_a_write_is_repeated_to_a_peer_that_does_not_hold_it() -> None:
    master = established()
    pump(master, LEDGER)
    mine = (THREE.term, THREE.revision)
    assert master.repeat_write(B, pos(1, 1), mine, at(RETRY_AFTER_S - 0.001)) == []
    again = master.repeat_write(B, pos(1, 1), mine, at(RETRY_AFTER_S))
    assert again == [Send(B, write(pos(1, 2), THREE, whole=False))]
    assert master.repeat_write(B, pos(1, 1), mine, at(RETRY_AFTER_S + 1)) == []
    behind = master.repeat_write(C, pos(0, 0), (Term(0), Revision(0)), at(RETRY_AFTER_S))
    assert behind == [Send(C, write(pos(1, 2), THREE))]
    stranger = master.repeat_write(D, pos(0, 0), mine, at(0))  # never asked before: at once
    assert len(stranger) == 1


def test_a_lost_answer_is_replaced_by_the_next_heartbeats() -> None:
    master = established()
    pump(master, LEDGER)
    assert master.repeat_write(B, pos(1, 2), (Term(0), Revision(1)), at(0)) == []
    assert master.write_has_majority()


def test_without_a_write_in_flight_nobody_is_reminded_and_nothing_settles() -> None:
    master = established()
    assert master.repeat_write(B, Position(), (Term(0), Revision(0)), at(9)) == []
    assert not master.write_has_majority()


# --- voters change --------------------------------------------------------------------------


def test_a_change_of_voters_needs_a_majority_of_the_old_and_of_the_new_ones() -> None:
    master = established(held=document(A, B, learners=[C]))
    master.propose(proposal(PromoteMember(node=C)))
    pump(master)
    assert master.joint_config.all == {A, B, C}
    master.on_wrote(C, wrote(pos(1, 2)), at(0))
    assert not master.write_has_majority()  # a majority of the new ones, but not of the old
    master.on_wrote(B, wrote(pos(1, 2)), at(0))
    assert master.write_has_majority()


def test_voters_change_one_write_at_a_time() -> None:
    master = established(held=document(A, learners=[B, C]))
    for node in (B, C):
        master.propose(proposal(PromoteMember(node=node), request=node))
    master.propose(proposal(put("a")))
    pump(master)
    assert master.accepted.document.voters == {A, B}
    assert checks_of(master.accepted.document) == []
    assert master.waiting


def test_a_learner_is_sent_writes_and_does_not_count() -> None:
    master = established(held=document(A, B, learners=[C]))
    assert sent(pump(master, LEDGER), C) != []
    master.on_wrote(C, wrote(pos(1, 2)), at(0))
    assert not master.write_has_majority()


def test_a_removed_voter_still_gets_the_write_that_removes_it() -> None:
    master = established()
    master.propose(proposal(RemoveMember(node=C)))
    (said,) = sent(pump(master), C)
    assert isinstance(said, ItemWrite)
    assert said.document is not None
    assert said.document.voters == {A, B}


# --- losing the lease -----------------------------------------------------------------------


def test_losing_the_lease_leaves_written_changes_unknown_and_passes_others_on() -> None:
    master = established()
    master.propose(proposal(put("a"), request="written", node=B))
    pump(master)
    master.propose(proposal(put("b"), request="waiting", node=C))
    effects = master.abandon()
    assert rulings(effects, B) == [Ruling.UNKNOWN]
    assert rulings(effects, C) == [Ruling.AGAIN]
    assert (master.flight, master.established, master.waiting) == (None, None, False)


def test_an_unknown_ruling_stands_and_a_sent_on_request_may_come_again() -> None:
    master = established()
    written = proposal(put("a"), request="written")
    waiting = proposal(put("b"), request="waiting")
    master.propose(written)
    pump(master)
    master.propose(waiting)
    master.abandon()
    assert rulings(master.decline(written, Term(1))) == [Ruling.UNKNOWN]
    assert rulings(master.decline(waiting, Term(1))) == [Ruling.AGAIN]


def test_a_change_of_the_nodes_own_is_forgotten_with_the_lease() -> None:
    master = established(held=document(A, B, learners=[C]))
    master.propose(Proposal(PromoteMember(node=C), None))
    assert master.abandon() == []
    assert not master.waiting


def test_what_was_written_and_lost_is_still_the_accepted_record() -> None:
    master = established()
    master.propose(proposal(put("a")))
    pump(master)
    master.abandon()
    assert master.committed.document == THREE
    expected = evolve(put("a").check, changed=Revision(2))
    assert master.accepted.document.checks == (expected,)


def test_a_ruling_on_what_the_disk_did_not_take_is_forgotten() -> None:
    master = established(A, document(A))
    durable = master.accepted
    master.propose(proposal(put("api"), node=B))
    pump(master)
    accept(master)
    assert rulings(master.mark_committed(), B) == [Ruling.COMMITTED]
    master.abandon()
    master.roll_back(durable, durable)
    assert master.committed is durable
    assert rulings(master.decline(proposal(put("api"), node=B), Term(1)), B) == [Ruling.AGAIN]
