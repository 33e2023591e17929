"""The union of all planned faults, and their names in files."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from qutrio.sim.faults import (
    environment,
    leadership,
    machines,
    network,
    operator_actions,
    operator_errors,
)
from qutrio.sim.pinned import OPERATOR_ERROR

PlannedFault: TypeAlias = (
    machines.Crash
    | machines.DieAfterDelivery
    | machines.DiskStall
    | machines.DiskTrouble
    | machines.Install
    | machines.Restart
    | machines.SleepBeforeSending
    | machines.Suspend
    | machines.WallJump
    | network.Clog
    | network.Cut
    | network.CutOffAfterDelivery
    | network.Lie
    | network.Odd
    | network.Slow
    | network.TermFlood
    | leadership.MoveRole
    | leadership.Rely
    | leadership.Retime
    | leadership.Switch
    | environment.Blind
    | environment.ChannelDown
    | environment.ChannelMute
    | environment.ChannelSlow
    | environment.DeadResolver
    | environment.Hang
    | environment.Outage
    | operator_actions.Add
    | operator_actions.Attach
    | operator_errors.OperatorError
    | operator_errors.Burst
    | operator_actions.Dismiss
    | operator_actions.Edit
    | operator_actions.HandEdit
    | operator_actions.Join
    | operator_actions.JoinAgain
    | operator_actions.AskStatus
    | operator_actions.Scratch
    | operator_actions.Tune
)
KINDS: Final[Mapping[type[Any], str]] = MappingProxyType(
    {
        machines.Crash: "crash",
        machines.DieAfterDelivery: "die_after_delivery",
        machines.DiskStall: "disk_stall",
        machines.DiskTrouble: "disk_trouble",
        machines.Install: "install",
        machines.Restart: "restart",
        machines.SleepBeforeSending: "sleep_before_sending",
        machines.Suspend: "suspend",
        machines.WallJump: "wall_jump",
        network.Clog: "clog",
        network.Cut: "cut",
        network.CutOffAfterDelivery: "cut_off_after_delivery",
        network.Lie: "lie",
        network.Odd: "odd",
        network.Slow: "slow",
        network.TermFlood: "term_flood",
        leadership.MoveRole: "move_role",
        leadership.Rely: "rely",
        leadership.Retime: "retime",
        leadership.Switch: "switch",
        environment.Blind: "blind",
        environment.ChannelDown: "channel_down",
        environment.ChannelMute: "channel_mute",
        environment.ChannelSlow: "channel_slow",
        environment.DeadResolver: "dead_resolver",
        environment.Hang: "hang",
        environment.Outage: "outage",
        operator_actions.Add: "add",
        operator_actions.Attach: "attach",
        operator_errors.OperatorError: OPERATOR_ERROR,
        operator_errors.Burst: "burst",
        operator_actions.Dismiss: "dismiss",
        operator_actions.Edit: "edit",
        operator_actions.HandEdit: "hand_edit",
        operator_actions.Join: "join",
        operator_actions.JoinAgain: "join_again",
        operator_actions.AskStatus: "look",
        operator_actions.Scratch: "scratch",
        operator_actions.Tune: "tune",
    }
)
"""The names of faults in schedule files.  Add names, never change one: people keep schedules."""
