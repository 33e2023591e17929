"""A vote of a removed member counts no more from the moment its removal is committed."""

from qutrio.core.messages import HeartbeatAck, Wrote
from qutrio.core.mutations import RemoveMember
from qutrio.model.results import Outcome, State
from tests.core.company import Company
from tests.core.samples import WEB, A, B, C, check, document


def test_a_page_that_waits_for_a_removal_to_be_written_does_not_rest_on_the_removed_vote() -> None:
    company = Company(document(A, B, C, checks=[check()]))
    company.run(5)
    company.see(WEB, Outcome.OK)
    assert company.masters() == [A]
    lost = {(peer, kind) for peer in (B, C) for kind in (Wrote, HeartbeatAck)}
    company.lost |= lost
    company.propose(A, RemoveMember(node=C))  # it is written, and the answers are lost
    for node in (B, C):
        company.sees[node, WEB] = Outcome.FAIL
    for _ in range(3):
        company.run(0.9)
        for node in (A, B, C):
            company._probe(node, WEB)
        company._drain()
    held = company.nodes[A]
    assert held.register.flight is not None
    assert held.watch.verdicts.certain(WEB) is State.DOWN  # by the votes of B and C
    company.lost -= lost
    company.run(3)
    assert held.register.committed.document.voters == {A, B}
    assert held.register.committed.ledger.sequence == 0  # nothing to tell: one of two is a tie
