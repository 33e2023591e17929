"""How long a restarted node, which may have forgotten its grants, grants nothing."""

import pytest

from qutrio.core.consensus.register import Register
from qutrio.core.leadership.lease_voter import lease_after_restart
from qutrio.model.document import Settings
from qutrio.model.ids import NEVER, Instant, NodeId, Seconds, Term
from qutrio.model.levels import LEVEL
from qutrio.model.stable import Promise, Stable
from tests.core.samples import A, B, C, at, document, pos, record

BOUND = Promise(Term(1), A)
LONG, SHORT = Settings(dead_after_s=9.0), Settings(dead_after_s=4.0)


def restart_wait_until(
    committed: Settings, accepted: Settings, promise: Promise = BOUND
) -> Instant:
    """Return the time until which a voter that starts at 100 s grants nothing new."""
    older = record(document(A, B, C, settings=committed))
    newer = record(document(A, B, C, settings=accepted, revision=2), pos(1))
    kept = Stable(promise, accepted=newer, committed=older)
    register = Register(me=B, accepted=newer, committed=older, level=LEVEL)
    return lease_after_restart(B, kept, register, at(100)).restart_wait_until


@pytest.mark.parametrize(
    ("committed", "accepted", "wait_s"),
    [(SHORT, LONG, 9.0), (LONG, SHORT, 9.0), (SHORT, SHORT, 4.0)],
)
def test_a_node_waits_as_long_as_the_longer_of_its_settings_says(
    committed: Settings, accepted: Settings, wait_s: Seconds
) -> None:
    """The master may know that the accepted ones are committed, and rely on grants that long."""
    assert restart_wait_until(committed, accepted) == 100 + wait_s


def test_a_node_that_promised_nothing_waits_for_nothing() -> None:
    assert restart_wait_until(SHORT, LONG, Promise()) == NEVER


@pytest.mark.parametrize(("holder", "wait_until"), [(B, NEVER), (A, 101 + 4.0)])
def test_the_only_voter_waits_only_for_a_promise_to_a_member_that_was_removed(
    holder: NodeId, wait_until: float
) -> None:
    """Programs at a master that was removed rely on its lease until it ends."""
    alone = record(document(B, settings=SHORT))
    kept = Stable(Promise(Term(1), holder), accepted=alone, committed=alone)
    register = Register(me=B, accepted=alone, committed=alone, level=LEVEL)
    assert lease_after_restart(B, kept, register, at(101)).restart_wait_until == wait_until
