"""The feature level in simulated clusters, and its invariant."""

import pytest
from attrs import evolve

from qutrio.core.api.messages import ProbeNow
from qutrio.core.consensus.announcements import Announcements
from qutrio.model.ids import Revision
from qutrio.model.levels import LEVEL
from qutrio.model.stable import Position, Record
from qutrio.sim.faults.machines import Install
from qutrio.sim.invariants import InvariantError
from qutrio.sim.invariants.levels import Levels
from qutrio.sim.options import Fault, Faults
from qutrio.sim.world import World
from tests.sim.worlds import N0, N1, N2, WEB, node_of

SEED = 3
"""A seed in which some, but not all, of three machines start with an old program."""


def begin() -> World:
    world = World(SEED, 3, Faults(installs=1.0))
    assert {host.level for host in world.hosts.values()} == {1, LEVEL}
    world.run(20)
    return world


def levels(world: World) -> set[int]:
    return {node_of(world, n).register.committed.document.level for n in world.hosts}


def test_the_level_rises_when_the_last_old_program_is_upgraded() -> None:
    world = begin()
    assert levels(world) == {1}
    for name in world.hosts:
        Install(at=20.0, node=name, level=LEVEL, down_s=1.0).apply(world)
    world.run(60)
    assert levels(world) == {LEVEL}
    Install(at=60.0, node=N2, level=1, down_s=1.0).apply(world)
    world.run(90)
    assert levels(world) == {LEVEL}
    assert N2 not in node_of(world, N0).view(world.hosts[N0].clock.at(90.0)).live
    assert world.struck[Fault.TOO_OLD_TO_LINK]
    world.heal()
    world.run(120)
    world.invariants.quiet(world.hosts, world.true)


def test_a_level_that_rises_without_a_member_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Announcements, "common", lambda *_: LEVEL)
    with pytest.raises(InvariantError, match=r"12: the level rises to 3 and \["):
        begin()


def test_a_level_that_falls_is_found() -> None:
    world = begin()
    document = node_of(world, N0).register.committed.document
    judge = Levels()
    for revision, level in ((5, 1), (7, 2), (9, 2)):
        judge.follow(evolve(document, revision=Revision(revision), level=level), 1.0)
    judge.follow(evolve(document, revision=Revision(6), level=1), 1.0)
    with pytest.raises(InvariantError, match="12: revision 8 has level 1, 7 has 2"):
        judge.follow(evolve(document, revision=Revision(8), level=1), 1.0)


def test_what_is_used_too_early_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begin()
    host = next(host for host in world.hosts.values() if host.level == 1)
    world.invariants.levels.on_receive(host, ProbeNow(checks=(WEB,)), 20.0)
    monkeypatch.setattr(ProbeNow, "needs_level", 2, raising=False)
    with pytest.raises(InvariantError, match=r"12: .* hears a ProbeNow that needs level 2"):
        world.invariants.levels.on_receive(host, ProbeNow(checks=(WEB,)), 20.0)
    register = node_of(world, N1).register
    check = register.accepted.document.checks[0]
    monkeypatch.setattr(type(check), "needs_level", 2, raising=False)
    held = register.accepted
    register.accepted = Record(Position(held.position.term, 99), held.document, held.ledger)
    with pytest.raises(InvariantError, match="needs level 2, and the document has 1"):
        world.invariants.levels.stepped(world.hosts[N1], 20.0)
