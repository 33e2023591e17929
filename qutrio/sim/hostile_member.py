"""One member that lies: messages of its own key that no honest program would send.

The member's own node goes on as it is, so what it says by itself is true; the lies come beside it,
and what others ask it for is answered with forgeries.  It lies within what a cluster promises to
bear: its claims to act are bare, it names terms, revisions and places that nobody has, it says that
others were removed, it hands out documents in which it is alone or everything is gone, and it
reports what it did not see.
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
"""By how much the revision of a forged document is ahead: no honest history gets so far."""
FAR = 2**40
"""A term, a revision or a number that no cluster reaches."""
JUMPS = (1, 2, 50, 1_000, 900_000, FAR)
AHEAD = (1_000_000, 900_000_000, FAR)
"""So far that no write in flight is meant: else it would lie about its own vote."""


@define
class HostileMember:
    """Makes up what one member says to another."""

    me: NodeId
    dice: Dice
    _number: int = 0

    def lies(self, node: Node) -> list[Message]:
        """Return some lies, as they might follow from where the member's own node stands."""
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
        """Return what the member's own node might say just now, but of a term that is new to all.

        Said again and again, it moves the term on under every election.
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
        """Return a later document that nobody wrote: without the others, or without the checks."""
        revision = Revision(document.revision + FORGED_JUMP)
        alone = tuple(m for m in document.members if m.id == self.me)
        if self.dice.chance(0.5):
            return evolve(document, revision=revision, term=term, members=alone)
        return evolve(document, revision=revision, term=term, checks=())

    def falsify(self, frame: bytes, *, records: bool) -> bytes:
        """Return what the member says in place of a frame of its own node.

        With `records` it also forges what it calls committed.
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
    """Tell whether nobody endorsed the liar: the holder that others endorsed is trusted."""
    return all(
        host.disk.promise.holder != hostile_member.me
        and (host.node is None or host.node.leadership.lease.promise.holder != hostile_member.me)
        for host in hosts.values()
    )


def another_acts(
    hostile_member: HostileMember, hosts: Mapping[NodeId, Host], true: Seconds
) -> bool:
    """Tell whether another node than the liar acts, so that nobody is about to endorse that."""
    return any(name != hostile_member.me and host.acting(true) for name, host in hosts.items())
