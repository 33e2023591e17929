"""Whole nodes in a room: who belongs, what they watch together, and whom they page."""

import pytest

from qutrio.core.effects import Notify, Probe, Reply, Send
from qutrio.core.events import Expelled, Linked, Observed, ProbeRequested, Received
from qutrio.core.facts import NodeStarted, RoleClaimed
from qutrio.core.messages import Commit, Heartbeat, ProbeNow, Removed, Report, Ruling, Write
from qutrio.core.mutations import Batch, RemoveMember
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, RequestId, Revision, Term
from qutrio.model.incidents import NoticeKind
from qutrio.model.results import Outcome, State
from tests.core.company import API, HELD, Company, documents, settled, step
from tests.core.samples import (
    DEAD_S,
    WALL,
    WEB,
    A,
    B,
    C,
    D,
    E,
    at,
    check,
    document,
    heartbeat,
    hook,
    result,
    sent,
)

F = NodeId("n6")


def notices(company: Company) -> list[tuple[NodeId, NoticeKind]]:
    return [(n, e.delivery.notice.known_kind) for n, e in company.performed(Notify)]


# --- membership -----------------------------------------------------------------------------


def test_a_removed_member_is_told_and_stops_and_nothing_it_says_matters() -> None:
    company = settled()
    request = company.propose(A, RemoveMember(node=C))
    assert [r.ruling for r in company.replies(request)] == [Ruling.COMMITTED]
    node = company.nodes[C]
    assert node.removed
    assert [(n, to) for n, to, _ in company.said(Removed)] == [(A, C)]
    before = company.nodes[A].seat.mandate.heard_term
    company.give(A, Received(C, heartbeat(heard_term=Term(99), claim=Term(99))))
    assert company.nodes[A].seat.mandate.heard_term == before
    company.effects.clear()
    company.run(5)
    assert [e for n, e in company.effects if n == C] == []
    assert company.nodes[A].hearing.positions.keys() == {B}


def test_a_removed_node_takes_nothing_in_and_refuses_changes() -> None:
    company = settled()
    company.give(C, Expelled(A, Revision(1)))
    assert company.nodes[C].removed
    company.effects.clear()
    company.give(C, Expelled(A, Revision(1)))
    company.give(C, Received(A, heartbeat(number=77)))
    company.give(C, Linked(A))
    company.give(C, Observed(result(Outcome.FAIL)))
    last = Send(A, Commit(position=company.nodes[C].register.committed.position))
    assert all(e == last for n, e in company.effects if n == C)
    assert company.nodes[C].watch.verdicts.vote(C, WEB) is None
    (reply,) = company.replies(company.propose(C, API))
    assert "was removed from the cluster" in reply.reason


def test_a_master_that_removes_itself_hands_the_role_on() -> None:
    company = settled()
    request = company.propose(A, RemoveMember(node=A))
    assert [r.ruling for r in company.replies(request)] == [Ruling.COMMITTED]
    assert company.nodes[A].removed
    company.run(DEAD_S)
    assert company.masters() == [B]
    assert company.nodes[B].register.committed.document.voters == {B, C}


def test_a_node_that_removed_the_only_other_needs_it_no_more_even_after_a_crash() -> None:
    company = settled(document(A, B))
    request = company.propose(A, RemoveMember(node=B))
    assert [r.ruling for r in company.replies(request)] == [Ruling.COMMITTED]
    assert company.nodes[B].removed  # and perhaps wiped by its operator
    company.crash(A)
    company.boot(A)
    company.run(2 * DEAD_S)
    assert company.masters() == [A]


def test_a_vote_of_a_member_whose_removal_commits_is_not_announced_with_it() -> None:
    company = settled()
    company.lost.add((A, Write))  # the removal stays in flight while a verdict is reached
    company.propose(A, RemoveMember(node=C))
    for node in (A, C):
        company.sees[node, WEB] = Outcome.FAIL
        company.give(node, Observed(result(Outcome.FAIL)))
    company.run(1.5)
    assert company.status(A).checks[0].state is State.DOWN  # two of three voters
    company.lost.clear()
    company.run(3)
    assert company.nodes[A].register.committed.document.voters == {A, B}
    assert company.status(A).checks[0].state is State.UNKNOWN  # one of two
    assert notices(company) == []


def test_a_learner_that_holds_the_document_gets_its_vote() -> None:
    company = settled(document(A, B, learners=[C]))
    company.run(2)
    assert {d.voters for d in documents(company)} == {frozenset({A, B, C})}


def test_a_learner_that_is_dead_gets_no_vote() -> None:
    company = Company(document(A, B, learners=[C]))
    company.crash(C)
    company.run(6)
    assert {d.voters for d in documents(company)} == {frozenset({A, B})}


def test_a_stranger_that_links_is_told_that_it_is_none_of_us() -> None:
    node = settled().nodes[A]
    assert step(node, Linked(D), 2.5) == [Send(D, Removed(revision=Revision(1)))]


def test_a_member_that_links_is_greeted_with_a_heartbeat_and_all_results() -> None:
    company = settled()
    company.see(WEB, Outcome.OK)
    messages = sent(company.nodes[A].step(Linked(B), at(company.now), WALL), B)
    assert isinstance(messages[0], Heartbeat)
    assert isinstance(messages[1], Report)


def test_strangers_and_echoes_of_oneself_are_not_heard() -> None:
    node = settled().nodes[A]
    for sender in (A, D):
        assert step(node, Received(sender, heartbeat(heard_term=Term(50))), 2.5) == []
    assert node.seat.mandate.heard_term == 1


@pytest.mark.parametrize(
    ("sender", "revision", "believed"),
    [(A, 1, True), (A, 0, False), (B, 1, False), (D, 9, False)],
)
def test_only_the_master_that_is_not_behind_is_believed_alone_about_a_removal(
    sender: NodeId, revision: int, believed: bool
) -> None:
    node = settled().nodes[C]
    step(node, Received(sender, Removed(revision=Revision(revision))), 2.5)
    assert node.removed is believed


def test_one_that_only_says_that_it_acts_removes_nobody() -> None:
    node = Company(HELD).nodes[C]
    node.seat.fit = False  # so it endorses nobody, but hears who acts
    step(node, Received(B, heartbeat(claim=Term(1), acting=True)), 0)
    assert (node.seat.mandate.promise.holder, node.seat.incumbent(at(0))) == (None, B)
    step(node, Received(B, Removed(revision=Revision(1))), 0)
    assert not node.removed


def test_a_majority_of_the_other_voters_is_believed_about_a_removal() -> None:
    node = Company(document(A, B, C, D, E, learners=[F])).nodes[E]
    for sender in (A, A, F, B):
        step(node, Received(sender, Removed(revision=Revision(1))), 1)
        assert not node.removed  # two voters of the other four are no majority, a learner none
    step(node, Received(D, Removed(revision=Revision(1))), 1)
    assert node.removed


def test_words_of_a_removal_in_different_revisions_do_not_add_up() -> None:
    node = Company(document(A, B, C, D, E)).nodes[E]
    for sender, revision in ((A, 1), (B, 1), (C, 2), (D, 1)):
        step(node, Received(sender, Removed(revision=Revision(revision))), 1)
    assert not node.removed
    for sender in (A, B):
        step(node, Received(sender, Removed(revision=Revision(2))), 1)
    assert node.removed


def test_a_restarted_node_names_the_term_it_hears_the_master_act_in() -> None:
    company = settled()
    company.crash(A)
    company.run(3 * DEAD_S)
    node = company.boot(A)
    company.run(2)
    (master,) = company.masters()
    term = company.nodes[master].seat.mandate.promise.term
    assert node.seat.mandate.promise.term < term  # it may not endorse anybody yet
    assert node.view(at(company.now)).term == term


# --- watching and paging --------------------------------------------------------------------


def test_an_outage_pages_once_and_its_recovery_once() -> None:
    company = settled()
    company.see(WEB, Outcome.OK)
    company.see(WEB, Outcome.FAIL)
    company.run(5)
    assert notices(company) == [(A, NoticeKind.DOWN)]
    company.see(WEB, Outcome.OK)
    company.run(5)
    assert notices(company) == [(A, NoticeKind.DOWN), (A, NoticeKind.RECOVERED)]
    ledgers = {n.register.committed.ledger for n in company.nodes.values()}
    assert {(led.incidents, led.outbox, led.sequence) for led in ledgers} == {((), (), 2)}


def test_one_node_that_cannot_reach_a_target_pages_nobody() -> None:
    company = settled()
    company.see(WEB, Outcome.OK)
    company.sees[B, WEB] = Outcome.FAIL
    company.give(B, Observed(result(Outcome.FAIL)))
    company.run(10)
    assert notices(company) == []
    assert company.nodes[A].watch.verdicts.state(WEB) is State.UP


def test_the_first_failure_makes_everybody_probe_at_once() -> None:
    company = settled()
    company.see(WEB, Outcome.OK)
    company.effects.clear()
    company.give(B, Observed(result(Outcome.FAIL)))
    assert {n for n, e in company.performed(Probe) if e.checks == (WEB,)} == {A, B, C}


def test_a_new_master_sends_the_recovery_of_an_outage_it_never_announced() -> None:
    company = settled()
    company.see(WEB, Outcome.FAIL)
    company.run(3)
    company.crash(A)
    company.run(DEAD_S + 2)
    company.see(WEB, Outcome.OK)
    company.run(5)
    assert notices(company) == [(A, NoticeKind.DOWN), (B, NoticeKind.RECOVERED)]


def test_a_notice_that_a_dead_master_did_not_deliver_is_delivered_by_the_next() -> None:
    company = settled()
    company.channel_works = None
    company.see(WEB, Outcome.FAIL)
    company.run(3)
    assert notices(company) == [(A, NoticeKind.DOWN)]
    company.crash(A)
    company.channel_works = True
    company.run(DEAD_S + 5)
    assert notices(company) == [(A, NoticeKind.DOWN), (B, NoticeKind.DOWN)]
    assert company.nodes[C].register.committed.ledger.outbox == ()


def test_a_channel_that_only_the_master_cannot_reach_is_reached_by_another() -> None:
    company = settled()
    company.channel_works = False
    company.see(WEB, Outcome.FAIL)
    company.run(2)
    company.channel_works = True
    company.run(8)
    assert [n for n, _ in notices(company)] == [A, B]
    assert company.nodes[A].register.committed.ledger.outbox == ()


def test_everybody_probes_when_somebody_asks() -> None:
    company = settled()
    company.give(C, ProbeRequested((WEB,)))
    assert [to for _, to, _ in company.said(ProbeNow)] == [A, B]
    assert [n for n, _ in company.performed(Probe)] == [C, A, B]


def test_the_role_is_not_handed_over_while_an_attempt_is_under_way() -> None:
    company = settled(
        document(
            A, B, C, checks=[check()], channels=[hook()], settings=Settings(master_cooldown_s=1)
        )
    )
    company.crash(A)
    company.run(DEAD_S + 1)
    company.channel_works = None
    company.see(WEB, Outcome.FAIL)
    company.run(3)
    company.boot(A)
    company.run(20)
    assert company.masters() == [B]
    company.run(60)
    assert company.masters() == [A]


def test_the_last_fact_is_kept_for_people() -> None:
    company = Company(document(A))
    assert company.status(A).last == NodeStarted()
    company.run(1)
    assert company.status(A).last == RoleClaimed(Term(1))


def test_a_batch_of_nothing_is_committed_without_a_new_revision() -> None:
    company = settled()
    request = company.propose(C, Batch(mutations=()))
    assert company.replies(request) == [Reply(request, Ruling.COMMITTED, "", Revision(1))]
    assert request != RequestId("")
