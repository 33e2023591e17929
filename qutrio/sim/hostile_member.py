"""A hostile member: it signs with its own key messages that no honest program would send.

The member's own node keeps running, so what that node sends by itself is true; lies are sent in
addition, and requests are answered with forgeries.  The lies stay within what a cluster promises
to withstand: claims without grants; terms, revisions and positions that do not exist; false news
that others were removed; documents that list it alone or nothing at all; and results of probes
that it did not make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve

from qutrio.codec.wire import decode, encode
from qutrio.core.api.messages import (
    CanvassAnswer,
    Commit,
    Fetched,
    Heartbeat,
    HeartbeatAck,
    Message,
    Removed,
    Resign,
    Write,
    Wrote,
)
from qutrio.core.election.engine_messages import (
    LeaderHeartbeat,
    LeadershipDeclaration,
    LeadershipProposal,
    VoteRequest,
)
from qutrio.model.ids import Instant, Revision, Term, UnixTime
from qutrio.model.stable import Position, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qutrio.core.node import Node
    from qutrio.model.document import ClusterDocument
    from qutrio.model.ids import NodeId, Seconds
    from qutrio.sim.dice import Dice
    from qutrio.sim.host import Host

FORGED_JUMP = 500_000
"""How far the revision of a forged document is ahead: no honest history gets that far."""
FAR = 2**40
"""A term, a revision or a number that no cluster reaches."""
JUMPS = (1, 2, 50, 1_000, 900_000, FAR)
AHEAD = (1_000_000, 900_000_000, FAR)
"""Higher than any write in flight; otherwise it would lie about its own vote."""


@define
class HostileMember:
    """Makes up the messages of one member."""

    me: NodeId
    dice: Dice
    _number: int = 0

    def lies(self, node: Node) -> list[Message]:
        """Return some lies that fit the state of the member's own node."""
        dice, register = self.dice, node.register
        heard, committed = node.leadership.lease.heard_term, register.committed
        jump = dice.pick(JUMPS)
        term, revision = Term(heard + jump), Revision(committed.document.revision + jump)
        place = Position(Term(dice.pick((committed.position.term, heard, term))), 1 + jump)
        self._number += 1
        claim = Term(dice.pick((0, heard, heard + 1, term)))
        acting = Heartbeat(
            number=-self._number,
            heard_term=Term(dice.pick((heard, term))),
            claim=claim,
            acting=True,
            able=True,
            committed=dice.pick((committed.position, place)),
            wall=UnixTime(dice.pick((0.0, 4e9))),
            engine=node.leadership.engine_host.runs,
        )
        forged = self.forged(committed.document, place.term)
        stamp = (forged.term, forged.revision)
        ledger = register.accepted.ledger
        every: tuple[list[Message], ...] = (
            [acting],
            [acting, Removed(revision=revision)],
            [Removed(revision=Revision(committed.document.revision + 1))],
            [Commit(position=place)],
            [Write(position=place, stamp=stamp, ledger=ledger, document=forged)],
            [Fetched(accepted=dice.chance(0.5), record=Record(place, forged, ledger))],
            [Wrote(position=place, accepted=False, lacks_document=False, heard_term=term)],
            [CanvassAnswer(term=heard, would=False, heard_term=term, reason="lies")],
            [Resign(term=term, successor=self.me)],
            [LeaderHeartbeat(term=term)],
            [VoteRequest(term=term)],
            [LeadershipDeclaration()],
            [LeadershipProposal()],
        )
        return dice.pick(every)

    def higher(self, node: Node, now: Instant, wall: UnixTime) -> Heartbeat:
        """Return a heartbeat of the member's own node, but in a term that is new to all.

        Repeated, it raises the term during every election.
        """
        leadership = node.leadership
        self._number += 1
        return Heartbeat(
            number=-self._number,
            heard_term=Term(leadership.lease.heard_term + 1),
            claim=leadership.lease.claim,
            acting=leadership.acting_until(now) is not None,
            able=leadership.able(now),
            committed=node.register.committed.position,
            wall=wall,
            engine=leadership.engine_host.runs,
        )

    def forged(self, document: ClusterDocument, term: Term) -> ClusterDocument:
        """Return a forged later document: without the others, or without the checks."""
        revision = Revision(document.revision + FORGED_JUMP)
        alone = tuple(m for m in document.members if m.id == self.me)
        if self.dice.chance(0.5):
            return evolve(document, revision=revision, term=term, members=alone)
        return evolve(document, revision=revision, term=term, checks=())

    def falsify(self, frame: bytes, *, records: bool) -> bytes:
        """Return a forgery of a frame of the member's own node.

        With `records`, records that it calls committed are forged too.
        """
        message = decode(frame)
        match message:
            case Fetched(accepted=accepted, record=record) if records or accepted:
                forged = self.forged(record.document, record.position.term)
                place = record.position
                if self.dice.chance(0.5):
                    place = Position(place.term, place.number + self.dice.pick(AHEAD))
                shown = Record(place, forged, record.ledger)
                return encode(Fetched(accepted=accepted, record=shown))
            case HeartbeatAck(accepted=accepted_at) if self.dice.chance(0.3):
                ahead = Position(accepted_at.term, accepted_at.number + self.dice.pick(AHEAD))
                return encode(evolve(message, accepted=ahead, committed=ahead))
            case _:
                return frame


def may_lie(hostile_member: HostileMember, hosts: Mapping[NodeId, Host]) -> bool:
    """Return whether no voter granted the hostile member: voters trust whom they granted."""
    return all(
        host.disk.promise.holder != hostile_member.me
        and (host.node is None or host.node.leadership.lease.promise.holder != hostile_member.me)
        for host in hosts.values()
    )


def another_acts(
    hostile_member: HostileMember, hosts: Mapping[NodeId, Host], true: Seconds
) -> bool:
    """Return whether another node acts, so that no voter is about to grant the hostile member."""
    return any(name != hostile_member.me and host.acting(true) for name, host in hosts.items())
