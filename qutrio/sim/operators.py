"""What simulated operators do to a cluster through one of its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from qutrio.core.enrollment import Admission, admission
from qutrio.core.mutations import AddToken, Batch, ClaimToken, PutCheck, RemoveMember
from qutrio.model.checks import TcpCheck
from qutrio.model.ids import CheckId, TokenId, UnixTime
from qutrio.model.members import Member, Token
from qutrio.sim.beginnings import EPOCH, member
from qutrio.sim.options import Fault
from qutrio.storage.edits import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from qutrio.model.document import ClusterDocument
    from qutrio.model.ids import NodeId, RequestId, Seconds
    from qutrio.model.stable import Record
    from qutrio.sim.interface import SimulatedWorld

TOKEN_LASTS_S: Seconds = 86_400.0
LOOK_S: Seconds = 0.5
LOOKS_MAX = 60


def document_of(world: SimulatedWorld, name: NodeId) -> ClusterDocument | None:
    """Return the document that an operator sees at a node, or None while it is down."""
    host = world.hosts.get(name)
    if host is None or host.node is None:
        return None
    return host.node.register.committed.document


def new_check(label: str) -> TcpCheck:
    """Return a check named `label`; its id sorts behind those that are probed."""
    return TcpCheck(id=CheckId(f"z-{label}"), name=label, address="127.0.0.1:81")


def add_check(world: SimulatedWorld, name: NodeId, label: str) -> None:
    """Add a check that nobody removes."""
    world.propose(name, PutCheck(check=new_check(label)), label)


def remove(world: SimulatedWorld, via: NodeId, ident: NodeId) -> None:
    """Remove a member."""
    world.propose(via, RemoveMember(node=ident))


def admit(world: SimulatedWorld, via: NodeId, ident: NodeId) -> None:
    """Let a new machine join: by token, as a learner."""
    if ident in world.hosts:
        return
    newcomer = member(ident, 1000 + world.number())

    def joined(record: Record) -> None:
        if ident not in world.hosts:
            world.struck[Fault.JOIN] += 1
            world.set_up(ident, record)

    enroll(world, via, newcomer, joined)


def enroll_again(world: SimulatedWorld, via: NodeId, ident: NodeId) -> None:
    """Let a machine that was removed join once more, with its key and its disk."""
    document, before = document_of(world, via), world.hosts.get(ident)
    if before is None or before.member is None or document is None or document.member(ident):
        return

    def joined(record: Record) -> None:
        world.struck[Fault.RE_ENROLMENT] += 1
        world.begin_again(ident, record)

    enroll(world, via, before.member, joined)


def enroll(
    world: SimulatedWorld,
    via: NodeId,
    newcomer: Member,
    joined: Callable[[Record], None],
    asked: Callable[[RequestId | None], None] = lambda _: None,
) -> None:
    """Invite a machine and claim the invitation for it.

    `joined` is told what it then knows; `asked` of both requests, as `World.propose` returns them.
    """
    wall = UnixTime(EPOCH + world.true)
    token = Token(
        id=TokenId(f"t{world.number()}"),
        secret_hash="",
        created_unix=wall,
        expires_unix=UnixTime(wall + TOKEN_LASTS_S),
        auto_approve=True,
    )
    claim = ClaimToken(
        token=token.id,
        secret_hash="",
        claimant=newcomer,
        level=world.programs.level_of(newcomer.id),
    )

    def claimed(looks_left: int = LOOKS_MAX) -> None:
        """Welcome the newcomer once this node may; one that is refused asks again in vain."""
        node = world.hosts[via].node
        if node is None or not looks_left:
            return  # the newcomer never hears, and never comes up
        record, now = node.register.committed, UnixTime(EPOCH + world.true)
        key, level = newcomer.fingerprint, claim.level
        answer = admission(record.document, key, level, token.id, now)
        if answer is Admission.ADMITTED:
            joined(record)
        else:
            world.at(world.true + LOOK_S, via, lambda: claimed(looks_left - 1))

    def invited() -> None:
        asked(world.propose(via, claim, then=claimed))

    asked(world.propose(via, AddToken(token=token), then=invited))


def hand_edit(world: SimulatedWorld, via: NodeId, label: str, *, back: int) -> None:
    """Edit cluster.yaml at a node: add a check, and change the interval of another.

    The file shows the document of `back` revisions ago, as when the editor was open for long.
    """
    if document_of(world, via) is None:
        return
    known = world.hosts[via].bases
    world.struck[Fault.STALE_HAND_EDIT if back else Fault.HAND_EDIT] += 1
    base = known.documents[max(0, len(known.documents) - 1 - back)]
    checks = [evolve(c, interval_s=c.interval_s + 1) for c in base.checks[:1]]
    checks += [*base.checks[1:], new_check(label)]
    edited = evolve(base, checks=tuple(sorted(checks, key=lambda c: c.id)))
    changes = judge(edited, known)
    if not isinstance(changes, Batch):
        return
    world.propose(via, changes, label)
