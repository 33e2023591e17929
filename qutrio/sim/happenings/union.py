"""Everything that can happen, as one type."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from qutrio.sim.happenings import blunders, deeds, machines, network, offices, surroundings

Happening: TypeAlias = (
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
    | offices.MoveRole
    | offices.Rely
    | offices.Retime
    | offices.Switch
    | surroundings.Blind
    | surroundings.ChannelDown
    | surroundings.ChannelMute
    | surroundings.ChannelSlow
    | surroundings.DeadResolver
    | surroundings.Hang
    | surroundings.Outage
    | deeds.Add
    | deeds.Attach
    | blunders.Blunder
    | blunders.Burst
    | deeds.Dismiss
    | deeds.Edit
    | deeds.HandEdit
    | deeds.Join
    | deeds.JoinAgain
    | deeds.Look
    | deeds.Scratch
    | deeds.Tune
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
        offices.MoveRole: "move_role",
        offices.Rely: "rely",
        offices.Retime: "retime",
        offices.Switch: "switch",
        surroundings.Blind: "blind",
        surroundings.ChannelDown: "channel_down",
        surroundings.ChannelMute: "channel_mute",
        surroundings.ChannelSlow: "channel_slow",
        surroundings.DeadResolver: "dead_resolver",
        surroundings.Hang: "hang",
        surroundings.Outage: "outage",
        deeds.Add: "add",
        deeds.Attach: "attach",
        blunders.Blunder: "blunder",
        blunders.Burst: "burst",
        deeds.Dismiss: "dismiss",
        deeds.Edit: "edit",
        deeds.HandEdit: "hand_edit",
        deeds.Join: "join",
        deeds.JoinAgain: "join_again",
        deeds.Look: "look",
        deeds.Scratch: "scratch",
        deeds.Tune: "tune",
    }
)
"""The names that happenings have in schedules.  Added to, never changed: people keep schedules."""
