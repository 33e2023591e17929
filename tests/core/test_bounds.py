"""Bounds: no message of any kind moves a node's terms and revisions further than the bound."""

from types import NoneType
from typing import Any, Union, get_args, get_origin

import pytest
from attrs import NOTHING, evolve, fields

from qutrio.core.api.effects import Send
from qutrio.core.api.events import Received
from qutrio.core.api.messages import Fetched, Heartbeat, Message, Removed, Report, Ruling
from qutrio.core.api.mutations import Batch, Mutation
from qutrio.core.quorum.bounds import (
    CHANGES_PER_S,
    NUMBER_JUMP_MAX,
    REVISION_JUMP_MAX,
    SEQUENCE_JUMP_MAX,
    TERM_JUMP_MAX,
    KnownNumbers,
    NamedNumbers,
    ProposalRateLimit,
    named,
    nearer,
)
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import (
    ChannelId,
    CheckId,
    IncidentId,
    NodeId,
    NoticeId,
    RequestId,
    Revision,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Delivery, Ledger
from qutrio.model.levels import LEVEL
from qutrio.model.parts import Fate, Part
from qutrio.model.results import Result
from qutrio.model.stable import Position, Record
from tests.core.node_cluster import HELD, elected_cluster
from tests.core.samples import WALL, A, B, at, delivery, document, pos, record

FAR = 2**62
KINDS: tuple[type[Any], ...] = get_args(Message)
PLAIN: dict[object, object] = {
    int: 1,
    bool: False,
    str: "",
    float: 1.0,
    NodeId: B,
    CheckId: "web",
    ChannelId: "hook",
    NoticeId: "x",
    IncidentId: "web-1",
    RequestId: "r",
    UnixTime: WALL,
    Ruling: Ruling.AGAIN,
    Mutation: Batch(mutations=()),
    Part: Part("a@example.org", Fate.TAKEN),
}
"""What no node goes by as a term, a revision or a place: a new type is put here, or covered."""
FARTHEST: dict[object, object] = {
    Ledger: Ledger(sequence=FAR),
    Term: FAR,
    Revision: FAR,
    Position: Position(Term(1), FAR),
    Record: record(document(A, B, revision=FAR), pos(1)),
    ClusterDocument: document(A, B, revision=FAR),
    Delivery: evolve(delivery(), notice=evolve(delivery().notice, term=Term(FAR))),
}
NEAR: dict[object, object] = {
    Ledger: Ledger(),
    Term: 1,
    Revision: 1,
    Position: Position(Term(1), 1),
    Record: record(document(A, B), pos(1)),
    ClusterDocument: document(A, B),
    Delivery: delivery(),
}


def options(shape: Any) -> list[Any]:
    """Return the types that a field may have, except None."""
    if shape == Mutation or get_origin(shape) not in {Union, type(int | None)}:
        return [shape]
    return [inner for inner in get_args(shape) if inner is not NoneType]


def near(shape: Any) -> Any:
    """Return an ordinary value of a field."""
    (first, *_) = options(shape)
    if get_origin(first) is tuple:
        inner = get_args(first)
        return () if Ellipsis in inner else tuple(near(i) for i in inner)
    return PLAIN[first] if first in PLAIN else NEAR[first]


def ordinary(kind: type[Any]) -> Any:
    """Return a message whose numbers are all within the bounds."""
    given = {a.name: near(a.type) for a in fields(kind) if a.default is NOTHING}
    return kind(**given)


def far_ones(shape: Any) -> list[Any]:
    """Return values of a field that have one number out of bounds each."""
    found: list[Any] = []
    for option in options(shape):
        if option in FARTHEST:
            found.append(FARTHEST[option])
        elif get_origin(option) is tuple and Ellipsis not in get_args(option):
            inner = get_args(option)
            ordinary_ones = tuple(near(one) for one in inner)
            for place, one in enumerate(inner):
                before, after = ordinary_ones[:place], ordinary_ones[place + 1 :]
                found += [(*before, value, *after) for value in far_ones(one)]
        else:
            harmless = get_args(option)[0] if get_origin(option) is tuple else option
            parts = get_args(harmless) if get_origin(harmless) is tuple else (harmless,)
            known = all(part in PLAIN or part is Result for part in parts)
            assert known, f"{option} is neither covered nor harmless"
    return found


CASES = [
    pytest.param(evolve(ordinary(kind), **{a.name: value}), id=f"{kind.__name__}.{a.name}.{n}")
    for kind in KINDS
    for a in fields(kind)
    for n, value in enumerate(far_ones(a.type))
]


@pytest.mark.parametrize("message", CASES)
def test_a_message_with_a_number_out_of_bounds_is_ignored(message: Message) -> None:
    cluster = elected_cluster(HELD)
    node = cluster.nodes[A]
    before = (node.register.accepted, node.register.committed, node.leadership.lease.promise)
    told = node.step(Received(B, message), at(cluster.now), WALL)
    assert [e for e in told if isinstance(e, Send) and e.to == B and not claims(e.message)] == []
    assert node.leadership.lease.heard_term <= 1 + TERM_JUMP_MAX + 1
    held = (node.register.accepted, node.register.committed)
    assert held == before[:2]
    assert not node.removed


def claims(message: Message) -> bool:
    """Return True for the heartbeat of a master that claims above a term it heard of."""
    return isinstance(message, Heartbeat)


@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_message_is_within_the_bounds(kind: type[Any]) -> None:
    message = Report(results=()) if kind is Report else ordinary(kind)
    assert KnownNumbers(Term(1), Revision(1), 1).covers(named(message))


def test_every_kind_of_number_is_found_in_its_field() -> None:
    assert CASES
    assert named(Removed(revision=Revision(7))) == NamedNumbers(Term(0), Revision(7), 0)


@pytest.mark.parametrize(
    ("term", "revision", "number", "covered"),
    [
        (5 + TERM_JUMP_MAX, 0, 0, True),
        (6 + TERM_JUMP_MAX, 0, 0, False),
        (0, 5 + REVISION_JUMP_MAX, 0, True),
        (0, 6 + REVISION_JUMP_MAX, 0, False),
        (0, 0, 5 + NUMBER_JUMP_MAX, True),
        (0, 0, 6 + NUMBER_JUMP_MAX, False),
    ],
)
def test_the_bounds_count_from_what_the_node_knows(
    term: int, revision: int, number: int, covered: bool
) -> None:
    named_ones = NamedNumbers(Term(term), Revision(revision), number)
    assert KnownNumbers(Term(5), Revision(5), 5).covers(named_ones) is covered


def test_the_sequence_of_a_ledger_counts_from_what_is_known() -> None:
    known = KnownNumbers(Term(5), Revision(5), 5, sequence=5)
    for more, covered in ((0, True), (1, False)):
        sequence = 5 + SEQUENCE_JUMP_MAX + more
        held = evolve(record(document(A, B), pos(1)), ledger=Ledger(sequence=sequence))
        assert known.covers(named(Fetched(accepted=True, record=held))) is covered


def test_a_node_pays_for_a_large_change_before_it_is_heard_again() -> None:
    limit = ProposalRateLimit()
    assert limit.allows(A, 25_000, at(0))
    assert not limit.allows(A, 1, at(3.9))
    assert limit.allows(B, 1, at(3.9))  # the others do not wait
    assert limit.allows(A, 1, at(4.1))


def test_a_node_may_propose_many_small_changes_at_once_but_not_for_ever() -> None:
    limit = ProposalRateLimit()
    allowed = sum(limit.allows(A, 1, at(0)) for _ in range(20_000))
    assert CHANGES_PER_S <= allowed <= CHANGES_PER_S + 2
    limit.forget_strangers({B})
    assert limit.allows(A, 1, at(0))


def test_each_message_raises_the_term_by_the_bound_at_most() -> None:
    assert nearer(Term(7), Term(5)) == 7
    assert nearer(Term(FAR), Term(5)) == 5 + TERM_JUMP_MAX


def test_a_node_that_was_away_catches_up_with_terms_that_grew_a_lot() -> None:
    cluster = elected_cluster(HELD)
    node = cluster.nodes[A]
    ahead = evolve(ordinary(Heartbeat), level=LEVEL, heard_term=Term(4 * TERM_JUMP_MAX))
    for _ in range(5):
        node.step(Received(B, ahead), at(3), WALL)
    assert node.leadership.lease.heard_term >= 4 * TERM_JUMP_MAX
