"""Each invariant fires in a world that is broken on purpose.

The core is broken in one place by replacing one of its functions; where that is impossible, the
judge is shown an invalid state.
"""

from typing import Any

import pytest
from attrs import evolve

from qutrio.core.api.effects import Effect, Reply
from qutrio.core.api.messages import Ruling
from qutrio.core.api.mutations import (
    AddToken,
    PutCheck,
    PutSettings,
    RemoveCheck,
    RemoveMember,
)
from qutrio.core.checks.verdicts import Verdicts
from qutrio.core.consensus.register import Proposal, Register
from qutrio.core.leadership.heartbeats import Liveness
from qutrio.core.leadership.leadership import Leadership
from qutrio.core.node import Node
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import (
    Instant,
    NodeId,
    RequestId,
    Revision,
    Term,
    UnixTime,
)
from qutrio.model.incidents import Ledger
from qutrio.model.stable import Position, Promise
from qutrio.sim.invariants import InvariantError, Invariants
from qutrio.sim.operators import new_check
from qutrio.sim.world import World
from tests.core.samples import token
from tests.sim.worlds import N0, N1, N2, WEB, begin, both_ways, cut_off, node_of


def check(world: World, *names: NodeId) -> None:
    """Let the judge check some machines."""
    for name in names or world.hosts:
        world.invariants.check(world.hosts, world.true, name)


# --- 1: one at a time -----------------------------------------------------------------------


def test_1_a_master_that_does_not_check_its_lease_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def acting_until(leadership: Leadership, now: Instant) -> Instant | None:
        return None if leadership.register.established is None else Instant(now + 1)

    world = begin()
    monkeypatch.setattr(Leadership, "acting_until", acting_until)
    monkeypatch.setattr(Leadership, "_reason_to_resign", lambda *_: None)
    cut_off(world, *both_ways((N0, N1), (N0, N2)), for_s=60)
    with pytest.raises(InvariantError, match=r"^1: \['n00', 'n01'\] act at once"):
        world.run(60)


# --- 2: terms -------------------------------------------------------------------------------


def test_2_a_term_that_falls_is_noticed() -> None:
    world = begin(1)
    node = node_of(world, N0)
    node.leadership.lease.promise = Promise()
    node.register.accepted = evolve(node.register.accepted, position=Position())
    with pytest.raises(InvariantError, match=r"^2: the term of n00 fell from 1 to 0"):
        check(world)


def test_2_two_nodes_that_act_in_one_term_are_noticed() -> None:
    world, other = begin(), begin()
    world.crash(N0, 100)
    hosts = {**world.hosts, N1: evolve(other.hosts[N0], name=N1)}
    with pytest.raises(InvariantError, match=r"^2: n00 and n01 both acted in term 1"):
        world.invariants.check(hosts, world.true, N1)


def test_2_a_grant_that_is_on_no_disk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Node, "_save", lambda *_, **__: list[Effect]())
    with pytest.raises(InvariantError, match=r"^2: n00 acts in term 1, granted on the disks of"):
        World(11, 3).run(15)


# --- 3: nothing acknowledged is lost --------------------------------------------------------


def test_3_a_commit_without_a_majority_of_disks_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = begin()
    monkeypatch.setattr(
        Register, "write_has_majority", lambda register: register.flight is not None
    )
    world.add_check(N0, "api")
    with pytest.raises(InvariantError, match=r"^3: committed at .* on the disks of \['n00'\]"):
        world.run(20)


def test_3_an_acknowledged_change_that_is_not_there_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forgets(check: PutCheck, document: ClusterDocument, _: UnixTime) -> ClusterDocument:
        del check
        return evolve(document, settings=evolve(document.settings, extra=(("a", "1"),)))

    world = begin()
    monkeypatch.setattr(PutCheck, "apply", forgets)
    now = node_of(world, N0).register.committed.document.settings
    wanted = evolve(now, extra=(("a", "1"),))
    world.propose(N1, PutSettings(settings=wanted, expect=now))
    world.add_check(N0, "api")
    with pytest.raises(InvariantError, match=r"^3: acknowledged as revision .*'z-api'"):
        world.run(20)


def test_3_an_acknowledged_change_that_a_later_one_undoes_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overwrites(check: PutCheck, document: ClusterDocument, _: UnixTime) -> ClusterDocument:
        stamped = evolve(check.check, changed=Revision(document.revision + 1))
        return evolve(document, checks=(*document.checks[:1], stamped))

    world = begin()
    world.add_check(N0, "api")
    world.run(20)
    monkeypatch.setattr(PutCheck, "apply", overwrites)
    world.add_check(N1, "db")
    with pytest.raises(InvariantError, match=r"^3: \('check', 'z-api'\) changed in revision 3"):
        world.run(25)


def test_3_a_change_that_was_made_from_what_came_before_an_acknowledged_one_is_noticed() -> None:
    world = begin()
    world.add_check(N0, "api")
    world.run(20)
    late = RequestId("late")
    world.invariants.asked(late, PutCheck(check=new_check("db")))
    world.invariants.answered(Reply(late, Ruling.COMMITTED, "", Revision(1)))
    with pytest.raises(InvariantError, match=r"^3: acknowledged as revision 1 without seeing 2"):
        check(world)


# --- 4: one document for each revision ------------------------------------------------------


def test_4_two_documents_under_one_revision_are_noticed() -> None:
    world = begin()
    register = node_of(world, N1).register
    other = evolve(register.committed.document, settings=Settings(master_cooldown_s=1.0))
    place = Position(Term(1), 99)
    register.committed = evolve(register.committed, document=other, position=place)
    world.hosts[N1].disk = evolve(world.hosts[N1].disk, accepted=register.committed)
    world.hosts[N0].disk = evolve(world.hosts[N0].disk, accepted=register.committed)
    with pytest.raises(InvariantError, match=r"^4: two documents are committed as revision 1"):
        check(world)


def test_4_two_records_in_one_place_are_noticed() -> None:
    world = begin()
    register = node_of(world, N1).register
    register.committed = evolve(register.committed, ledger=Ledger(sequence=7))
    with pytest.raises(InvariantError, match=r"^4: two records are committed at"):
        check(world)


def test_4_different_digests_at_rest_are_noticed() -> None:
    world = begin()
    document = node_of(world, N0).register.committed.document
    world.invariants.history.agree([document, document], world.true)
    with pytest.raises(InvariantError, match=r"^4: revisions \[1\] with different digests"):
        world.invariants.history.agree([document, evolve(document, cluster_id="b")], world.true)


# --- 5: refused is refused, unknown is at most once -----------------------------------------


def test_5_a_refused_change_that_takes_effect_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    tells = Register._rule

    def lies(
        register: Register, proposal: Proposal, ruling: Ruling, reason: str, *rest: Any
    ) -> list[Effect]:
        told = Ruling.REFUSED if ruling is Ruling.COMMITTED else ruling
        return tells(register, proposal, told, reason, *rest)

    world = begin()
    monkeypatch.setattr(Register, "_rule", lies)
    world.add_check(N1, "api")
    with pytest.raises(InvariantError, match=r"^5: .*'z-api'.* but the asker heard refused"):
        world.run(20)


def test_5_a_change_that_takes_effect_twice_is_noticed() -> None:
    world = begin()
    check = new_check("api")
    world.propose(N0, PutCheck(check=check))
    world.run(20)
    world.propose(N0, RemoveCheck(expect=check))
    world.run(25)
    node_of(world, N0).register.propose(Proposal(PutCheck(check=check), None))
    with pytest.raises(InvariantError, match=r"z-api'\) changed in revision 4 by nothing"):
        world.run(30)


def test_5_a_change_that_was_not_proposed_is_noticed() -> None:
    world = begin()
    node_of(world, N0).register.propose(Proposal(AddToken(token=token()), None))
    with pytest.raises(InvariantError, match=r"^5: \('token', 't1'\) changed in revision 2"):
        world.run(20)


# --- 6: only members count ------------------------------------------------------------------


def test_6_a_removed_node_that_is_still_heard_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin()
    monkeypatch.setattr(Liveness, "forget_strangers", lambda *_: None)
    world.propose(N0, RemoveMember(node=N2))
    with pytest.raises(InvariantError, match=r"^6: n0[01] still counts \['n02'\]"):
        world.run(20)


def test_6_a_vote_of_a_removed_node_that_is_still_kept_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def follow(verdicts: Verdicts, document: ClusterDocument, _: UnixTime) -> None:
        verdicts._document = document

    world = begin()
    monkeypatch.setattr(Verdicts, "set_document", follow)
    world.propose(N0, RemoveMember(node=N2))
    with pytest.raises(InvariantError, match=r"^6: n0[01] still counts \['n02'\]"):
        world.run(20)


# --- the judge itself -----------------------------------------------------------------------


def test_the_judge_reports_nothing_in_a_healthy_world() -> None:
    world = begin(5)
    world.add_check(N0, "api")
    world.targets.down.add(WEB)
    world.run(60)
    world.targets.down.clear()
    world.crash(N0, 5)
    world.run(120)
    world.invariants.quiet(world.hosts, world.true)
    assert world.invariants.acted == {N0, N1}


def test_a_judge_that_saw_nothing_reports_nothing() -> None:
    world = begin()
    Invariants().check(world.hosts, world.true, NodeId("nobody"))
