"""Raft's descriptor: its timers and how they bind voters, besides the election itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qutrio.core.election.descriptor import Descriptor, EngineArgs, Timer
from qutrio.core.election.engine_messages import LeaderHeartbeat, VoteRequest
from qutrio.core.election.interface import Timing
from qutrio.core.election.raft.machine import Raft

if TYPE_CHECKING:
    from qutrio.model.document import Settings


def _make(begin: EngineArgs) -> Raft:
    return Raft(
        me=begin.me,
        hard_state=begin.hard_state,
        rng=begin.rng,
        position=begin.position,
        now=begin.now,
    )


def _timing(settings: Settings) -> Timing:
    return Timing(settings.raft_heartbeat_s, settings.raft_election_timeout_s)


ELECTIONS_MAX = 20
"""An election succeeds within this many attempts."""

RAFT = Descriptor(
    name="raft",
    make=_make,
    timers=(
        Timer("raft_heartbeat", "time between the leader's heartbeats"),
        Timer("raft_election_timeout", "least silence of the leader before an election"),
    ),
    why_handed_over="a majority voted for another",
    claims=(VoteRequest, LeaderHeartbeat),
    timing=_timing,
    elects_within=lambda settings: ELECTIONS_MAX * settings.raft_election_timeout_s,
)
