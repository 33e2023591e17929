"""Leader election for Trio programs: join an election by name, and act only while leading.

    async with election.join("reports", self_id="a", members=["a", "b", "c"], ...) as participant:
        while True:
            async with participant.leading() as term:
                await publish_reports(fencing_token=term)

docs/elections.md lists the guarantees.  Here *leading* means to hold the lease, which the core
calls to be master; `Role.LEADER` is only what the engine of a participant chose.
"""

from qutrio.core.election.interface import ProgramState, Role, RoleChange
from qutrio.election.feeds import Listener, Trouble, TroubleKind
from qutrio.election.graft.participant import GraftParticipant, GraftState, join_graft
from qutrio.election.joining import join
from qutrio.election.participant import Participant, ParticipantState
from qutrio.election.state import FolderState, MemoryState, State
from qutrio.election.timers import Timers

__all__ = [
    "FolderState",
    "GraftParticipant",
    "GraftState",
    "Listener",
    "MemoryState",
    "Participant",
    "ParticipantState",
    "ProgramState",
    "Role",
    "RoleChange",
    "State",
    "Timers",
    "Trouble",
    "TroubleKind",
    "join",
    "join_graft",
]
