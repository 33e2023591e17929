"""Votes of raft: the part of invariant 2 about hard states.

A node has one vote in each term, forever: a vote that it sends is on its disk already, it never
sends two votes in one term, and its hard state on disk never goes back.  So no term elects two
leaders.  The judge sees this from sent messages, from the disks, and from the engines' reports.
"""

from collections import OrderedDict

from attrs import define, field

from qutrio.core.api.effects import Effect, ReportRole
from qutrio.core.api.messages import Message
from qutrio.core.election.engine_messages import VoteRequest, VoteResponse
from qutrio.core.election.raft.votes import Why
from qutrio.model.ids import NodeId, Seconds, Term
from qutrio.model.stable import HardState
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken

TERMS_KEPT = 256


@define
class HardStates:
    """Every vote and every elected leader of the newest terms."""

    _durable: dict[NodeId, HardState] = field(factory=dict)
    _votes: OrderedDict[tuple[NodeId, Term], NodeId] = field(factory=OrderedDict)
    _leaders: OrderedDict[Term, NodeId] = field(factory=OrderedDict)

    def on_send(self, host: Host, to: NodeId, message: Message, true: Seconds) -> None:
        """Check a message of an election when it is sent."""
        if isinstance(message, VoteRequest):
            self._vote(host, HardState(message.term, host.name), true)
        elif isinstance(message, VoteResponse) and message.granted:
            self._vote(host, HardState(message.term, to), true)

    def stepped(self, host: Host, effects: list[Effect], true: Seconds) -> None:
        """Check a leader that reports its election."""
        for effect in effects:
            if isinstance(effect, ReportRole) and effect.change.reason is Why.WON:
                self._elected(host.name, effect.change.term, true)

    def check_disk(self, host: Host, true: Seconds) -> None:
        """Compare the hard state on a disk with the previous one."""
        hard_state = host.disk.hard_state
        before = self._durable.get(host.name)
        if before is not None and not _follows(before, hard_state):
            raise broken(2, true, f"the disk of {host.name} had {before}, and has {hard_state}")
        self._durable[host.name] = hard_state

    def _elected(self, name: NodeId, term: Term, true: Seconds) -> None:
        other = self._leaders.setdefault(term, name)
        if other != name:
            raise broken(2, true, f"raft elected {other} and {name} in term {term}")
        _prune(self._leaders)

    def _vote(self, host: Host, hard_state: HardState, true: Seconds) -> None:
        assert hard_state.vote is not None
        if not _follows(hard_state, host.disk.hard_state):
            raise broken(
                2, true, f"{host.name} gives {hard_state}; its disk has {host.disk.hard_state}"
            )
        before = self._votes.setdefault((host.name, hard_state.term), hard_state.vote)
        if before != hard_state.vote:
            what = f"{host.name} voted for {before} and for {hard_state.vote}"
            raise broken(2, true, f"{what} in term {hard_state.term}")
        _prune(self._votes)


def _follows(before: HardState, after: HardState) -> bool:
    """Return whether one hard state may follow another on a disk."""
    if after.term == before.term:
        return before.vote in {None, after.vote}
    return after.term > before.term


def _prune(kept: OrderedDict[tuple[NodeId, Term], NodeId] | OrderedDict[Term, NodeId]) -> None:
    while len(kept) > TERMS_KEPT:
        kept.popitem(last=False)
