"""Plans the faults and operator actions of a seed, and their times."""

from collections.abc import Callable

from attrs import define, evolve, field

from qutrio.core.election.engines import ENGINES as KNOWN
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.model.levels import LEVEL, LEVEL_UNSAID
from qutrio.sim.dice import Dice
from qutrio.sim.disk import Trouble
from qutrio.sim.engine_settings import with_engine
from qutrio.sim.faults import environment, machines, network, operator_actions
from qutrio.sim.faults.leadership import MoveRole, Rely, Retime, Switch
from qutrio.sim.faults.operator_errors import CHAINS, Burst, Mistake, OperatorError
from qutrio.sim.faults.union import PlannedFault
from qutrio.sim.initial_states import WEB, node_ids
from qutrio.sim.link_selection import ChosenLinks, Pairs
from qutrio.sim.options import Fault, Faults
from qutrio.sim.tampering import Manner

ADDS_PER_S = 0.2
STATUS_PER_S = 0.02
OUTAGES_PER_S = 0.02
"""The minimum rate: without outages no notice would be sent."""
DOWN_S = (0.1, 2.0, 6.0, 20.0)
AFTER_MAX = 40
"""A countdown lasts for at most this many steps and effects."""
WALL_OFF_S_MAX: Seconds = 40_000.0
CLOGGED_S_MAX: Seconds = 12.0
ASLEEP_S_MAX: Seconds = 12.0
INTERVALS_S = (5.0, 10.0, 20.0)
TIMEOUTS_S = (5.0, 10.0)
HEARTBEATS_S = (0.5, 1.0, 1.2)
DEAD_AFTERS_S = (3.6, 4.0, 6.0)
COOLDOWNS_S = (2.0, 10.0)
CONFIRMATIONS_S = (0.0, 1.0, 3.0)
UNKNOWN_ENGINE = "nobody-knows-it"
SAME_ENGINE_SHARE = 0.75
NEAR_S: Seconds = 0.6
"""How close to a change of the engine a node crashes, if one does."""
RETIMED_S_MAX: Seconds = 1.5
"""The longest time until a master that changed timers is cut off: then most nodes have them."""
DEAD_RESOLVER_S = (20.0, 60.0, 150.0)
PROGRAMS_MAX = 3
HESITATES_S_MAX: Seconds = 5.0


@define
class Planner:
    """Fills a list with planned faults, drawn from one `Dice`."""

    dice: Dice
    faults: Faults
    nodes: list[NodeId]
    until: Seconds
    settings: Settings = Settings()
    plan: list[PlannedFault] = field(factory=list)

    def all(self) -> tuple[PlannedFault, ...]:
        """Return everything that happens, in order of time."""
        self._membership()
        self._machines()
        self._disks()
        self._cuts()
        self._links()
        self._environment()
        self._operator_actions()
        self._leadership()
        self._cuts_after_delivery()
        self._retimings()
        self._dead_resolvers()
        return tuple(sorted(self.plan, key=lambda planned: planned.at))

    def _each(self, rate: float, make: Callable[[Seconds], PlannedFault]) -> None:
        for at in self.dice.times(rate, self.until):
            self.plan.append(make(at))

    def _node(self) -> NodeId:
        return self.dice.pick(self.nodes)

    def _down_s(self) -> Seconds:
        return self.dice.pick(DOWN_S)

    def _asleep_s(self) -> Seconds:
        return self.dice.between(0.5, ASLEEP_S_MAX)

    def _long_s(self) -> Seconds:
        return self.dice.between(5, 60)

    def _after(self) -> int:
        return 1 + self.dice.below(AFTER_MAX)

    # --- the kinds --------------------------------------------------------------------------

    def _membership(self) -> None:
        dice, faults, node = self.dice, self.faults, self._node
        for number, at in enumerate(dice.times(faults.joins, self.until)):
            ident = NodeId(f"{dice.pick('mo')}{number:02d}")  # below or above the first ones
            self.plan.append(operator_actions.Join(at=at, via=node(), node=ident))
            self.nodes.append(ident)
        self._each(
            faults.removals, lambda at: operator_actions.Dismiss(at=at, via=node(), node=node())
        )
        for at in dice.times(faults.enrolments_again, self.until):
            again, left = node(), dice.between(1.0, 20.0)
            self.plan.append(operator_actions.Dismiss(at=at, via=node(), node=again))
            self.plan.append(operator_actions.JoinAgain(at=at + left, via=node(), node=again))

    def _machines(self) -> None:
        dice, faults, node = self.dice, self.faults, self._node
        self._each(
            faults.crashes, lambda at: machines.Crash(at=at, node=node(), down_s=self._down_s())
        )
        self._each(
            faults.power_losses,
            lambda at: machines.Crash(at=at, node=node(), down_s=self._down_s(), power_cut=True),
        )
        self._each(
            faults.crash_in_batch,
            lambda at: machines.Crash(
                at=at,
                node=node(),
                down_s=self._down_s(),
                power_cut=dice.chance(0.7),
                after=self._after(),
            ),
        )
        self._each(
            faults.restarts, lambda at: machines.Restart(at=at, node=node(), down_s=self._down_s())
        )
        for at in dice.times(faults.installs, self.until) if faults.installs else ():
            level, down_s = dice.pick((LEVEL_UNSAID, LEVEL, LEVEL)), self._down_s()
            self.plan.append(machines.Install(at=at, node=node(), level=level, down_s=down_s))
        self._each(
            faults.suspends, lambda at: machines.Suspend(at=at, node=node(), for_s=self._asleep_s())
        )
        self._each(
            faults.suspend_in_batch,
            lambda at: machines.Suspend(
                at=at, node=node(), for_s=self._asleep_s(), after=self._after()
            ),
        )
        self._each(
            faults.wall_jumps,
            lambda at: machines.WallJump(
                at=at, node=node(), by_s=dice.between(-WALL_OFF_S_MAX, WALL_OFF_S_MAX)
            ),
        )
        for at in dice.times(faults.blackouts, self.until):
            self.plan += [
                machines.Crash(
                    at=at + dice.between(0.0, 0.01),
                    node=name,
                    down_s=self._down_s(),
                    power_cut=True,
                )
                for name in self.nodes
            ]

    def _disks(self) -> None:
        dice, faults, node = self.dice, self.faults, self._node
        self._each(
            faults.disk_errors,
            lambda at: machines.DiskTrouble(
                at=at, node=node(), trouble=dice.pick(tuple(Trouble)), for_s=dice.between(0.5, 20)
            ),
        )
        self._each(
            faults.disk_stalls,
            lambda at: machines.DiskStall(at=at, node=node(), for_s=dice.between(0.1, 9)),
        )

    def _cuts(self) -> None:
        dice, faults, links = self.dice, self.faults, ChosenLinks(self.dice, self.nodes)

        def cut(how: Fault, rate: float, pairs: Callable[[], Pairs]) -> None:
            self._each(
                rate,
                lambda at: network.Cut(
                    at=at,
                    how=how,
                    pairs=pairs(),
                    for_s=dice.between(1, 30),
                    relink=dice.chance(0.5),
                ),
            )

        cut(Fault.PARTITION, faults.cuts, links.halves)
        cut(Fault.ONE_WAY_CUT, faults.one_way_cuts, links.directions)
        cut(Fault.PARTIAL_CUT, faults.partial_cuts, links.some)
        cut(Fault.BRIDGE, faults.bridges, links.bridge)
        cut(Fault.FOREIGN_PROTOCOL, faults.foreign_protocols, links.stranger)
        for at in dice.times(faults.link_flaps, self.until):
            one, other = self._node(), self._node()
            for turn in range(2 + dice.below(5)):
                period = dice.between(0.5, 6.0)
                self.plan.append(
                    network.Cut(
                        at=at + turn * period,
                        how=Fault.LINK_FLAP,
                        pairs=((one, other), (other, one)),
                        for_s=period * 0.6,
                        relink=True,
                    )
                )

    def _links(self) -> None:
        dice, faults = self.dice, self.faults
        self._each(
            faults.slow_links,
            lambda at: network.Slow(
                at=at,
                pairs=ChosenLinks(self.dice, self.nodes).some(),
                added_s=dice.heavy(0.3, 3.0),
                for_s=dice.between(2, 30),
            ),
        )
        for at in dice.times(faults.swizzles, self.until):
            victims = dice.shuffled(dice.some(self.nodes) or self.nodes[:1])
            length, count = dice.between(2.0, CLOGGED_S_MAX), len(victims)
            freed = dice.shuffled(range(count))
            for order, name in enumerate(victims):
                begin, end = at + length * order / (2 * count), at + length / 2
                end += length * (1 + freed[order]) / (2 * count)
                self.plan.append(network.Clog(at=begin, node=name, for_s=end - begin))
        self._each(faults.lies, lambda at: network.Lie(at=at, node=self._node()))
        for at in dice.times(faults.term_floods, self.until):
            self.plan.append(network.TermFlood(at=at, node=self._node(), for_s=dice.between(1, 9)))
        self._odd(faults.odd_kinds, Manner.NEWER_KIND)
        self._odd(faults.odd_fields, Manner.NEWER_FIELD)
        self._odd(faults.garbage, Manner.GARBAGE)
        self._odd(faults.replays, Manner.REPLAY)

    def _odd(self, rate: float, manner: Manner) -> None:
        odd, node, span = network.Odd, self._node, self.dice.between
        self._each(rate, lambda at: odd(at=at, node=node(), manner=manner, for_s=span(1, 20)))

    def _environment(self) -> None:
        dice, faults, nodes = self.dice, self.faults, self.nodes

        def seers() -> tuple[NodeId, ...]:
            return tuple(dice.some(nodes)) or (self._node(),)

        outages = max(faults.outages, OUTAGES_PER_S)
        self._each(outages, lambda at: environment.Outage(at=at, check=WEB, for_s=self._long_s()))
        for at in dice.times(faults.flaps, self.until):
            period = dice.between(1.0, 15.0)
            for turn in range(2 + dice.below(4)):
                self.plan.append(
                    environment.Outage(at=at + turn * period, check=WEB, for_s=period / 2)
                )
        self._each(
            faults.lonely_failures,
            lambda at: environment.Outage(at=at, check=WEB, for_s=self._long_s(), nodes=seers()),
        )
        self._each(
            faults.hangs,
            lambda at: environment.Hang(at=at, check=WEB, for_s=self._long_s(), nodes=seers()),
        )
        self._each(
            faults.blindness,
            lambda at: environment.Blind(at=at, node=self._node(), for_s=self._long_s()),
        )
        self._each(
            faults.channel_outages, lambda at: environment.ChannelDown(at=at, for_s=self._long_s())
        )
        self._each(
            faults.channel_delays, lambda at: environment.ChannelSlow(at=at, for_s=self._long_s())
        )
        self._each(
            faults.channel_deaths, lambda at: environment.ChannelMute(at=at, for_s=self._long_s())
        )
        self._each(
            faults.deaths_after_delivery,
            lambda at: machines.DieAfterDelivery(at=at, down_s=dice.pick(DOWN_S)),
        )
        self._each(
            faults.sleeps_before_sending,
            lambda at: machines.SleepBeforeSending(at=at, for_s=self._asleep_s()),
        )

    def _operator_actions(self) -> None:
        dice, faults, node = self.dice, self.faults, self._node

        def edit(at: Seconds) -> PlannedFault:
            if dice.chance(0.3):
                return operator_actions.Scratch(at=at, via=node(), name=f"s{dice.below(3)}")
            return operator_actions.Edit(
                at=at,
                via=node(),
                check=WEB,
                interval_s=dice.pick(INTERVALS_S),
                timeout_s=dice.pick(TIMEOUTS_S),
                enabled=dice.chance(0.8),
            )

        def tune(at: Seconds) -> PlannedFault:
            same = dice.chance(SAME_ENGINE_SHARE)
            settings = evolve(
                self.settings,
                engine=self.settings.engine if same else UNKNOWN_ENGINE,
                heartbeat_s=dice.pick(HEARTBEATS_S),
                dead_after_s=dice.pick(DEAD_AFTERS_S),
                master_cooldown_s=dice.pick(COOLDOWNS_S),
                confirm_after_s=dice.pick(CONFIRMATIONS_S),
            )
            return operator_actions.Tune(at=at, via=node(), settings=settings)

        self._each(
            ADDS_PER_S, lambda at: operator_actions.Add(at=at, via=node(), label=f"c{at:.6f}")
        )
        self._each(STATUS_PER_S, lambda at: operator_actions.AskStatus(at=at, via=node()))
        self._each(faults.edits, edit)
        self._each(
            faults.bursts,
            lambda at: Burst(at=at, via=node(), label=f"b{at:.6f}", count=4 + dice.below(6)),
        )
        for at in dice.times(faults.operator_errors, self.until):
            for turn in range(1 + dice.below(8)):
                moment = at + turn * dice.between(0.0, 3.0)
                mistake = dice.pick(tuple(Mistake))
                self.plan.append(OperatorError(at=moment, via=node(), mistake=mistake))
            for mistake, after_s in dice.pick(CHAINS):
                self.plan.append(OperatorError(at=at + after_s, via=node(), mistake=mistake))
        self._each(faults.settings, tune)
        self._each(
            faults.channels,
            lambda at: operator_actions.Attach(at=at, via=node(), name=f"k{dice.below(2)}"),
        )
        self._each(
            faults.hand_edits,
            lambda at: operator_actions.HandEdit(
                at=at, via=node(), label=f"h{at:.6f}", back=dice.below(4)
            ),
        )

    def _leadership(self) -> None:
        dice, faults, node = self.dice, self.faults, self._node
        for at in dice.times(faults.switches, self.until):
            settings = with_engine(self.settings, dice.pick(KNOWN), dice)
            self.plan.append(Switch(at=at, via=node(), settings=settings))
            near = max(0.0, at + dice.between(-NEAR_S, NEAR_S))
            crash = machines.Crash(at=near, node=node(), down_s=self._down_s())
            self.plan += [crash] if dice.chance(0.5) else []
        self._each(
            faults.yields,
            lambda at: MoveRole(at=at, via=node(), to=node() if dice.chance(0.5) else None),
        )
        self._each(
            faults.tenancies,
            lambda at: Rely(
                at=at,
                node=node(),
                programs=1 + dice.below(PROGRAMS_MAX),
                for_s=self._long_s(),
                hesitates_s=dice.between(0.0, HESITATES_S_MAX),
            ),
        )

    def _cuts_after_delivery(self) -> None:
        for at in self.dice.times(self.faults.cuts_after_delivery, self.until):
            down_s, cut_s, more_s = map(self.dice.between, (2.0, 5.0, 5.0), (15.0, 30.0, 20.0))
            silent_s = down_s + more_s
            self.plan.append(environment.Outage(at=at, check=WEB, for_s=down_s))
            self.plan.append(environment.ChannelDown(at=at, for_s=silent_s))
            self.plan.append(network.CutOffAfterDelivery(at=at + silent_s, for_s=cut_s))

    def _retimings(self) -> None:
        """Plan changes that make grants longer and shorter in turn, under various engines."""
        dice, nodes = self.dice, self.nodes
        for turn, at in enumerate(dice.times(self.faults.retimings, self.until)):
            engine = self.settings.engine if dice.chance(0.5) else dice.pick(KNOWN)
            settings = evolve(
                with_engine(self.settings, engine, dice),
                heartbeat_s=HEARTBEATS_S[0],
                dead_after_s=max(DEAD_AFTERS_S) if turn % 2 == 0 else min(DEAD_AFTERS_S),
            )
            planned = Retime(
                at=at,
                settings=settings,
                after_s=dice.between(0.0, RETIMED_S_MAX),
                for_s=self._asleep_s(),
                crashing=tuple(nodes) if dice.chance(0.5) else tuple(dice.some(nodes)),
            )
            self.plan.append(planned)

    def _dead_resolvers(self) -> None:
        self._each(
            self.faults.dead_resolvers,
            lambda at: environment.DeadResolver(at=at, for_s=self.dice.pick(DEAD_RESOLVER_S)),
        )


def plan_faults(
    dice: Dice, size: int, faults: Faults, until: Seconds, settings: Settings = Settings()
) -> tuple[PlannedFault, ...]:
    """Return what happens to a cluster of `size` nodes until the time `until`."""
    return Planner(dice, faults, node_ids(size), until, settings).all()
