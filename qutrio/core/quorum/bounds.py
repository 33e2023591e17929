"""Bounds on how far one message may move the terms, revisions and write numbers of a node.

Terms, revisions, sequences and write numbers only grow, and a node never forgets a term.  So one
message with an absurdly high number could use them all up, or make a node wait forever for a
record that does not exist.  A message may exceed what the receiver knows only by a bound;
otherwise it is dropped.  Of a dropped message only the term counts: it raises the highest known
term by at most the bound, so a node that was away while terms grew a lot catches up after a few
messages.  How often one node may raise the term is limited too (`TermRateLimit`).

All of that rule is in this module.  It finds the fields by their types, so it covers a new message
without a change here.
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
"""How far one message may raise the highest term that a node knows."""
REVISION_JUMP_MAX = 1_000_000
"""How many revisions a node can have missed."""
NUMBER_JUMP_MAX = 1_000_000_000
"""How many writes of one term a node can have missed; more, because ledgers are written too."""
SEQUENCE_JUMP_MAX = 10_000_000
"""How many notices a node can have missed: ten each second for eleven days.

A hundred such writes a second, by whoever holds the role, use the numbers up in three months.
"""
RAISES_AT_ONCE = 8
"""How often in a row one node may name a higher term."""
RAISE_EVERY_DEADS = 0.5
"""The part of `dead_after` after which it may do so once more."""

CHANGES_PER_S = 5000
"""How many changes of the document one node may propose in the long run: an eighth of the
master's time.  A larger hand edit is accepted, and the node must then pause for all of it."""
CHANGES_AT_ONCE_S: Seconds = 1.0
"""A node may propose more while the changes before took this long, or less, beyond now."""

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
"""Parts of messages that contain such numbers themselves."""


def nearer(term: Term, known: Term) -> Term:
    """Return `term`, but at most the highest term to which a node may go from `known` at once."""
    return Term(min(term, known + TERM_JUMP_MAX))


@define
class TermRateLimit:
    """Limits how often each other node may raise the highest term that this one knows.

    The generic cell rate algorithm (ITU-T I.371): `_paid_until` is the time until which the
    messages of a node are paid for.
    """

    _paid_until: dict[NodeId, Instant] = field(factory=dict)

    def allows(self, sender: NodeId, dead_after_s: Seconds, now: Instant) -> bool:
        """Count a message that names a higher term; return False if it is one too many."""
        each_s = dead_after_s * RAISE_EVERY_DEADS
        paid_until = Instant(max(now, self._paid_until.get(sender, NEVER)) + each_s)
        if paid_until > now + each_s * RAISES_AT_ONCE:
            return False
        self._paid_until[sender] = paid_until
        return True

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
        """Forget nodes that are no longer members."""
        for stranger in self._paid_until.keys() - members:
            del self._paid_until[stranger]


@define
class ProposalRateLimit:
    """For each node, the time until which the changes that it proposed keep it from more."""

    _paid_until: dict[NodeId, Instant] = field(factory=dict)

    def allows(self, asker: NodeId, changes: int, now: Instant) -> bool:
        """Count so many more changes of `asker`, unless it must wait; it asks again by itself."""
        paid_until = max(now, self._paid_until.get(asker, NEVER))
        if paid_until > now + CHANGES_AT_ONCE_S:
            return False
        self._paid_until[asker] = Instant(paid_until + changes / CHANGES_PER_S)
        return True

    def forget_strangers(self, members: AbstractSet[NodeId]) -> None:
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
        """Return whether a message that names these numbers is within the bounds."""
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
    """Add a getter for each number in the value that `get` returns, a `shape` or None."""
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
