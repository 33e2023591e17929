"""The kinds of faults in a simulated world, and how often each strikes."""

from enum import Enum

from attrs import fields, frozen

from qutrio.model.ids import Seconds
from qutrio.sim.dice import Dice


class Fault(Enum):
    """The kinds of faults, with the names under which they are counted."""

    REORDERING = "reordering"
    LOSS = "loss"
    DUPLICATION = "duplication"
    LATE = "late"
    HEAVY_TAIL = "heavy tail"
    SLOW_LINK = "slow link"
    CLOGGING = "clogging"
    PARTITION = "partition"
    ONE_WAY_CUT = "one-way cut"
    PARTIAL_CUT = "partial cut"
    BRIDGE = "bridge"
    FOREIGN_PROTOCOL = "foreign protocol"
    LINK_FLAP = "link flap"
    CUT_OFF_AFTER_DELIVERY = "cut off after delivery"
    CUT_OFF_AFTER_RETIMING = "cut off after retiming"
    UNKNOWN_KIND = "unknown kind"
    UNKNOWN_FIELD = "unknown field"
    GARBAGE = "garbage"
    REPLAY = "replay"
    CRASH = "crash"
    CRASH_BETWEEN_EFFECTS = "crash between effects"
    POWER_LOSS = "power loss"
    UNFLUSHED_DATA_LOST = "unflushed data lost"
    RESTART = "restart"
    SUSPEND = "suspend"
    SUSPEND_BETWEEN_EFFECTS = "suspend between effects"
    CLOCK_DRIFT = "clock drift"
    WALL_CLOCK_JUMP = "wall clock jump"
    DISK_FULL = "disk full"
    DISK_WRITE_ERROR = "disk write error"
    DISK_FLUSH_ERROR = "disk flush error"
    DISK_READ_ONLY = "disk read-only"
    DISK_STALL = "disk stall"
    TARGET_DOWN = "target down"
    TARGET_DOWN_FOR_SOME = "target down for some"
    HANGING_TARGET = "hanging target"
    BLIND_NODE = "blind node"
    DEAD_RESOLVER = "dead resolver"
    CHANNEL_DOWN = "channel down"
    CHANNEL_SLOW = "channel slow"
    CHANNEL_ACCEPTS_AND_DIES = "channel accepts and dies"
    ORDER_REFUSED = "order refused"
    SUSPEND_BEFORE_SENDING = "suspend before sending"
    CRASH_BETWEEN_SENT_AND_MARKED = "crash between sent and marked"
    CHECK_EDITED = "check edited"
    SETTINGS_CHANGED = "settings changed"
    CHANNELS_CHANGED = "channels changed"
    HAND_EDIT = "hand edit"
    STALE_HAND_EDIT = "stale hand edit"
    ASKED_WITHOUT_QUORUM = "asked without quorum"
    JOIN = "join"
    REMOVAL = "removal"
    RE_ENROLMENT = "re-enrolment"
    MISTAKE = "mistake of an operator"
    BURST = "burst of changes"
    TIGHT_LIMITS = "tight limits"
    OLD_PROGRAM = "old program"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    TOO_OLD_TO_LINK = "too old to link"
    ENGINE_SWITCHED = "engine switched"
    ROLE_YIELDED = "role yielded"
    LIE = "lie of a member"
    TERM_FLOOD = "flood of terms"
    TENANTS = "programs rely on the role"


ALWAYS = frozenset({Fault.REORDERING, Fault.CLOCK_DRIFT})
"""What occurs in worlds without faults."""


@frozen(kw_only=True)
class Faults:
    """The faults of a world.

    The first group applies to every message and machine from the start; its numbers are
    probabilities unless the name says otherwise, and `clock_drift` is the largest deviation of
    a clock's rate from 1.  With `files`, disks are simulated file by file.  All others are
    rates, per simulated second and world, at which a schedule plans such faults.
    """

    loss: float = 0.0
    duplication: float = 0.0
    delay_s_max: Seconds = 0.05
    heavy_tail: bool = False
    slow_share: float = 0.0
    slow_s_max: Seconds = 8.0
    clock_drift: float = 0.0
    orders_refused: float = 0.0
    files: bool = False

    crashes: float = 0.0
    power_losses: float = 0.0
    blackouts: float = 0.0
    crash_in_batch: float = 0.0
    restarts: float = 0.0
    suspends: float = 0.0
    suspend_in_batch: float = 0.0
    wall_jumps: float = 0.0
    disk_errors: float = 0.0
    disk_stalls: float = 0.0

    cuts: float = 0.0
    one_way_cuts: float = 0.0
    partial_cuts: float = 0.0
    bridges: float = 0.0
    link_flaps: float = 0.0
    slow_links: float = 0.0
    swizzles: float = 0.0
    odd_kinds: float = 0.0
    odd_fields: float = 0.0
    garbage: float = 0.0
    replays: float = 0.0
    foreign_protocols: float = 0.0

    outages: float = 0.0
    flaps: float = 0.0
    lonely_failures: float = 0.0
    hangs: float = 0.0
    blindness: float = 0.0
    channel_outages: float = 0.0
    channel_delays: float = 0.0
    channel_deaths: float = 0.0
    deaths_after_delivery: float = 0.0
    sleeps_before_sending: float = 0.0

    operator_errors: float = 0.0
    bursts: float = 0.0
    edits: float = 0.0
    hand_edits: float = 0.0
    settings: float = 0.0
    channels: float = 0.0
    joins: float = 0.0
    removals: float = 0.0
    enrolments_again: float = 0.0
    """How often an operator enrols a removed machine again."""
    switches: float = 0.0
    yields: float = 0.0
    lies: float = 0.0
    """How often the hostile member lies: only in worlds with few other faults."""
    term_floods: float = 0.0
    """How often it begins to flood the others with ever higher terms."""
    tenancies: float = 0.0
    """How often programs at a node begin to rely on its lease."""
    cuts_after_delivery: float = 0.0
    """How often a master is cut off when it pages after an outage of the channels."""
    retimings: float = 0.0
    """How often the duration of grants changes, and the master is cut off just then."""
    dead_resolvers: float = 0.0
    """How often all nodes lose their shared resolver, so that none can probe."""
    installs: float = 0.0
    """How often a machine gets a program of another feature level, in mixed clusters."""


MOST = {
    "loss": 0.3,
    "duplication": 0.2,
    "slow_share": 0.02,
    "clock_drift": 0.05,
    "orders_refused": 0.3,
}
"""The highest probability of each kind.  Rates are drawn up to `RATE_MAX`, or `RARER`."""
RATE_MAX = 0.05
RARER = {"blackouts": 0.01, "joins": 0.02, "removals": 0.02, "settings": 0.02, "bursts": 0.02}
DELAYS_S = (0.01, 0.05, 0.3, 1.0)
NEVER_DRAWN = frozenset(
    {
        "delay_s_max",
        "slow_s_max",
        "heavy_tail",
        "files",
        "installs",
        "lies",
        "term_floods",
        "retimings",
        "dead_resolvers",
    }
)
RETIMINGS_MAX = 0.1
INSTALLS_MAX = 0.1
DEAD_RESOLVERS_MAX = 0.02
DEAD_RESOLVERS_SHARE = 0.3
MIXED_SHARE = 0.25
"""The share of seeds in which machines run programs of different feature levels."""
APART = {"switches": 0.1, "yields": 0.1, "tenancies": 0.1, "cuts_after_delivery": 0.03}
"""The highest of each rate that has dice of its own, so that it does not affect the others."""
APART_SHARE = 0.5


HOSTILE_MEMBER = Faults(
    lies=4.0,
    term_floods=0.1,
    delay_s_max=0.05,
    edits=0.2,
    outages=0.03,
    removals=0.005,
    yields=0.02,
    clock_drift=0.01,
)
"""A world in which one member is hostile, and all others are sound and reachable."""
HOSTILE_SIZE_MIN = 5
"""With fewer, a removal leaves three members, too few to tell which one lies."""
HOSTILE_SHARE = 0.12


def draw(dice: Dice, apart: Dice) -> Faults:
    """Return a random subset of all faults at random rates (swarm testing).

    Source: Groce et al., "Swarm Testing" (ISSTA 2012).
    """
    drawn: dict[str, float] = {}
    share = dice.pick((0.15, 0.3, 0.5))
    for option in fields(Faults):
        if option.name not in NEVER_DRAWN | APART.keys():
            most = MOST.get(option.name, RARER.get(option.name, RATE_MAX))
            rate = dice.between(0.0, most)
            drawn[option.name] = rate if dice.chance(share) else 0.0
    for name, most in APART.items():
        rate = apart.between(0.0, most)
        drawn[name] = rate if apart.chance(APART_SHARE) else 0.0
    installs = apart.between(0.0, INSTALLS_MAX)
    drawn["installs"] = installs if apart.chance(MIXED_SHARE) else 0.0
    retimings = apart.between(0.0, RETIMINGS_MAX)
    drawn["retimings"] = retimings if apart.chance(MIXED_SHARE) else 0.0
    dead = apart.between(0.0, DEAD_RESOLVERS_MAX)
    drawn["dead_resolvers"] = dead if apart.chance(DEAD_RESOLVERS_SHARE) else 0.0
    return Faults(
        delay_s_max=dice.pick(DELAYS_S),
        heavy_tail=dice.chance(0.3),
        files=dice.chance(0.5),
        **drawn,
    )
