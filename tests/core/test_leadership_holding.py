"""Leadership from canvass to resignation: asking, claiming, acting, transfer."""

from itertools import pairwise

import pytest
from attrs import evolve

from qutrio.core.api.effects import LogFact, Send
from qutrio.core.api.facts import Resigned, RoleClaimed
from qutrio.core.api.messages import (
    CanvassAnswer,
    CanvassRequest,
    Fetch,
    Heartbeat,
    ItemWrite,
    Resign,
)
from qutrio.core.consensus.acceptor import RETRY_AFTER_S
from qutrio.core.consensus.lease import CLAIM_AGAIN_DEADS
from qutrio.core.leadership.leadership import Leadership
from qutrio.core.leadership.transfer import LeadershipTransfer
from qutrio.core.quorum.bounds import RAISE_EVERY_DEADS, RAISES_AT_ONCE
from qutrio.model.document import Settings
from qutrio.model.ids import Term
from tests.core.leaderships import bind, leadership, meet, win
from tests.core.registers import THREE
from tests.core.samples import (
    BEAT_S,
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
    sent,
)

LATER_S = DEAD_S * CLAIM_AGAIN_DEADS
"""When a node that acts may claim again."""


# --- the canvass ----------------------------------------------------------------------------


def test_a_node_alone_in_its_cluster_claims_without_asking() -> None:
    node = leadership(A, document(A))
    effects = node.advance(at(0), WALL)
    assert node.lease.claim == 1
    assert node.register.write_has_majority()
    assert LogFact(RoleClaimed(Term(1))) in effects


def test_a_node_asks_every_voter_and_claims_only_with_a_majority_of_answers() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B, C)
    asked = node.advance(at(0), WALL)
    assert asked == [Send(B, CanvassRequest(term=Term(1))), Send(C, CanvassRequest(term=Term(1)))]
    assert node.advance(at(0), WALL) == []
    would = CanvassAnswer(term=Term(1), would=True, heard_term=Term(0), reason="")
    node.on_canvass_answer(B, would, at(0))
    effects = node.advance(at(0.01), WALL)
    assert node.lease.claim == 1
    (beat,) = sent(effects, C)
    assert isinstance(beat, Heartbeat)
    assert (beat.claim, beat.acting) == (1, False)


def test_an_unanswered_canvass_is_repeated_after_a_fraction_of_a_heartbeat() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B)
    node.advance(at(0), WALL)
    assert node.deadline(at(0)) == pytest.approx(BEAT_S / 10)
    assert node.advance(at(BEAT_S / 10), WALL) != []


def test_a_canvass_for_a_term_that_was_overtaken_is_repeated_for_a_higher_one() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B, C)
    node.advance(at(0), WALL)
    node.on_canvass_answer(
        B, CanvassAnswer(term=Term(1), would=True, heard_term=Term(6), reason=""), at(0)
    )
    assert Send(B, CanvassRequest(term=Term(7))) in node.advance(at(0), WALL)
    assert node.lease.claim is None


def test_a_node_without_a_majority_does_not_ask() -> None:
    node = leadership(A, THREE)
    assert not node.able(at(0))
    assert node.advance(at(0), WALL) == []


def test_a_canvass_is_dropped_when_the_engine_no_longer_chooses_this_node() -> None:
    node = leadership(A, THREE, accepted=record(THREE, pos(1)))
    meet(node, 0.0, B)
    node.advance(at(0), WALL)
    node.on_heartbeat(B, heartbeat(claim=Term(1), acting=True), at(0), WALL)
    assert node.advance(at(0), WALL) == []
    assert node.lease.canvass is None


def test_a_learner_is_not_able_to_lead() -> None:
    learner = leadership(A, document(B, C, learners=[A]))
    meet(learner, 0.0, B, C)
    assert not learner.able(at(0))


def test_a_member_whose_removal_is_not_committed_may_still_lead() -> None:
    leaving = leadership(A, THREE, accepted=record(document(B, C, revision=2), pos(1)))
    meet(leaving, 0.0, B, C)
    assert leaving.able(at(0))


def test_a_node_that_cannot_lead_is_not_elected() -> None:
    node = leadership(B, THREE)
    meet(node, 0.0, A, C)
    assert node.choice(at(0)) == A
    meet(node, 1.0, A, able=False)
    assert node.choice(at(1)) == B


# --- the lease ------------------------------------------------------------------------------


def test_a_candidate_with_a_lease_fetches_a_newer_record_before_it_writes() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B, C)
    node.advance(at(0), WALL)
    node.lease.count_canvass_answer(B, Term(1), would=True)
    node.advance(at(0), WALL)
    bind(node, 0.0, B, accepted=pos(0, 4))
    assert node.advance(at(0), WALL) == []  # C may yet say that it knows nothing of it
    assert node.advance(at(RETRY_AFTER_S), WALL) == [Send(B, Fetch(accepted=True))]
    assert node.acting_until(at(RETRY_AFTER_S)) is None


def test_a_candidate_with_a_lease_fetches_at_once_what_two_voters_name() -> None:
    node = leadership(A, document(A, B, C, D, E))
    meet(node, 0.0, B, C, D)
    node.advance(at(0), WALL)
    node.lease.count_canvass_answer(B, Term(1), would=True)
    node.lease.count_canvass_answer(C, Term(1), would=True)
    node.advance(at(0), WALL)
    bind(node, 0.0, B, C, accepted=pos(0, 4))
    assert node.advance(at(0), WALL) == [Send(C, Fetch(accepted=True))]


def test_a_record_that_no_majority_accepted_is_not_adopted() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B, C)
    node.advance(at(0), WALL)
    node.lease.count_canvass_answer(B, Term(1), would=True)
    node.advance(at(0), WALL)
    bind(node, 0.0, B, accepted=pos(0, 4))
    bind(node, 0.0, C)
    assert [type(m) for m in sent(node.advance(at(0), WALL), B)] == [ItemWrite]
    assert node.register.accepted == record(THREE, pos(1))


def test_a_master_that_heard_of_a_higher_term_claims_above_it_and_stays_master() -> None:
    node = leadership(A, THREE)
    win(node, 0.0, B, C)
    node.lease.record_term(Term(5))
    effects = node.advance(at(LATER_S), WALL)
    assert node.lease.claim == 6
    assert node.acting_until(at(LATER_S)) is not None
    (beat,) = sent(effects, B)
    assert isinstance(beat, Heartbeat)
    assert (beat.claim, beat.acting) == (6, True)
    bind(node, LATER_S, B)
    writes = [m for m in sent(node.advance(at(LATER_S), WALL), B) if isinstance(m, ItemWrite)]
    assert [w.position for w in writes] == [pos(6)]


def test_a_master_limits_how_often_it_claims_again() -> None:
    node = leadership(A, THREE)
    win(node, 0.0, B, C)
    for n in range(1, 100):
        now = LATER_S * n / 100
        node.lease.record_term(Term(10 * n))
        node.advance(at(now), WALL)
        assert node.lease.claim == 1
    node.advance(at(LATER_S), WALL)
    assert node.lease.claim == 991
    node.lease.record_term(Term(2_000))
    node.advance(at(LATER_S + 0.1), WALL)
    assert node.lease.claim == 991


def test_a_flood_of_terms_from_one_peer_leaves_time_to_ask_and_to_claim() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B, C)
    raised = []
    for n in range(1, 1_001):
        now = at(DEAD_S * n / 100)
        before = node.lease.heard_term
        node.on_heartbeat(C, heartbeat(number=n, heard_term=Term(before + 1)), now, WALL)
        raised += [now] if node.lease.heard_term > before else []
    assert len(raised) == RAISES_AT_ONCE + 10 / RAISE_EVERY_DEADS - 1
    gaps = [later - earlier for earlier, later in pairwise(raised[RAISES_AT_ONCE:])]
    assert min(gaps) >= DEAD_S * RAISE_EVERY_DEADS - 1e-9
    node.on_heartbeat(B, heartbeat(heard_term=Term(5_000)), at(DEAD_S * 10), WALL)
    assert node.lease.heard_term == 5_000


def test_a_member_that_joins_again_starts_with_a_new_allowance_of_terms() -> None:
    node = leadership(A, THREE)
    for term in range(1, RAISES_AT_ONCE + 2):
        node.on_heartbeat(C, heartbeat(heard_term=Term(term)), at(0), WALL)
    assert node.lease.heard_term == RAISES_AT_ONCE
    node.forget_strangers(frozenset({A, B}))
    node.on_heartbeat(C, heartbeat(heard_term=Term(20)), at(0), WALL)
    assert node.lease.heard_term == 20


def test_a_candidate_that_hears_of_a_higher_term_gives_up() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B, C)
    node.lease.begin_claim(Term(1), at(0))
    node.lease.record_term(Term(2))
    effects = node.advance(at(0), WALL)
    assert sent(effects, B) == [
        Resign(term=Term(1), successor=None, reason="heard of a higher term")
    ]
    assert LogFact(Resigned(Term(1), "heard of a higher term")) in effects


def test_a_master_that_no_longer_hears_a_majority_gives_up() -> None:
    node = leadership(A, THREE)
    win(node, 0.0, B, C)
    assert node.advance(at(DEAD_S - 0.001), WALL) == []
    effects = node.advance(at(DEAD_S), WALL)
    assert LogFact(Resigned(Term(1), "no longer hears a majority")) in effects
    assert node.lease.claim is None
    assert node.acting_until(at(DEAD_S)) is None


def test_an_unfit_master_gives_up() -> None:
    node = leadership(A, THREE)
    win(node, 0.0, B, C)
    node.fit = False
    effects = node.advance(at(0), WALL)
    assert LogFact(Resigned(Term(1), "cannot write its disk")) in effects


def test_a_candidate_that_the_engine_does_not_choose_gives_up_after_dead_after() -> None:
    node = leadership(B, THREE)
    meet(node, 0.0, A, C)
    node.lease.begin_claim(Term(1), at(0))
    assert node.advance(at(0), WALL) == []
    meet(node, 3.0, A, C)
    assert node.advance(at(DEAD_S - 0.001), WALL) == []
    effects = node.advance(at(DEAD_S), WALL)
    assert LogFact(Resigned(Term(1), "nobody follows the claim")) in effects


def test_a_claim_that_no_majority_grants_is_given_up_after_dead_after() -> None:
    node = leadership(A, THREE)
    meet(node, 0.0, B, C)
    node.lease.begin_claim(Term(1), at(0))
    assert node.advance(at(0), WALL) == []
    meet(node, 3.0, B, C)
    assert node.advance(at(DEAD_S - 0.001), WALL) == []
    effects = node.advance(at(DEAD_S), WALL)
    assert LogFact(Resigned(Term(1), "nobody follows the claim")) in effects


def test_grants_of_a_majority_and_the_engines_choice_restart_the_wait_of_a_candidate() -> None:
    node = leadership(B, THREE)
    meet(node, 0.0, A, C)
    node.lease.begin_claim(Term(1), at(0))
    node.advance(at(0), WALL)
    meet(node, 2.0, A, C, able=False)
    bind(node, 2.0, C, accepted=pos(0, 9))  # it holds a newer record, so B cannot act yet
    node.advance(at(2), WALL)
    assert node.lease.unsupported_since is None
    meet(node, 3.0, A, C)
    node.advance(at(3), WALL)
    meet(node, 5.0, A, C)
    node.advance(at(DEAD_S + 1), WALL)
    assert node.lease.claim == 1


def test_giving_up_without_a_claim_sends_nothing() -> None:
    assert leadership(A, THREE).resign(None, "whatever", at(0)) == []


# --- transfer -------------------------------------------------------------------------------


def hold_until(node: Leadership, until: int) -> None:
    """Stay master with the grants of both peers, second by second."""
    for now in range(1, until + 1):
        meet(node, now, A, C)
        bind(node, now, A, C)


def test_a_returning_lower_id_waits_for_the_cooldown_as_the_master_counts_it() -> None:
    settings = Settings(master_cooldown_s=10.0)
    node = leadership(B, document(A, B, C, settings=settings))
    meet(node, 0.0, C)
    win(node, 0.0, C)
    hold_until(node, 10)
    transfer = LeadershipTransfer(node)
    assert transfer.advance(at(10)) == []
    meet(node, 11.0, A, C)
    effects = transfer.advance(at(11))
    assert Resign(term=Term(1), successor=A, reason="lower id is back for good") in sent(effects, C)
    assert node.acting_until(at(11)) is None
    assert transfer.advance(at(11)) == []


def test_an_unknown_engine_never_transfers() -> None:
    node = leadership(A, document(A))
    win(node, 0.0)
    unknown = evolve(node.register.committed.document, settings=Settings(engine="other"))
    node.register.committed = record(unknown, pos(1))
    assert LeadershipTransfer(node).advance(at(0)) == []
    assert LogFact(Resigned(Term(1), "stopping")) in LeadershipTransfer(node).resign_and_close(
        at(0)
    )


def test_a_node_that_stops_names_its_successor() -> None:
    node = leadership(A, THREE)
    win(node, 0.0, B, C)
    assert sent(LeadershipTransfer(node).resign_and_close(at(0)), C) == [
        Resign(term=Term(1), successor=B, reason="stopping")
    ]


def test_a_change_of_ability_is_sent_at_once_and_not_with_the_next_heartbeat() -> None:
    node = leadership(A, THREE)
    node.broadcast_heartbeat(at(0), WALL)
    assert not node.heartbeat_due(at(0.1))
    meet(node, 0.1, B)
    assert node.heartbeat_due(at(0.1))
    (beat,) = sent(node.broadcast_heartbeat(at(0.1), WALL), C)
    assert isinstance(beat, Heartbeat)
    assert beat.able
    assert not node.heartbeat_due(at(0.1 + BEAT_S - 0.001))
    assert node.heartbeat_due(at(0.1 + BEAT_S))
