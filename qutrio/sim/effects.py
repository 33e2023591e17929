"""Performs the effects of simulated nodes."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, assert_never

from attrs import define, field

from qutrio.codec.sentences import log_line
from qutrio.codec.wire import decode, encode
from qutrio.core.alerting.delivery import NO_ROOM, too_late
from qutrio.core.api.effects import (
    Effect,
    Journal,
    LogFact,
    Notify,
    Persist,
    Probe,
    Reply,
    ReportRole,
    Send,
    StatusReply,
    replies_after_failure,
)
from qutrio.core.api.events import Observed, PersistFailed
from qutrio.core.api.messages import Heartbeat, Ruling
from qutrio.core.election.engine_messages import VoteRequest, VoteResponse
from qutrio.core.election.engines import CLAIMS
from qutrio.errors import PeerError
from qutrio.model.ids import Seconds, UnixTime
from qutrio.peers.reading import read_frame
from qutrio.sim.disk import error_of
from qutrio.sim.host import Saving
from qutrio.sim.hostile_member import another_acts, may_lie
from qutrio.sim.initial_states import EPOCH
from qutrio.sim.options import Fault
from qutrio.storage.save_plan import leftovers, obsolete, saving

if TYPE_CHECKING:
    from collections.abc import Callable

    from qutrio.core.api.messages import Message
    from qutrio.model.ids import CheckId, NodeId
    from qutrio.model.stable import Stable
    from qutrio.sim.channels import AttemptOutcome
    from qutrio.sim.disk import Trouble
    from qutrio.sim.host import Host
    from qutrio.sim.interface import SimulatedWorld
    from qutrio.sim.links import Links

FRAMES_REMEMBERED = 256
FLOOD_EVERY_S: Seconds = 0.02
ORDER_WAITS_S_MAX: Seconds = 0.01


@define(eq=False)
class SimulatedEffectHandler:
    """Performs the effects of each batch in order, as the real driver and edges do."""

    world: SimulatedWorld
    links: Links
    _last_message: Message | None = None
    _last_frame: bytes = b""
    _read: Callable[[bytes], Message | None] = field(
        factory=lambda: lru_cache(maxsize=FRAMES_REMEMBERED)(decode)
    )
    """Decodes a frame once for all receivers: messages are immutable values."""

    def perform(self, host: Host, effect: Effect) -> None:
        """Perform one effect."""
        world = self.world
        if world.observer is not None:
            world.observer.on_effect(host.name, effect)
        if isinstance(effect, Send):
            self._send(host, effect.to, effect.message)
            return
        match effect:
            case Persist(stable):
                self._persist(host, stable)
            case Probe(checks):
                for check in checks:
                    self.probe(host, check)
            case Notify():
                self._notify(host, effect)
            case Reply():
                self._reply(effect)
            case LogFact(fact):
                what, details = log_line(fact)
                world.notes.append(f"{world.true:.3f} {host.name} {what} {details}")
            case StatusReply() | Journal() | ReportRole():
                return  # not simulated
            case _:
                assert_never(effect)

    # --- the disk ---------------------------------------------------------------------------

    def _persist(self, host: Host, stable: Stable) -> None:
        if host.folder is not None:
            plan = saving(stable, host.kept)
            host.saving = Saving(deque(plan.steps), stable, plan.kept)
            return
        trouble = host.trouble(self.world.true)
        if trouble is not None:
            self._refuse(host, trouble)
        elif not self._stalls(host):
            host.disk = stable
        else:
            host.saving = Saving(deque(), stable, {})

    def continue_save(self, host: Host, under_way: Saving) -> None:
        """Perform the next step of a save, or finish it."""
        if self._stalls(host):
            return
        folder, steps = host.folder, under_way.steps
        if folder is not None and steps:
            step, trouble = steps.popleft(), host.trouble(self.world.true)
            try:
                folder.step(step, trouble)
            except OSError:
                self._abandon(host, under_way, trouble)
            return
        host.saving = None
        if under_way.stable is not None:
            host.disk, host.kept = under_way.stable, under_way.kept
            if folder is not None and (gone := obsolete(folder.names(), host.kept)):
                host.saving = Saving(deque(gone), None, host.kept)

    def _abandon(self, host: Host, under_way: Saving, trouble: Trouble | None) -> None:
        assert host.folder is not None
        assert trouble is not None
        host.saving = None
        if under_way.stable is None:
            return  # the next save removes what is obsolete
        plan = saving(under_way.stable, host.kept)
        for left in leftovers(plan.steps):
            try:
                host.folder.step(left, trouble)
            except OSError:
                continue
        self._refuse(host, trouble)

    def _refuse(self, host: Host, trouble: Trouble) -> None:
        self.world.struck[Fault(f"disk {trouble.value}")] += 1
        answers = replies_after_failure(host.batch)
        host.batch.clear()
        host.batch.extend(answers)
        self.world.invariants.trouble(self.world.true)
        host.backlog.appendleft(PersistFailed(str(error_of(trouble)), host.disk))

    def _stalls(self, host: Host) -> bool:
        stall, host.disk_stalls_s = host.disk_stalls_s, 0.0
        if not stall:
            return False
        world = self.world
        world.struck[Fault.DISK_STALL] += 1
        host.stalled, life = True, host.life
        world.invariants.trouble(world.true + stall)
        world.at(world.true + stall, host.name, lambda: world.wake(host, life))
        return True

    # --- the links --------------------------------------------------------------------------

    def _send(self, host: Host, to: NodeId, message: Message) -> None:
        source = host.name
        if message is not self._last_message:  # a broadcast sends one object to all
            self._last_message, self._last_frame = message, encode(message)
        world, frame = self.world, self._last_frame
        if isinstance(message, VoteRequest | VoteResponse):
            world.invariants.hard_states.on_send(host, to, message, world.true)
        if world.tamperer.recording:
            world.tamperer.record((source, to), frame, world.true)
        hostile_member, hosts = world.hostile_member, world.hosts
        if (
            hostile_member is not None
            and hostile_member.me == source
            and may_lie(hostile_member, hosts)
        ):
            frame = hostile_member.falsify(
                frame, records=another_acts(hostile_member, hosts, world.true)
            )
        if not world.tamperer.manners:
            self._post(source, to, frame)
            return
        frames, oddity = world.tamperer.frames((source, to), frame, world.true)
        if oddity is not None:
            world.struck[Fault(oddity)] += 1
            world.invariants.trouble(world.true)
        for odd in frames:
            self._post(source, to, odd)

    def lie(self) -> None:
        """Let the hostile member send some lies to all peers."""
        world, hostile_member = self.world, self.world.hostile_member
        host = world.hosts.get(hostile_member.me) if hostile_member is not None else None
        if hostile_member is None or host is None or host.node is None or host.node.removed:
            return
        # Without another master, the hostile member may be trusted when the lie arrives.
        trusted = not another_acts(hostile_member, world.hosts, world.true) or not may_lie(
            hostile_member, world.hosts
        )
        world.invariants.lied(world.true)
        for lie in hostile_member.lies(host.node):
            if trusted and not isinstance(lie, (Heartbeat, *CLAIMS)):
                continue  # voters trust the candidate that they granted
            frame = encode(lie)
            for to in host.node.leadership.membership.peers():
                world.struck[Fault.LIE] += 1
                self._post(hostile_member.me, to, frame)

    def flood(self, until: Seconds) -> None:
        """Let the hostile member send ever higher terms to all peers until `until`."""
        world, hostile_member = self.world, self.world.hostile_member
        host = world.hosts.get(hostile_member.me) if hostile_member is not None else None
        if hostile_member is None or world.true > until:
            return
        if host is not None and host.node is not None and not host.node.removed:
            now, wall = host.clock.at(world.true), UnixTime(EPOCH + world.true)
            for to in host.node.leadership.membership.peers():
                world.struck[Fault.TERM_FLOOD] += 1
                self._post(
                    hostile_member.me, to, encode(hostile_member.higher(host.node, now, wall))
                )
        world.at(world.true + FLOOD_EVERY_S, hostile_member.me, lambda: self.flood(until))

    def _post(self, source: NodeId, to: NodeId, frame: bytes) -> None:
        world = self.world
        for moment in world.network.arrivals(source, to, world.true):
            world.at(moment, to, lambda: self._arrive(source, to, frame))

    def _arrive(self, source: NodeId, to: NodeId, data: bytes) -> None:
        world = self.world
        host = world.hosts.get(to)
        if host is None:
            return  # it was admitted, but its machine never started
        if world.network.is_cut(source, to, world.true):
            world.invariants.trouble(world.true)
            return
        if source in world.hosts and self.links.too_old(world.hosts[source], host):
            world.struck[Fault.TOO_OLD_TO_LINK] += 1
            world.invariants.trouble(world.true)
            return
        try:
            event = read_frame(source, data, self._read)
        except PeerError:
            self.links.end(source, to)
            return
        if event is not None:
            if world.faults.installs:
                world.invariants.levels.on_receive(host, event.message, world.true)
            world.post(host, event)

    # --- the channels -----------------------------------------------------------------------

    def _notify(self, host: Host, order: Notify) -> None:
        world, life = self.world, host.life
        refusals = world.network.faults.orders_refused
        if refusals and world.channels.dice.chance(refusals):
            world.struck[Fault.ORDER_REFUSED] += 1
            self._report(host, life, order, delivered=False, detail=NO_ROOM)
            return
        waits = world.channels.dice.between(0.0, ORDER_WAITS_S_MAX)
        world.at(world.true + waits, host.name, lambda: self._attempt(host, life, order))

    def _attempt(self, host: Host, life: int, order: Notify) -> None:
        """Check again that the node may send this, and begin."""
        world = self.world
        if host.life != life or host.node is None:
            return
        if world.true < host.suspended_until:
            again = host.suspended_until
            world.at(again, host.name, lambda: self._attempt(host, life, order))
            return
        now = host.clock.at(world.true)
        if problem := too_late(order, host.node.view(now), now):
            self._report(host, life, order, delivered=False, detail=problem)
            return
        begun, channel = world.true, order.delivery.channel
        outcome = world.channels.attempt(begun, channel)
        if outcome.delivered is not outcome.confirmed:
            world.invariants.trouble(begun + outcome.takes_s)
        asleep_s, world.sleeps_before_sending_s = world.sleeps_before_sending_s, 0.0
        if asleep_s:
            world.suspend(host.name, asleep_s)
        end = begun + outcome.takes_s
        world.at(end, host.name, lambda: self._ended(host, life, order, outcome, begun))

    def _ended(
        self, host: Host, life: int, order: Notify, outcome: AttemptOutcome, begun: Seconds
    ) -> None:
        world, delivery = self.world, order.delivery
        asleep = host.life == life and world.true < host.suspended_until
        if asleep and world.channels.dice.chance(0.5):  # it had not been sent yet
            world.struck[Fault.SUSPEND_BEFORE_SENDING] += 1
            again = host.suspended_until
            world.at(again, host.name, lambda: self._ended(host, life, order, outcome, begun))
            return
        if outcome.delivered:
            world.invariants.delivered(world.hosts, delivery, begun, world.true)
            world.log(host.name, f"delivered {delivery.notice.id}")
            if not order.delegated and host.life == life and host.acting(world.true):
                world.network.cut_off_after_delivery(host.name, world.hosts, world.true)
        if world.observer is not None:
            world.observer.on_attempt(host.name, delivery, delivered=outcome.delivered)
        down_s, world.dies_after_delivery_s = world.dies_after_delivery_s, 0.0
        if down_s and host.life == life and outcome.delivered:
            world.struck[Fault.CRASH_BETWEEN_SENT_AND_MARKED] += 1
            world.crash(host.name, down_s)
        self._report(host, life, order, delivered=outcome.confirmed, detail="simulated")

    def _report(
        self, host: Host, life: int, order: Notify, *, delivered: bool, detail: str
    ) -> None:
        if host.life == life:
            self.world.post(host, order.ended(delivered=delivered, detail=detail))

    # --- the targets ------------------------------------------------------------------------

    def probe(self, host: Host, ident: CheckId) -> None:
        """Begin a probe of a check that the node knows."""
        world, life = self.world, host.life
        assert host.node is not None
        checks = host.node.register.committed.document.checks
        check = next((c for c in checks if c.id == ident), None)
        if check is None:
            return
        result, takes_s = world.targets.probe(host.name, check, world.true)

        def ended() -> None:
            if host.life == life:
                world.invariants.probed(host.name, result, world.true)
                if world.observer is not None:
                    world.observer.on_probe(host.name)
                world.post(host, Observed(result))

        world.at(world.true + takes_s, host.name, ended)

    # --- the operators ----------------------------------------------------------------------

    def _reply(self, reply: Reply) -> None:
        world = self.world
        world.invariants.answered(reply)
        asked = world.requests.pop(reply.request)
        world.rulings[reply.ruling.value] += 1
        world.log(asked.by, f"answered {asked.label} {reply.ruling.value}")
        if asked.label and reply.ruling is Ruling.COMMITTED:
            world.invariants.acknowledged.add(asked.label)
        elif asked.label and reply.ruling is Ruling.REFUSED:
            world.invariants.refused.add(asked.label)
        if asked.then is not None and reply.ruling is Ruling.COMMITTED:
            world.at(world.true, asked.by, asked.then)
