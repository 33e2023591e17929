"""Everything that can happen, as one type."""

from typing import TypeAlias

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
