"""Each kind of fault and action, on its own, has the effect that its name says."""

import pytest

from qutrio.core.api.effects import Effect, Notify, Persist
from qutrio.model.document import Settings
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.model.incidents import Delivery
from qutrio.sim.disk import Trouble
from qutrio.sim.faults.environment import ChannelMute, Outage
from qutrio.sim.faults.leadership import Retime
from qutrio.sim.faults.machines import (
    Crash,
    DieAfterDelivery,
    DiskTrouble,
    Restart,
    SleepBeforeSending,
    Suspend,
    WallJump,
)
from qutrio.sim.faults.network import Clog, Cut, CutOffAfterDelivery, Odd
from qutrio.sim.faults.operator_actions import Add, AskStatus, Dismiss, HandEdit, JoinAgain
from qutrio.sim.faults.operator_errors import Burst, Mistake, OperatorError
from qutrio.sim.faults.union import PlannedFault
from qutrio.sim.initial_states import WEB
from qutrio.sim.options import Fault, Faults
from qutrio.sim.tampering import Manner
from qutrio.sim.world import World

N0, N1, N2 = NodeId("n00"), NodeId("n01"), NodeId("n02")


def played(*planned_faults: PlannedFault, until: Seconds, faults: Faults = Faults()) -> World:
    """Return a world of three nodes in which these faults struck."""
    world = World(11, 3, faults)
    for planned in planned_faults:
        world.at(planned.at, N0, lambda h=planned: h.apply(world))  # type: ignore[misc]
    world.run(until)
    return world


class Watcher:
    """Records the effects of one kind, with their times and nodes."""

    def __init__(self, world: World, kind: type[Effect]) -> None:
        self.world, self.kind = world, kind
        self.performed: list[tuple[Seconds, NodeId]] = []
        world.observer = self

    def on_effect(self, name: NodeId, effect: Effect) -> None:
        if isinstance(effect, self.kind):
            self.performed.append((self.world.true, name))

    def on_probe(self, name: NodeId) -> None: ...

    def on_attempt(self, name: NodeId, delivery: Delivery, *, delivered: bool) -> None: ...

    def on_event(self, name: NodeId) -> None: ...


# --- machines -------------------------------------------------------------------------------


def test_a_crash_can_strike_between_any_two_effects() -> None:
    down = []
    for after in range(1, 25):
        world = played(
            Crash(at=5.0, node=N1, down_s=100.0, after=after), until=8.0, faults=Faults(files=True)
        )
        assert world.struck[Fault.CRASH_BETWEEN_EFFECTS] == 1
        assert world.hosts[N1].node is None
        down.append(world.trace)
    assert len(set(down)) > 20, "each of them strikes at another place"


@pytest.mark.parametrize("after", range(1, 60, 3))
def test_power_lost_within_a_saving_leaves_a_node_that_starts_and_catches_up(after: int) -> None:
    actions = [Add(at=6.0 + n / 10, via=N0, label=f"c{n}") for n in range(5)]
    crash = Crash(at=6.0, node=N0, down_s=2.0, power_cut=True, after=after)
    world = played(crash, *actions, until=40.0, faults=Faults(files=True))
    assert world.struck[Fault.POWER_LOSS] == 1
    world.invariants.quiet(world.hosts, world.true)


def test_a_suspended_node_does_nothing_and_then_the_rest_of_its_batch() -> None:
    world = World(11, 3)
    watcher = Watcher(world, Persist)
    for action in (Suspend(at=6.0, node=N1, for_s=5.0, after=1), Add(at=6.0, via=N0, label="c")):
        world.at(action.at, N0, lambda a=action: a.apply(world))  # type: ignore[misc]
    world.run(20.0)
    assert [at for at, name in watcher.performed if name == N1 and 6.5 < at < 11.0] == []
    assert world.struck[Fault.SUSPEND_BETWEEN_EFFECTS] == 1
    world.invariants.quiet(world.hosts, world.true)


def test_a_restart_hands_the_role_over_before_the_node_is_gone() -> None:
    world = played(Restart(at=6.0, node=N0, down_s=30.0), until=6.5)
    assert world.hosts[N0].node is None
    assert world.hosts[N1].acting(world.true)


def test_a_wall_clock_that_jumps_changes_no_vote() -> None:
    world = played(WallJump(at=6.0, node=N2, by_s=-30_000.0), until=30.0)
    world.invariants.quiet(world.hosts, world.true)
    assert any("wall clocks differ" in note for note in world.notes)


@pytest.mark.parametrize("files", [False, True])
@pytest.mark.parametrize("trouble", list(Trouble))
def test_a_master_whose_disk_fails_gives_the_role_up(trouble: Trouble, files: bool) -> None:
    failing = DiskTrouble(at=6.0, node=N0, trouble=trouble, for_s=10.0)
    action = Add(at=7.0, via=N1, label="c")
    world = played(failing, action, until=9.0, faults=Faults(files=files))
    assert world.struck[Fault(f"disk {trouble.value}")] >= 1
    assert not world.hosts[N0].acting(world.true)
    world.run(60.0)
    world.invariants.quiet(world.hosts, world.true)


# --- links ----------------------------------------------------------------------------------


def test_a_bridge_keeps_one_master_for_both_sides() -> None:
    bridge = Cut(at=6.0, how=Fault.BRIDGE, pairs=((N0, N2), (N2, N0)), for_s=20.0)
    world = played(bridge, until=20.0)
    assert [n for n, h in world.hosts.items() if h.acting(world.true)] == [N0]


def test_garbage_ends_the_link_and_the_node_lives_on() -> None:
    world = played(Odd(at=6.0, node=N1, manner=Manner.GARBAGE, for_s=5.0), until=30.0)
    assert world.struck[Fault.GARBAGE] > 2
    world.invariants.quiet(world.hosts, world.true)


def test_what_was_clogged_arrives_at_the_end() -> None:
    world = played(Clog(at=6.0, node=N2, for_s=9.0), until=14.9)
    behind = world.hosts[N2].node
    assert behind is not None
    assert not behind.leadership.membership.sees_majority(world.hosts[N2].clock.at(world.true))
    world.run(25.0)
    world.invariants.quiet(world.hosts, world.true)


# --- pages ----------------------------------------------------------------------------------


def test_a_master_that_dies_between_sending_and_marking_pages_twice_under_one_id() -> None:
    outage = Outage(at=6.0, check=WEB, for_s=60.0)
    world = played(outage, DieAfterDelivery(at=6.0, down_s=1.0), until=50.0)
    assert world.struck[Fault.CRASH_BETWEEN_SENT_AND_MARKED] == 1
    assert list(world.invariants.announced.values()) == [2]


def test_a_channel_that_takes_a_page_and_dies_is_tried_again() -> None:
    outage, mute = Outage(at=6.0, check=WEB, for_s=90.0), ChannelMute(at=6.0, for_s=20.0)
    world = played(outage, mute, until=60.0)
    (times,) = world.invariants.announced.values()
    assert times >= 2
    assert world.struck[Fault.CHANNEL_ACCEPTS_AND_DIES] == times - 1


def test_a_master_that_is_suspended_before_sending_is_replaced_and_the_page_is_sent() -> None:
    world = World(11, 3)
    watcher = Watcher(world, Notify)
    for action in (Outage(at=6.0, check=WEB, for_s=60.0), SleepBeforeSending(at=6.0, for_s=12.0)):
        world.at(action.at, N0, lambda a=action: a.apply(world))  # type: ignore[misc]
    world.run(55.0)
    assert {name for _, name in watcher.performed} == {N0, N1}
    assert list(world.invariants.announced) == [("web-1.down", "hook")]


# --- operators ------------------------------------------------------------------------------


def test_a_node_that_was_removed_joins_again_and_gets_its_vote() -> None:
    world = played(
        Dismiss(at=6.0, via=N1, node=N2), JoinAgain(at=12.0, via=N1, node=N2), until=11.0
    )
    gone = world.hosts[N2].node
    assert gone is not None
    assert gone.removed
    world.run(30.0)
    assert world.struck[Fault.RE_ENROLMENT] == 1
    world.invariants.quiet(world.hosts, world.true)
    back = world.hosts[N2].node
    assert back is not None
    assert back.register.committed.document.voters == {N0, N1, N2}


def test_a_hand_edit_of_the_shown_document_is_committed_and_a_stale_one_is_refused() -> None:
    fresh = HandEdit(at=12.0, via=N1, label="fresh", back=0)
    stale = HandEdit(at=25.0, via=N1, label="stale", back=1)
    world = played(fresh, stale, until=30.0)
    assert world.rulings == {"committed": 1, "refused": 1}
    node = world.hosts[N2].node
    assert node is not None
    names = {c.name for c in node.register.committed.document.checks}
    assert names == {"web", "fresh"}


def test_every_mistake_is_survived_and_most_are_refused() -> None:
    operator_errors = [
        OperatorError(at=6.0 + n / 2, via=N1, mistake=mistake) for n, mistake in enumerate(Mistake)
    ]
    world = played(*operator_errors, until=40.0)
    assert world.struck[Fault.MISTAKE] > len(Mistake) - 4
    assert world.rulings["refused"] > len(Mistake) // 2
    world.invariants.quiet(world.hosts, world.true)


def test_a_burst_and_a_look_are_answered() -> None:
    world = played(Burst(at=6.0, via=N2, label="b", count=9), AskStatus(at=7.0, via=N0), until=12.0)
    assert world.rulings == {"committed": 9}
    node = world.hosts[N1].node
    assert node is not None
    assert len(node.register.committed.document.checks) == 10
    assert CheckId("z-b-8") in {c.id for c in node.register.committed.document.checks}


def test_a_master_that_has_just_paged_can_lose_its_peers_and_keep_its_channels() -> None:
    outage = Outage(at=6.0, check=WEB, for_s=60.0)
    world = played(outage, CutOffAfterDelivery(at=6.0, for_s=20.0), until=30.0)
    assert world.struck[Fault.CUT_OFF_AFTER_DELIVERY] == 1
    assert [n for n, h in world.hosts.items() if h.acting(world.true)] == [N1]
    assert list(world.invariants.announced.values()) == [2], "only the first one knew of it"


# --- timers ---------------------------------------------------------------------------------


def test_a_master_is_cut_off_and_others_die_once_longer_grants_are_committed() -> None:
    long = Settings(dead_after_s=6.0)
    world = played(
        Retime(at=8.0, settings=long, after_s=0.5, for_s=20.0, crashing=(N0, N1)), until=8.4
    )
    assert world.struck[Fault.CUT_OFF_AFTER_RETIMING] == 0
    world.run(9.0)
    assert world.struck[Fault.CUT_OFF_AFTER_RETIMING] == 1
    assert world.struck[Fault.CRASH] == 1, "the master itself lives on"
    world.run(60.0)
    assert {h.node and h.node.leadership.settings.dead_after_s for h in world.hosts.values()} == {
        6.0
    }
    world.invariants.quiet(world.hosts, world.true)


def test_timers_stay_as_they_are_without_a_master() -> None:
    retime = Retime(at=0.0, settings=Settings(dead_after_s=6.0), after_s=0.0, for_s=1.0)
    world = played(retime, until=20.0)
    assert world.struck[Fault.CUT_OFF_AFTER_RETIMING] == 0
