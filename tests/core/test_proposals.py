"""Pending proposals: each is sent to one master, answered once, and never left unanswered."""

from collections.abc import Mapping

import pytest
from attrs import evolve

from qutrio.core.api.effects import Effect, Reply, Send
from qutrio.core.api.events import Proposed
from qutrio.core.api.messages import Propose, ProposeReply, Ruling
from qutrio.core.api.mutations import Batch, Mutation, PutCheck
from qutrio.core.proposals import (
    ANSWER_S_MAX,
    CATCH_UP_S_MAX,
    NOT_SEEN,
    PENDING_PROPOSALS_MAX,
    SEND_AGAIN_S,
    PendingProposals,
    ProposalInputs,
)
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Instant, NodeId, RequestId, Revision, Term
from qutrio.model.stable import Position
from tests.core.samples import BEGINNING, A, B, C, at, check, document, pos

R1 = RequestId("r1")
CHANGE = Batch(mutations=())
PROPOSE = Propose(term=Term(1), request=R1, mutation=CHANGE)
HELD = document(A, revision=3)
ADDED = PutCheck(check=check())


def inputs(  # noqa: PLR0917 - each with a default
    master: NodeId | None = None,
    hopeless: str | None = None,
    committed: Position = BEGINNING,
    term: int = 1,
    held: ClusterDocument = HELD,
    me: NodeId = C,
    named: Mapping[NodeId, Position] | None = None,
) -> ProposalInputs:
    return ProposalInputs(
        me=me,
        master=master,
        term=Term(term),
        hopeless=hopeless,
        committed=committed,
        document=held,
        fit=named is None,
        named=named or {},
    )


def ruled(
    ruling: Ruling = Ruling.COMMITTED, position: Position = BEGINNING, request: RequestId = R1
) -> ProposeReply:
    return ProposeReply(
        request=request,
        ruling=ruling,
        reason="because",
        revision=Revision(4),
        position=position,
        term=Term(1),
    )


def asked(master: NodeId | None = A, change: Mutation = CHANGE) -> PendingProposals:
    """One pending proposal, sent to a master if there is one."""
    proposals = PendingProposals()
    assert proposals.open(Proposed(R1, change), HELD, at(0)) == []
    proposals.advance(inputs(master), at(0))
    return proposals


def reply(effects: list[Effect]) -> tuple[Ruling, str]:
    (answer,) = effects
    assert isinstance(answer, Reply)
    return answer.ruling, answer.reason


def test_a_proposal_is_sent_to_the_master_as_soon_as_one_is_known() -> None:
    proposals = asked(master=None)
    assert proposals.advance(inputs(), at(1)) == []
    assert proposals.advance(inputs(A), at(2)) == [Send(A, PROPOSE)]


def test_a_master_processes_its_own_proposal_at_once() -> None:
    proposals = PendingProposals()
    assert proposals.open(Proposed(R1, CHANGE), HELD, at(0)) == []
    with pytest.raises(AssertionError, match="nothing takes this node's own proposal"):
        proposals.advance(inputs(C), at(0))
    proposals, taken = PendingProposals(), list[Propose]()

    def take(message: Propose, now: Instant) -> list[Effect]:
        assert now == at(0)
        taken.append(message)
        return []

    proposals.propose_here = take
    assert proposals.open(Proposed(R1, CHANGE), HELD, at(0)) == []
    assert proposals.advance(inputs(C), at(0)) == []
    assert [message.request for message in taken] == [R1]


def test_an_unanswered_proposal_is_sent_again_to_the_same_master() -> None:
    proposals = asked()
    assert proposals.deadline() == at(SEND_AGAIN_S)
    assert proposals.advance(inputs(A), at(SEND_AGAIN_S - 0.001)) == []
    assert proposals.advance(inputs(A), at(SEND_AGAIN_S)) == [Send(A, PROPOSE)]


def test_a_proposal_that_was_sent_is_never_sent_to_another_master() -> None:
    proposals = asked()
    assert proposals.advance(inputs(B), at(5)) == []
    assert reply(proposals.advance(inputs(B), at(ANSWER_S_MAX)))[0] is Ruling.UNKNOWN


def test_a_proposal_is_not_sent_again_to_a_master_that_may_have_forgotten_it() -> None:
    proposals = asked()
    assert proposals.advance(inputs(A, term=2), at(5)) == []
    assert reply(proposals.advance(inputs(A, term=2), at(ANSWER_S_MAX)))[0] is Ruling.UNKNOWN


def test_a_proposal_that_the_master_never_wrote_is_sent_to_the_next() -> None:
    proposals = asked()
    proposals.on_ruled(A, ruled(Ruling.AGAIN), at(1))
    assert proposals.advance(inputs(B), at(1)) == [Send(B, PROPOSE)]


def test_a_word_about_an_earlier_copy_of_a_proposal_says_nothing_about_the_later_one() -> None:
    proposals = asked()
    proposals.on_ruled(A, ruled(Ruling.AGAIN), at(1))
    proposals.advance(inputs(A, term=2), at(1))  # sent once more, to the same node in its next term
    proposals.on_ruled(A, ruled(Ruling.AGAIN), at(2))
    assert proposals.advance(inputs(hopeless="no quorum"), at(3)) == []
    assert reply(proposals.advance(inputs(), at(ANSWER_S_MAX)))[0] is Ruling.UNKNOWN


def test_an_answer_counts_only_from_the_node_that_was_asked_and_only_the_first() -> None:
    proposals = asked()
    proposals.on_ruled(B, ruled(Ruling.REFUSED), at(1))
    proposals.on_ruled(A, ruled(request=RequestId("other")), at(1))
    assert proposals.advance(inputs(A), at(0.5)) == []
    proposals.on_ruled(A, ruled(Ruling.COMMITTED), at(1))
    proposals.on_ruled(A, ruled(Ruling.AGAIN), at(1))
    assert proposals.advance(inputs(A), at(1)) == [
        Reply(R1, Ruling.COMMITTED, "because", Revision(4))
    ]
    assert proposals.advance(inputs(A), at(1)) == []


def test_a_commit_is_answered_when_this_node_holds_it_too() -> None:
    proposals = asked()
    proposals.on_ruled(A, ruled(position=pos(1, 5)), at(1))
    assert proposals.advance(inputs(A, committed=pos(1, 4)), at(2)) == []
    assert reply(proposals.advance(inputs(A, committed=pos(1, 5)), at(2)))[0] is Ruling.COMMITTED


def test_a_commit_that_does_not_arrive_here_is_unknown_after_a_while() -> None:
    proposals = asked()
    proposals.on_ruled(A, ruled(position=pos(1, 5)), at(1))
    assert proposals.deadline() == at(1 + CATCH_UP_S_MAX)
    assert proposals.advance(inputs(A), at(1 + CATCH_UP_S_MAX - 0.001)) == []
    ruling, reason = reply(proposals.advance(inputs(A), at(1 + CATCH_UP_S_MAX)))
    assert ruling is Ruling.UNKNOWN
    assert reason.startswith(NOT_SEEN)


def test_one_that_says_committed_is_not_believed_until_the_document_shows_it() -> None:
    """It may be no master at all: it was heard to act, and has written nothing."""
    proposals = asked(change=ADDED)
    proposals.on_ruled(A, ruled(), at(1))
    assert proposals.advance(inputs(A), at(2)) == []
    assert proposals.advance(inputs(A), at(2.5)) == []
    shown = evolve(HELD, checks=(check(),), revision=Revision(4))
    assert reply(proposals.advance(inputs(A, held=shown), at(3)))[0] is Ruling.COMMITTED
    pretended = asked(change=ADDED)
    pretended.on_ruled(A, ruled(), at(1))
    late = at(1 + CATCH_UP_S_MAX)
    assert reply(pretended.advance(inputs(A), late))[0] is Ruling.UNKNOWN


def test_a_node_whose_disk_is_full_believes_what_another_member_confirms() -> None:
    """It cannot hold the record itself."""
    proposals = asked(change=ADDED)
    proposals.on_ruled(A, ruled(position=pos(2, 5)), at(1))
    for named in ({A: pos(2, 5)}, {B: pos(2, 4)}, {B: pos(3, 9)}):
        assert proposals.advance(inputs(A, named=named), at(2)) == []
    confirmed = proposals.advance(inputs(A, named={B: pos(2, 6)}), at(3))
    assert reply(confirmed)[0] is Ruling.COMMITTED


def test_a_master_believes_its_own_ruling() -> None:
    """What it committed may have been changed again in the same write."""
    proposals = asked(change=ADDED)
    proposals.on_ruled(A, ruled(), at(1))
    assert reply(proposals.advance(inputs(A, me=A), at(1)))[0] is Ruling.COMMITTED


def test_a_refusal_is_answered_at_once() -> None:
    proposals = asked()
    proposals.on_ruled(A, ruled(Ruling.REFUSED, pos(1, 5)), at(1))
    assert reply(proposals.advance(inputs(A), at(1))) == (Ruling.REFUSED, "because")


def test_without_hope_of_a_master_an_unsent_proposal_is_refused_at_once() -> None:
    proposals = asked(master=None)
    answer = reply(proposals.advance(inputs(hopeless="no quorum"), at(0)))
    assert answer == (Ruling.REFUSED, "no quorum; nothing was changed")


def test_a_proposal_that_was_sent_is_not_refused_for_lack_of_hope() -> None:
    proposals = asked()
    assert proposals.advance(inputs(hopeless="no quorum"), at(1)) == []


def test_without_a_master_in_time_nothing_was_changed() -> None:
    proposals = asked(master=None)
    assert proposals.deadline() == at(ANSWER_S_MAX)
    assert proposals.advance(inputs(), at(ANSWER_S_MAX - 0.001)) == []
    ruling, reason = reply(proposals.advance(inputs(), at(ANSWER_S_MAX)))
    assert ruling is Ruling.REFUSED
    assert "nothing was changed" in reason


def test_too_many_wishes_are_refused_and_the_others_wait() -> None:
    proposals = PendingProposals()
    for number in range(PENDING_PROPOSALS_MAX):
        assert proposals.open(Proposed(RequestId(str(number)), CHANGE), HELD, at(0)) == []
    assert reply(proposals.open(Proposed(R1, CHANGE), HELD, at(0)))[0] is Ruling.REFUSED
    assert len(proposals.advance(inputs(A), at(0))) == PENDING_PROPOSALS_MAX


def test_an_empty_desk_waits_for_nothing() -> None:
    assert PendingProposals().deadline() == at(float("inf"))
