"""Votes of election engines that have them: the part of invariant 2 that is about ballots.

A node has one vote in each term of raft, for ever: what it says of its vote is on its disk when
it says so, it never says two things of one term, and what is on its disk never goes back.  So
no term has two leaders that were elected.  This is counted from the words that leave, from the
disks, and from what the engines tell of themselves.
"""

from collections import OrderedDict

from attrs import define, field

from qutrio.core.effects import Effect, Turned
from qutrio.core.election.raft_votes import Why
from qutrio.core.election.words import VoteRequest, VoteResponse
from qutrio.core.messages import Message
from qutrio.model.ids import NodeId, Seconds, Term
from qutrio.model.stable import Ballot
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import broken

TERMS_KEPT = 256


@define
class Ballots:
    """Every vote that was given, and every leader that was elected, in the newest terms."""

    _durable: dict[NodeId, Ballot] = field(factory=dict)
    _votes: OrderedDict[tuple[NodeId, Term], NodeId] = field(factory=OrderedDict)
    _leaders: OrderedDict[Term, NodeId] = field(factory=OrderedDict)

    def said(self, host: Host, to: NodeId, message: Message, true: Seconds) -> None:
        """Judge a word at the moment at which it leaves."""
        if isinstance(message, VoteRequest):
            self._vote(host, Ballot(message.term, host.name), true)
        elif isinstance(message, VoteResponse) and message.granted:
            self._vote(host, Ballot(message.term, to), true)

    def stepped(self, host: Host, effects: list[Effect], true: Seconds) -> None:
        """Judge a leader that says that it was elected."""
        for effect in effects:
            if isinstance(effect, Turned) and effect.turn.reason is Why.WON:
                self._elected(host.name, effect.turn.term, true)

    def look(self, host: Host, true: Seconds) -> None:
        """Compare the ballot on a disk with the one that was there before."""
        ballot = host.disk.ballot
        before = self._durable.get(host.name)
        if before is not None and not _follows(before, ballot):
            raise broken(2, true, f"the disk of {host.name} had {before}, and has {ballot}")
        self._durable[host.name] = ballot

    def _elected(self, name: NodeId, term: Term, true: Seconds) -> None:
        other = self._leaders.setdefault(term, name)
        if other != name:
            raise broken(2, true, f"raft elected {other} and {name} in term {term}")
        _prune(self._leaders)

    def _vote(self, host: Host, ballot: Ballot, true: Seconds) -> None:
        assert ballot.vote is not None
        if not _follows(ballot, host.disk.ballot):
            raise broken(2, true, f"{host.name} gives {ballot}; its disk has {host.disk.ballot}")
        before = self._votes.setdefault((host.name, ballot.term), ballot.vote)
        if before != ballot.vote:
            what = f"{host.name} voted for {before} and for {ballot.vote}"
            raise broken(2, true, f"{what} in term {ballot.term}")
        _prune(self._votes)


def _follows(before: Ballot, after: Ballot) -> bool:
    """Tell whether a ballot may be on a disk after another one."""
    if after.term == before.term:
        return before.vote in {None, after.vote}
    return after.term > before.term


def _prune(kept: OrderedDict[tuple[NodeId, Term], NodeId] | OrderedDict[Term, NodeId]) -> None:
    while len(kept) > TERMS_KEPT:
        kept.popitem(last=False)
