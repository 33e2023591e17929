"""Faults in doubts, takeovers, quiescence and authors of changes."""

from tests.mutants.mutant import Edit, Mutant

IN_DOUBTS = ("tests/core/test_doubts.py",)
IN_LEADERSHIP = ("tests/core/test_leadership_holding.py",)
AT_REST = ("tests/core/test_away_at_a_removal.py",)
LOST_GRANTER = ("tests/core/test_lost_granter.py",)
IN_WITNESSES = ("tests/core/test_witnesses.py",)

MUTANTS = (
    Mutant(
        name="one node raises the highest term as often as it likes",
        why="a member that names a higher term every 2 ms keeps the others from electing",
        edits=(
            Edit(
                "TermRateLimit.allows",
                "if paid_until > now + each_s * RAISES_AT_ONCE:",
                "if False:",
            ),
        ),
        tests=IN_LEADERSHIP,
    ),
    Mutant(
        name="claims again on every message of a higher term",
        why="every write that is under way then ends unknown",
        edits=(Edit("Lease.may_claim_again", "return rested and self.claim", "return self.claim"),),
        tests=IN_LEADERSHIP,
    ),
    Mutant(
        name="several nodes in doubt at once",
        why="after bad links each voter doubts others, and no candidate has a majority",
        edits=(
            Edit(
                "LeaderDoubts._begin_to_doubt",
                "other.waited_s, other.until = 0.0, NEVER",
                "other.waited_s = 0.0",
            ),
        ),
        tests=IN_DOUBTS,
    ),
    Mutant(
        name="old words of a new master count",
        why="a forgery that nobody believed becomes true when its author is elected",
        edits=(Edit("Witnesses.follow", "if promise.holder is not None:", "if False:"),),
        tests=IN_WITNESSES,
    ),
    Mutant(
        name="a resignation after the next heartbeat names nobody",
        why="a role that was moved by hand is given back at once",
        edits=(Edit("ObservedMaster.acted", "self._acted.get(term) == node", "False"),),
        tests=("tests/core/test_leadership.py",),
    ),
    Mutant(
        name="waits in vain forever",
        why="one member that never comes to lead keeps the others from electing",
        edits=(Edit("LeaderDoubts.update", "now >= self._patient_until()", "now > FOREVER"),),
        tests=IN_DOUBTS,
    ),
    Mutant(
        name="waiting not forgotten after an election",
        why="honest nodes come into doubt by what many elections took together",
        edits=(Edit("LeaderDoubts.update", "doubt.waited_s = 0.0\n            return", "return"),),
        tests=IN_DOUBTS,
    ),
    Mutant(
        name="one member alone shows that a term has records",
        why="it would act for those who believe it, in a term of its own",
        edits=(
            Edit(
                "LeaderDoubts._is_bare",
                "for position in named) < WITNESSES",
                "for position in named) < 1",
            ),
        ),
        tests=IN_DOUBTS,
    ),
    Mutant(
        name="asking for votes is no claim",
        why="each vote restarts the timer, so one that asks forever keeps all from standing",
        edits=(Edit("descriptor.RAFT", "(VoteRequest, LeaderHeartbeat)", "(LeaderHeartbeat,)"),),
        tests=IN_DOUBTS,
    ),
    Mutant(
        name="quiescence outlasts a doubt",
        why="no evaluation takes place when the doubt ends",
        edits=(Edit("quiescent_until", "        leadership.doubts.deadline(),\n", ""),),
        tests=IN_DOUBTS,
    ),
    Mutant(
        name="what a majority denies is adopted",
        why="one voter could name a record that no node accepted, and block every claim",
        edits=(Edit("newest_needed", "backers(place) | silent", "joint_config.all"),),
        tests=LOST_GRANTER,
    ),
    Mutant(
        name="silent voters deny",
        why="a voter that has not answered may have accepted the newest record",
        edits=(Edit("newest_needed", "backers(place) | silent", "backers(place)"),),
        tests=LOST_GRANTER,
    ),
    Mutant(
        name="no other node asked about a removal that the master shows",
        why="a node that was away stays at the old revision until the next write",
        edits=(
            Edit(
                "Acceptor.on_commit",
                "if heard and not self._removes(self.witnesses.shown.get(holder or self.me)):",
                "if heard:",
            ),
        ),
        tests=AT_REST,
    ),
    Mutant(
        name="removals by the master need no witness",
        why="any new master could remove all others",
        edits=(
            Edit(
                "Witnesses.believe",
                "return not removing or self._confirmed(record, document, trust_basis)",
                "return True",
            ),
        ),
        tests=IN_WITNESSES,
    ),
    Mutant(
        name="every change is the master's",
        why="people see a wrong author of a change",
        edits=(
            Edit(
                "Proposal.author",
                "Author(me if self.origin is None else self.origin[0], self.door, self.uid)",
                "Author(me, self.door, self.uid)",
            ),
        ),
        tests=("tests/core/test_authorship.py",),
    ),
    Mutant(
        name="unchanged items get a new author",
        why="a change of one check would be said of all",
        edits=(Edit("authored", "if was.get(item) is not value:", "if value:"),),
        tests=("tests/core/test_authorship.py",),
    ),
    Mutant(
        name="a ledger's sequence moves as far as a member says",
        why="whoever is given the role once uses the numbers up, and no notice can be written",
        edits=(
            Edit(
                "KnownNumbers.covers",
                "named.sequence <= self.sequence + SEQUENCE_JUMP_MAX",
                "named.sequence >= 0",
            ),
        ),
        tests=("tests/core/test_bounds.py",),
    ),
    Mutant(
        name="ids as long as a member likes",
        why="every result and notice of such a check is too long to be said",
        edits=(Edit("require_fit", 'require_id("id", item.id)', "pass"),),
        tests=("tests/core/test_new_values.py",),
    ),
    Mutant(
        name="changes as fast as a member proposes them",
        why="the master has no time for anything but refusing them",
        edits=(Edit("ProposalRateLimit.allows", "return False", "return True"),),
        tests=("tests/core/test_bounds.py",),
    ),
    Mutant(
        name="records decoded though nobody asked for them",
        why="each takes a second of the processor",
        edits=(
            Edit(
                "LargeFrames.wanted",
                "wanted, self._fetches = self._fetches > 0,",
                "wanted, self._fetches = True,",
            ),
        ),
        tests=("tests/peers/test_large_frames.py",),
    ),
)
