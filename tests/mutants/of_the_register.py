"""Faults in the register: positions, majorities of a write, adoption, answers to callers."""

from tests.mutants.fault_mixes import BUSY_DISKS, FAILOVERS, LOSSES, MEMBERS, WRITES
from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="older write accepted",
        why="a delayed write overwrites a newer one that a majority held",
        edits=(
            Edit(
                "Acceptor.on_write",
                "if not granted or write.position < self.accepted.position:",
                "if not granted:",
            ),
            Edit(
                "Acceptor.on_write",
                "if document is not None and write.position > self.accepted.position:",
                "if document is not None:",
            ),
        ),
        caught_by=("3", "4"),
        faults=WRITES,
    ),
    Mutant(
        name="commit without a majority",
        why="what one node holds is lost with it",
        edits=(
            Edit(
                "Register.write_has_majority",
                "return JointConfig(old, new).majority(flight.accepted_by)",
                "return bool(old | new)",
            ),
        ),
        caught_by=("3", "4"),
    ),
    Mutant(
        name="learner counted in a majority",
        why="a learner's copy does not vote in the next election, so it cannot be relied on",
        edits=(
            Edit(
                "Register.write_has_majority",
                "return JointConfig(old, new).majority(flight.accepted_by)",
                "return len(flight.accepted_by) * 2 > max(len(old), len(new))",
            ),
        ),
        caught_by=("3", "4", "6"),
        faults=MEMBERS,
    ),
    Mutant(
        name="accepted record not adopted",
        why="what a majority accepted is overwritten by a master that did not ask",
        edits=(
            Edit(
                "Takeover.advance",
                "return register.establish(claim, newest.found, now)",
                "return register.establish(claim, None, now)",
            ),
        ),
        caught_by=("3", "4", "5", "8"),
        faults=FAILOVERS,
    ),
    Mutant(
        name="one revision for two documents",
        why="equal revisions must mean equal documents",
        edits=(
            Edit(
                "Register.write_next",
                "revision = Revision(document.revision + 1)",
                "revision = document.revision",
            ),
        ),
        caught_by=("4", "9"),
    ),
    Mutant(
        name="one position for two writes",
        why="a voter takes the second for a repetition of the first",
        edits=(
            Edit(
                "Register._write",
                "number = last.number + 1 if last.term == term else 1",
                "number = 1",
            ),
        ),
        caught_by=("3", "4", "9"),
    ),
    Mutant(
        name="any accepted record is committed",
        why="a record that only its writer holds may yet be replaced",
        edits=(
            Edit(
                "Acceptor._learn",
                "if witnesses.believe(record, self.committed.document, trust_basis, held=held):",
                "if held or witnesses.believe("
                "record, self.committed.document, trust_basis, held=held):",
            ),
        ),
        caught_by=("3", "4"),
    ),
    Mutant(
        name="older term's record taken for committed",
        why="only the master itself writes one after the other was committed",
        edits=(
            Edit("Acceptor._accept", "if successor and previous.position", "if previous.position"),
        ),
        caught_by=("3", "4", "5"),
        faults=LOSSES,
    ),
    Mutant(
        name="unknown reported as refused",
        why="what was in flight may still take effect",
        edits=(
            Edit(
                "Register.abandon",
                "effects += self._rule(proposal, Ruling.UNKNOWN, reason)",
                "effects += self._rule(proposal, Ruling.REFUSED, reason)",
            ),
        ),
        caught_by=("5",),
    ),
    Mutant(
        name="acknowledged before the majority",
        why="the caller hears yes for what may be lost",
        edits=(
            Edit(
                "Register.abandon",
                "effects += self._rule(proposal, Ruling.UNKNOWN, reason)",
                "effects += self._rule(proposal, Ruling.COMMITTED, reason)",
            ),
        ),
        caught_by=("3", "5"),
    ),
    Mutant(
        name="request ruled twice",
        why="a repeated request is judged against its own effect",
        edits=(
            Edit(
                "Register.propose",
                "if origin in self._rulings:\n                ruled",
                "if False:\n                ruled",
            ),
        ),
        caught_by=("5",),
    ),
    Mutant(
        name="proposal sent to the next master too",
        why="the first one may have written it",
        edits=(
            Edit(
                "PendingProposals._to_send",
                "if pending.sent_to is None:\n            pending.sent_to",
                "if pending.sent_to != proposal_inputs.master:\n            pending.sent_to",
            ),
        ),
        caught_by=("3", "5"),
        faults=LOSSES,
    ),
    Mutant(
        name="ledger forgotten at a failover",
        why="open incidents and undelivered notices are lost with the master",
        edits=(
            Edit(
                "Register.establish",
                "self.accepted.document, self.accepted.ledger, waiting, now)",
                "self.accepted.document, Ledger(), waiting, now)",
            ),
        ),
        caught_by=("8",),
    ),
    Mutant(
        name="committed by the new voters alone",
        why="the old ones may agree on something else meanwhile",
        edits=(
            Edit(
                "Register.write_has_majority",
                "return JointConfig(old, new).majority",
                "return JointConfig(new, new).majority",
            ),
        ),
        caught_by=("3", "4"),
        sizes=(4,),
        faults=MEMBERS,
    ),
    Mutant(
        name="voter that granted hides what it accepted",
        why="the next master does not learn what a majority may have accepted",
        edits=(
            Edit(
                "LeaseVoter.acknowledge",
                "accepted=accepted.position",
                "accepted=self.register.committed.position",
            ),
        ),
        caught_by=("3", "4", "5", "8"),
        faults=FAILOVERS,
    ),
    Mutant(
        name="write confirmed without its document",
        why="a majority that lacks the content is none",
        edits=(
            Edit("Acceptor.on_write", "accepted=document is not None", "accepted=True"),
            Edit("Acceptor.on_write", "lacks_document=document is None", "lacks_document=False"),
        ),
        caught_by=("3", "4"),
        faults=LOSSES,
    ),
    Mutant(
        name="request disowned while it is in flight",
        why="asking the next master may apply the change twice",
        edits=(
            Edit(
                "Register.decline",
                "if self.knows(proposal):",
                "if proposal is None:",
            ),
        ),
        caught_by=("3", "5"),
        faults=BUSY_DISKS,
    ),
)
