"""Bounds on memory and disk: invariant 11.

The walk is generic: it visits every field of every object of a machine, and every element of
every container.  Containers that may hold many elements are listed here, with the constants that
bound them; the length of all others must stay close to the number of items in the document.
"""

from collections import deque
from collections.abc import Iterator, Mapping

import attrs

from qutrio.core.alerting.ages import AGES_KNOWN_MAX, IncidentAges
from qutrio.core.alerting.outbox import OUTBOX_MAX
from qutrio.core.consensus.register import PROPOSALS_QUEUED_MAX, RULINGS_REMEMBERED_MAX, Register
from qutrio.core.leadership.heartbeats import HEARTBEATS_REMEMBERED_MAX, HeartbeatSchedule
from qutrio.core.proposals import PENDING_PROPOSALS_MAX, PendingProposals
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Seconds
from qutrio.model.incidents import Ledger
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken

SPARE = 64
PER_THING = 4
OBJECTS_PER_THING = 60
OBJECTS_MAX = 100_000


def place(kind: type[attrs.AttrsInstance], name: str) -> str:
    """Return the key of a field; fails when the class has no such field."""
    return f"{kind.__name__}.{attrs.fields_dict(kind)[name].name}"


CEILINGS = {
    place(HeartbeatSchedule, "_sent"): HEARTBEATS_REMEMBERED_MAX,
    place(PendingProposals, "_pending"): PENDING_PROPOSALS_MAX,
    place(Register, "_queue"): PROPOSALS_QUEUED_MAX,
    place(Register, "_rulings"): RULINGS_REMEMBERED_MAX,
    place(Ledger, "outbox"): OUTBOX_MAX,
    place(IncidentAges, "_reported"): AGES_KNOWN_MAX,
}
"""Containers with a bound of their own, by the class and the field that hold them."""

_ATOMS = (str, bytes, int, float, bool, type(None))


def containers(root: object) -> Iterator[tuple[str, int]]:
    """Yield the field and the length of every container reachable from `root`, each once."""
    waiting, met = [("", root)], set[int]()
    while waiting:
        place, thing = waiting.pop()
        if isinstance(thing, tuple) and not thing:
            yield place, 0  # all empty tuples are one object
            continue
        if isinstance(thing, _ATOMS) or id(thing) in met:
            continue
        met.add(id(thing))
        kind = type(thing)
        if attrs.has(kind):
            names = (a.name for a in attrs.fields(kind))
            waiting += [(f"{kind.__name__}.{name}", getattr(thing, name, None)) for name in names]
        elif isinstance(thing, Mapping):
            yield place, len(thing)
            waiting += [(place, part) for pair in thing.items() for part in pair]
        elif isinstance(thing, list | tuple | set | frozenset | deque):
            yield place, len(thing)
            waiting += [(place, part) for part in thing]


def things(document: ClusterDocument) -> int:
    """Return the number of items in a document."""
    return sum(map(len, (document.members, document.checks, document.channels, document.tokens)))


def check_sizes(hosts: Mapping[NodeId, Host], true: Seconds) -> int:
    """Check the memory and disk of every machine; return the number of elements."""
    total = 0
    for name, host in hosts.items():
        document = host.disk.committed.document
        usual = SPARE + PER_THING * things(document)
        elements = 0
        for place, length in containers(host):
            elements += length
            limit = max(usual, CEILINGS.get(place, 0))
            if length > limit:
                raise broken(11, true, f"{place} of {name} holds {length}, more than {limit}")
        if elements > OBJECTS_MAX + OBJECTS_PER_THING * things(document):
            raise broken(11, true, f"{name} keeps {elements} things")
        total += elements
    return total
