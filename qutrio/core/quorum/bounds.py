"""Reach: how far one message may move the numbers that a node goes by.

Terms, revisions, sequences and the numbers of writes only grow, and a term that was heard of is
never forgotten.  So one message that names an absurdly high number could use all of them up, or
make a node wait for ever for a record that nobody has.  What a message may name is bounded by what
the receiver knows already.  A message that goes beyond is not heard; only its term moves what
the receiver takes for the highest one, by the bound and no more, so that a node that was away
while terms grew a lot catches up after a few messages.  How often one node's words may move it
is bounded as well.

This is the one place of that rule.  The fields are found by their types, so a new message is
covered by being written down.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from operator import attrgetter, itemgetter
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

from attrs import define, field, fields

from qutrio.model.document import ClusterDocument
from qutrio.model.frozen import frozen
from qutrio.model.ids import NEVER, Instant, NodeId, Revision, Seconds, Term
from qutrio.model.incidents import Delivery, Ledger, Notice
from qutrio.model.stable import Position, Record

TERM_JUMP_MAX = 1_000_000
"""How far one word may move what a node takes for the highest term."""
REVISION_JUMP_MAX = 1_000_000
"""How many edits a node can have missed."""
NUMBER_JUMP_MAX = 1_000_000_000
"""How many writes of one term a node can have missed; many more than edits, for ledgers count."""
SEQUENCE_JUMP_MAX = 10_000_000
"""How many notices a node can have missed: ten each second for eleven days.

A hundred such writes a second, by whoever holds the role, use the numbers up in three months.
"""
RAISES_AT_ONCE = 8
"""How often in a row one node may name a higher term."""
RAISE_EVERY_DEADS = 0.5
"""After which part of `dead_after` it may do so once more."""

CHANGES_PER_S = 5000
"""How many changes of the document one node may propose in the long run: an eighth of the
master's time.  Of a large hand edit it pays the whole afterwards."""
CHANGES_AT_ONCE_S: Seconds = 1.0
"""So far ahead it may be when it proposes more."""

Getter: TypeAlias = Callable[[Any], Any]
Getters: TypeAlias = tuple[tuple[Getter, ...], ...]
"""How to get at the terms, revisions, numbers of writes, and sequences."""
_TERM, _REVISION, _NUMBER, _SEQUENCE = range(4)
_BOUNDED: Mapping[Any, int] = {Term: _TERM, Revision: _REVISION}
_HOLDERS: Mapping[Any, tuple[tuple[int, str], ...]] = {
    Position: ((_TERM, "term"), (_NUMBER, "number")),
    Ledger: ((_SEQUENCE, "sequence"),),
}
_NESTED = (Record, ClusterDocument, Delivery, Notice)
"""What a message carries as a whole and that names such numbers itself."""


def nearer(term: Term, known: Term) -> Term:
    """Return `term`, or the highest one that a node that knows `known` may go to at once."""
    return Term(min(term, known + TERM_JUMP_MAX))


@define
class TermRateLimit:
    """How often each other node has moved what this one takes for the highest term.

    The generic cell rate algorithm (ITU-T I.371): for each node the moment up to which its words
    are paid for.
    """

    _paid_until: dict[NodeId, Instant] = field(factory=dict)

    def allows(self, teller: NodeId, dead_after_s: Seconds, now: Instant) -> bool:
        """Count one more word of `teller` that names a higher term, unless it is one too many."""
        each_s = dead_after_s * RAISE_EVERY_DEADS
        paid_until = Instant(max(now, self._paid_until.get(teller, NEVER)) + each_s)
        if paid_until > now + each_s * RAISES_AT_ONCE:
            return False
        self._paid_until[teller] = paid_until
        return True

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget whoever is no longer a member."""
        for stranger in self._paid_until.keys() - members:
            del self._paid_until[stranger]


@define
class ProposalRateLimit:
    """How much each node has proposed lately: up to when it is paid for, as above."""

    _paid_until: dict[NodeId, Instant] = field(factory=dict)

    def allows(self, asker: NodeId, changes: int, now: Instant) -> bool:
        """Count so many more changes of `asker`, unless it must wait; it asks again by itself."""
        paid_until = max(now, self._paid_until.get(asker, NEVER))
        if paid_until > now + CHANGES_AT_ONCE_S:
            return False
        self._paid_until[asker] = Instant(paid_until + changes / CHANGES_PER_S)
        return True

    def keep(self, members: AbstractSet[NodeId]) -> None:
        """Forget whoever is no longer a member."""
        for stranger in self._paid_until.keys() - members:
            del self._paid_until[stranger]


@frozen
class NamedNumbers:
    """The highest numbers that a message names; 0 where it names none."""

    term: Term
    revision: Revision
    number: int
    sequence: int = 0


@frozen
class KnownNumbers:
    """What a node knows: the highest term, and what the record it holds says of the others."""

    term: Term
    revision: Revision
    number: int
    sequence: int = 0

    def covers(self, named: NamedNumbers) -> bool:
        """Tell whether a message that names these numbers may be heard."""
        return (
            named.term <= self.term + TERM_JUMP_MAX
            and named.revision <= self.revision + REVISION_JUMP_MAX
            and named.number <= self.number + NUMBER_JUMP_MAX
            and named.sequence <= self.sequence + SEQUENCE_JUMP_MAX
        )


def named(message: Any) -> NamedNumbers:
    """Return the highest term, revision, number of a write and sequence that a message names.

    `message` is of any of the classes in `messages`.
    """
    terms, revisions, numbers, sequences = _getters(type(message))  # type: ignore[arg-type] # a type is hashable
    return NamedNumbers(
        Term(_highest(terms, message)),
        Revision(_highest(revisions, message)),
        _highest(numbers, message),
        _highest(sequences, message),
    )


def _highest(getters: tuple[Getter, ...], message: Any) -> int:
    return max((n for get in getters if (n := get(message)) is not None), default=0)


@cache
def _getters(cls: type[Any]) -> Getters:
    found: tuple[list[Getter], ...] = ([], [], [], [])
    for attribute in fields(cls):
        _find(attribute.type, attrgetter(attribute.name), found)
    return tuple(tuple(getters) for getters in found)


def _find(shape: Any, get: Getter, found: tuple[list[Getter], ...]) -> None:
    """Add how to get at each number that is in what `get` returns, which is a `shape` or None."""
    if shape in _BOUNDED:
        found[_BOUNDED[shape]].append(get)
    elif shape in _HOLDERS:
        for kind, name in _HOLDERS[shape]:
            found[kind].append(_then(get, attrgetter(name)))
    elif get_origin(shape) in {Union, UnionType}:
        for inner in set(get_args(shape)) - {NoneType}:
            _find(inner, get, found)
    elif get_origin(shape) is tuple and Ellipsis not in get_args(shape):
        for place, inner in enumerate(get_args(shape)):
            _find(inner, _then(get, itemgetter(place)), found)
    elif shape in _NESTED:
        for attribute in fields(shape):
            _find(attribute.type, _then(get, attrgetter(attribute.name)), found)


def _then(get: Getter, further: Getter) -> Getter:
    def both(message: Any) -> Any:
        value = get(message)
        return None if value is None else further(value)

    return both
