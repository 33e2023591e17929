"""Mixes of simulated faults, each of which reveals a certain kind of error in few seeds."""

from qutrio.sim.options import Faults

NAPS = Faults(crashes=0.5, suspends=0.4)
"""Short crashes of some nodes while another is suspended."""
SLEEP = Faults(suspends=0.2, delay_s_max=0.3)
"""Nodes that resume and find waiting answers."""
DRIFT = Faults(suspends=0.2, cuts=0.1, edits=0.5, clock_drift=0.05, delay_s_max=0.01)
"""Quick links, the largest allowed clock drift, and a master that is suspended."""
CUTS = Faults(cuts=0.2, partial_cuts=0.2, crashes=0.1)
"""Elections that some nodes do not notice."""
SLOW = Faults(
    slow_share=0.1,
    duplication=0.2,
    one_way_cuts=0.2,
    cuts=0.1,
    slow_links=0.3,
    suspends=0.05,
    crashes=0.05,
    swizzles=0.1,
)
"""Messages of an earlier election that arrive in a later one."""
FAILOVERS = Faults(edits=3.0, cuts=0.2, partial_cuts=0.2, delay_s_max=0.3)
"""Masters that are cut off in the middle of a write."""
LOSSES = Faults(edits=3.0, loss=0.4, crashes=0.15)
"""Many changes, and many lost messages."""
WRITES = Faults(
    edits=0.3,
    channels=0.2,
    flaps=0.1,
    slow_share=0.1,
    duplication=0.4,
    crashes=0.15,
    partial_cuts=0.1,
    one_way_cuts=0.1,
    delay_s_max=0.3,
)
"""Many changes, and messages that are late and duplicated."""
MEMBERS = Faults(
    joins=0.15,
    removals=0.15,
    crashes=0.05,
    one_way_cuts=0.1,
    loss=0.1,
    delay_s_max=0.3,
    outages=0.1,
    flaps=0.1,
)
"""Members come and go while a target fails."""
REMOVALS = Faults(removals=0.05, enrolments_again=0.2)
"""Members are removed, masters too, and join again."""
EDITS = Faults(
    edits=0.3,
    flaps=0.2,
    outages=0.1,
    slow_share=0.2,
    hangs=0.1,
    slow_links=0.1,
    duplication=0.2,
    delay_s_max=0.3,
)
"""Checks are edited while their probes and reports are in flight."""
DIVIDED = Faults(lonely_failures=0.3, outages=0.1)
"""Targets that some nodes reach and others do not."""
CHANNELS = Faults(flaps=0.3, outages=0.2, channel_outages=0.2)
"""Targets that fail and recover while no channel works."""
PAUSES = Faults(edits=0.3, outages=0.1, channels=0.1, channel_outages=0.05, channel_deaths=0.03)
"""Checks that are disabled, and channels that come and go, while targets are down."""
JUMPS = Faults(wall_jumps=0.1, outages=0.05, yields=0.02)
"""Wall clocks that are set while targets are down and the role moves."""
UNTOLD = Faults(cuts_after_delivery=0.05, delay_s_max=0.3)
"""Targets that recover before a notice is sent, and masters cut off when one is."""
DISKS = Faults(disk_errors=0.3, crashes=0.2, disk_stalls=0.2)
"""Disks that fail or stall, and nodes that crash."""
BUSY_DISKS = Faults(slow_share=0.3, slow_s_max=3.0, disk_errors=0.3, edits=0.5)
"""Masters whose disks fail during many changes."""
POWER = Faults(files=True, power_losses=0.1, blackouts=0.02, crash_in_batch=2.0, edits=1.0)
"""Power failures of one or all nodes, and crashes between any two steps of a save."""
SHAKY = Faults(crashes=0.15, cuts=0.2, one_way_cuts=0.1, loss=0.2, suspends=0.05)
"""Many elections, some of which not all nodes notice."""
SWITCHES = Faults(
    switches=0.4, crashes=0.3, restarts=0.05, suspends=0.3, clock_drift=0.05, delay_s_max=0.01
)
"""Engines that change while nodes crash, suspend and resume."""
RETIMED = Faults(retimings=0.15, delay_s_max=0.05, clock_drift=0.02)
"""Grants that become longer and shorter, and masters that are cut off just then."""
TENANTS = Faults(tenancies=0.3, yields=0.1, restarts=0.1, crashes=0.05, cuts=0.05)
"""Programs that rely on a lease while the role moves."""
PROGRAMS = Faults(installs=0.15, crashes=0.05, cuts=0.1, joins=0.1, removals=0.02)
"""Members that are upgraded, downgraded, down, new and removed."""
YIELDS = Faults(yields=0.2, crashes=0.02)
"""Transfers by operators."""
TWICE = Faults(crashes=0.1, cuts=0.2, bridges=0.2, duplication=0.5, delay_s_max=0.3)
"""Split elections, and duplicated answers."""
UNSEEN = Faults(dead_resolvers=0.05, channel_outages=0.02, yields=0.03, delay_s_max=0.05)
"""Nodes that cannot probe for minutes, while the role moves."""
