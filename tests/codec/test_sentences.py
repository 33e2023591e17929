"""The log, the status and the stories say a fact in the same words, which do not change."""

from typing import get_args

import pytest
from attrs import evolve

from qutrio.codec.sentences import log_line, sentence, status_reason
from qutrio.core.api.facts import (
    DiskRefused,
    EngineUnknown,
    MinorityLed,
    MinorityLeft,
    NodeFact,
    NodeStarted,
    NoticeUndelivered,
    OwnChangeRefused,
    ProtocolBroken,
    RemovedFromCluster,
    Resigned,
    RoleClaimed,
    WallClockAgrees,
    WallClockChanged,
    WallClockDiffers,
)
from qutrio.model.ids import ChannelId, NodeId, Term
from tests.daemon.scripted import status

A, HOOK = NodeId("n1"), ChannelId("c1")
SENTENCES: dict[NodeFact, str] = {
    NodeStarted(): "started",
    RoleClaimed(Term(3)): "claims the role, term 3",
    Resigned(Term(3), "stopping"): "resigned, term 3, reason stopping",
    RemovedFromCluster("x"): "this node was removed from the cluster, reason x",
    DiskRefused("no space left"): "the disk refused a write, reason no space left",
    ProtocolBroken("n2 lies"): "the election protocol was broken, how n2 lies",
    EngineUnknown("future"): (
        "does not know the election engine; neither leads nor grants, upgrade it, engine future"
    ),
    OwnChangeRefused("x"): "own change was refused, reason x",
    NoticeUndelivered(HOOK, "refused"): "a notice was not delivered, channel c1, detail refused",
    WallClockChanged(3600): "the wall clock was set, by_s +3600",
    WallClockChanged(-3600): "the wall clock was set, by_s -3600",
    WallClockDiffers(A, 12): "wall clocks differ, node n1, ahead_s 12",
    WallClockAgrees(A): "wall clocks agree again, node n1",
    MinorityLed("2 of 5"): "leads a minority, and may page, sees 2 of 5",
    MinorityLeft("3 of 5"): "no longer leads a minority, sees 3 of 5",
}


@pytest.mark.parametrize(("fact", "words"), SENTENCES.items())
def test_a_fact_has_the_sentence_that_people_know(fact: NodeFact, words: str) -> None:
    assert sentence(fact) == words


def test_every_fact_has_a_sentence() -> None:
    assert {type(fact) for fact in SENTENCES} == set(get_args(NodeFact))


def test_a_line_of_the_log_has_its_details_by_key() -> None:
    line = log_line(Resigned(Term(3), "stopping"))
    assert line == ("resigned", {"term": "3", "reason": "stopping"})


def test_a_status_tells_why_nothing_can_be_changed_before_what_happened_last() -> None:
    shown = evolve(status(), last=RoleClaimed(Term(3)))
    assert status_reason(shown) == "claims the role, term 3"
    assert status_reason(evolve(shown, hopeless="no quorum")) == "no quorum"
