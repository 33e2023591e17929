"""A whole cluster in one thread: seeded, single-stepped, replayable.

Every message goes through the real codec, and every save through the real save plan.  Nodes see
only their own clocks; the world keeps true time.  The modules `network`, `disk`, `targets`,
`channels` and `tampering` simulate faults; a schedule says which faults strike, and when.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count
from typing import Any

from attrs import define, field

from qutrio.core.api.events import Event, Inspected, Proposed, Stop, Tick
from qutrio.core.api.mutations import Mutation
from qutrio.core.limits import Limits
from qutrio.errors import InvalidDocumentError
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import CheckId, NodeId, RequestId, Seconds, UnixTime
from qutrio.model.incidents import Ledger
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.sim import operators
from qutrio.sim.channels import Channels
from qutrio.sim.dice import Dice, generator
from qutrio.sim.disk import Folder
from qutrio.sim.effects import SimulatedEffectHandler
from qutrio.sim.host import Clock, Countdown, Host
from qutrio.sim.hostile_member import HostileMember
from qutrio.sim.initial_states import EPOCH, first_document
from qutrio.sim.interface import Asked
from qutrio.sim.invariants import InvariantError, Invariants
from qutrio.sim.links import Links
from qutrio.sim.network import Network
from qutrio.sim.observer import Observer
from qutrio.sim.options import Fault, Faults
from qutrio.sim.programs import Programs
from qutrio.sim.tampering import Tamperer
from qutrio.sim.targets import Targets
from qutrio.sim.tenants import Tenants

PROBE_PERIOD_S: Seconds = 10.0
PROBED_MAX = 3
"""How many checks each node probes: the first of the document, in order of their ids."""
STOPPING_S: Seconds = 0.05
Action = Callable[[], None]


@define
class World:
    """Nodes, a lossy network, targets, channels and operators, all driven by one seed."""

    seed: int
    size: int
    faults: Faults = Faults()
    settings: Settings = Settings()
    limits: Limits = Limits()
    true: Seconds = 0.0
    hosts: dict[NodeId, Host] = field(factory=dict)
    invariants: Invariants = field(factory=Invariants)
    notes: list[str] = field(factory=list)
    events: int = 0
    document: ClusterDocument | None = None
    """The initial document, instead of one made from `size` and `settings`."""
    observer: Observer | None = None
    probing: bool = True
    """Whether nodes probe the first checks periodically; otherwise only `probe` does."""
    story: list[str] | None = None
    """Collects the lines of which `trace` is a digest, if not None."""
    struck: Counter[Fault] = field(factory=Counter)
    """How often each kind of fault took effect."""
    requests: dict[RequestId, Asked] = field(factory=dict)
    """The requests of operators that have no answer yet."""
    dies_after_delivery_s: Seconds = 0.0
    """If not 0, the next machine that delivers a notice crashes at once, for this long."""
    sleeps_before_sending_s: Seconds = 0.0
    """If not 0, the next machine that begins to deliver is suspended at once, for this long."""
    rulings: Counter[str] = field(factory=Counter)
    network: Network = field(init=False)
    tamperer: Tamperer = field(init=False)
    targets: Targets = field(init=False)
    channels: Channels = field(init=False)
    dice: Dice = field(init=False)
    links: Links = field(init=False)
    tenants: Tenants = field(init=False)
    programs: Programs = field(init=False)
    hostile_member: HostileMember | None = None
    handler: SimulatedEffectHandler = field(init=False)
    _trace: Any = field(init=False, factory=sha256)
    _order: Iterator[int] = field(factory=count)
    _agenda: list[tuple[Seconds, int, NodeId, Action]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        seed, struck = self.seed, self.struck
        trouble = self.invariants.trouble
        self.invariants.history.wall_at_zero = EPOCH
        self.invariants.unseen.limits = self.limits
        self.network = Network(Dice(seed, "network"), struck, trouble, self.faults)
        self.tamperer = Tamperer(Dice(seed, "tamperer"), recording=self.faults.replays > 0)
        self.targets = Targets(Dice(seed, "targets"), struck)
        self.channels = Channels(Dice(seed, "channels"), struck)
        self.dice = Dice(seed, "machines")
        self.links = Links(self)
        self.tenants = Tenants(self, Dice(seed, "tenants"))
        self.programs = Programs(self)
        self.handler = SimulatedEffectHandler(self, self.links)
        level = self.programs.first_level
        document = self.document or first_document(self.size, self.settings, level)
        record = Record(Position(), document, Ledger())
        for voter in document.members:
            self.set_up(voter.id, record)
        if self.limits.pending_proposals != Limits().pending_proposals:
            struck[Fault.TIGHT_LIMITS] += 1

    @property
    def trace(self) -> str:
        """A digest of the lines of the trace so far."""
        return str(self._trace.hexdigest())

    # --- time -------------------------------------------------------------------------------

    def at(self, true: Seconds, name: NodeId, action: Action) -> None:
        """Run an action on a host at a true time."""
        heappush(self._agenda, (true, next(self._order), name, action))

    def run(self, until: Seconds) -> None:
        """Advance true time to `until`, checking the invariants after every event."""
        agenda, check = self._agenda, self.invariants.check
        while agenda and agenda[0][0] <= until:
            self.true, _, name, action = heappop(agenda)
            action()
            self.events += 1
            check(self.hosts, self.true, name)
            if self.observer is not None:
                self.observer.on_event(name)
        self.true = until

    def log(self, name: NodeId, what: str) -> None:
        """Add a line to the trace."""
        line = f"{self.true:.6f} {name} {what}\n"
        self._trace.update(line.encode())
        if self.story is not None:
            self.story.append(line)

    # --- machines ---------------------------------------------------------------------------

    def set_up(self, name: NodeId, record: Record) -> None:
        """Create a machine with the cluster's record, and start it."""
        dice, drift = Dice(self.seed, "machine", name), self.faults.clock_drift
        if drift:
            self.struck[Fault.CLOCK_DRIFT] += 1
        clock = Clock(offset=dice.between(0, 1e6), rate=dice.between(1 - drift, 1 + drift))
        host = Host(
            name=name,
            clock=clock,
            disk=Stable(Promise(), record, record),
            rng=generator(self.seed, "node", name),
            limits=self.limits,
            level=self.programs.level_of(name),
            member=record.document.member(name),
        )
        if self.faults.files:
            host.format(Folder(Dice(self.seed, "disk", name)))
        self.hosts[name] = host
        self.boot(name)

    def boot(self, name: NodeId) -> None:
        """Start a machine, its links and its probes."""
        host = self.hosts[name]
        try:
            host.boot(self.true)
        except InvalidDocumentError as error:
            raise InvariantError(f"3: {name} cannot read its disk: {error}") from None
        self.log(name, "boot")
        self.programs.booted(host)
        host.show_document()
        life = host.life
        self.plan_tick(host)
        begin = self.true + self.dice.between(0, PROBE_PERIOD_S)
        self.at(begin, name, lambda: self._probe_round(host, life))
        self.links.dial_all(name)

    def begin_again(self, name: NodeId, record: Record) -> None:
        """Start a machine that joined again, with its old disk."""
        host = self.hosts[name]
        host.crash(power_cut=False)
        self.invariants.forget(name)
        host.catch_up(record)
        self.boot(name)

    def crash(self, name: NodeId, down_s: Seconds, *, power_cut: bool = False) -> None:
        """Kill a machine, and start it again after `down_s` seconds.

        With `power_cut` its disk loses what was not flushed.
        """
        host = self.hosts.get(name)
        if host is None or host.node is None:
            return
        if host.crash(power_cut=power_cut):
            self.struck[Fault.UNFLUSHED_DATA_LOST] += 1
        self.struck[Fault.POWER_LOSS if power_cut else Fault.CRASH] += 1
        self.invariants.forget(name)
        self.invariants.trouble(self.true + down_s)
        self.log(name, "crash")
        self.at(self.true + down_s, name, lambda: self._boot_again(name))

    def _boot_again(self, name: NodeId) -> None:
        if self.hosts[name].node is None:
            self.boot(name)

    def stop(self, name: NodeId, down_s: Seconds) -> None:
        """Stop a node cleanly, and start it again after `down_s` seconds."""
        host = self.hosts.get(name)
        if host is None or host.node is None:
            return
        life = host.life
        self.post(host, Stop())
        host.stopped = True

        def gone() -> None:
            if host.life == life:
                self.crash(name, down_s)

        self.at(self.true + STOPPING_S, name, gone)

    def suspend(self, name: NodeId, for_s: Seconds) -> None:
        """Suspend a machine; its clocks keep running."""
        host = self.hosts.get(name)
        if host is None or host.node is None:
            return
        self.struck[Fault.SUSPEND] += 1
        host.suspended_until = max(host.suspended_until, self.true + for_s)
        self.invariants.trouble(host.suspended_until)
        self.at(host.suspended_until, name, lambda: self._drain(host))

    def strike_after(self, name: NodeId, after: int, strike: Action) -> None:
        """Run `strike` after `after` more actions of a machine.

        An action is a step, an effect, or a step of a save, so that it strikes between any two.
        """
        host = self.hosts.get(name)
        if host is not None:
            host.countdowns.append(Countdown(after, strike))

    # --- steps ------------------------------------------------------------------------------

    def post(self, host: Host, event: Event) -> None:
        """Post an event to a machine, unless it is down."""
        if host.node is not None and not host.stopped:
            host.backlog.append(event)
            self._drain(host)

    def wake(self, host: Host, life: int) -> None:
        """Resume a machine whose disk stalled, unless it was restarted since."""
        if host.life == life:
            host.stalled = False
            self._drain(host)

    def _drain(self, host: Host) -> None:
        handler = self.handler
        while host.node is not None and not host.stalled and self.true >= host.suspended_until:
            if host.saving is not None:
                handler.continue_save(host, host.saving)
            elif host.batch:
                handler.perform(host, host.batch.popleft())
            elif host.backlog:
                self._step(host, host.backlog.popleft())
            else:
                break
            if host.countdowns:
                host.count_down()
        self.plan_tick(host)

    def _step(self, host: Host, event: Event) -> None:
        assert host.node is not None
        clock = host.clock
        self.log(host.name, type(event).__name__)
        wall = UnixTime(EPOCH + self.true + clock.wall_off_s)
        effects = host.node.step(event, clock.at(self.true), wall)
        self.invariants.stepped(host, event, effects, self.true)
        self.tenants.on_step(host)
        host.batch.extend(effects)

    def plan_tick(self, host: Host) -> None:
        """Plan the tick that the node asks for."""
        if host.node is None or host.stopped or host.stalled or host.backlog:
            return  # the next event plans the tick again
        due = max(host.clock.true(host.node.deadline), self.true, host.suspended_until)
        if due < host.next_tick:
            host.next_tick = due
            life = host.life
            self.at(due, host.name, lambda: self._tick(host, life))

    def _tick(self, host: Host, life: int) -> None:
        if host.life != life or host.node is None:
            return
        host.next_tick = float("inf")
        if host.clock.at(self.true) + 1e-9 >= host.node.deadline:
            self.post(host, Tick())
        else:
            self.plan_tick(host)

    def _probe_round(self, host: Host, life: int) -> None:
        if host.life != life or host.node is None:
            return
        host.show_document()
        for check in host.node.register.committed.document.checks[:PROBED_MAX]:
            if check.enabled and self.probing:
                self.handler.probe(host, check.id)
        after = self.true + PROBE_PERIOD_S
        self.at(after, host.name, lambda: self._probe_round(host, life))
        self.links.ask_standing(host)

    def probe(self, name: NodeId, check: CheckId) -> None:
        """Begin a probe at a running node of a check that it knows."""
        if (host := self.hosts[name]).node is not None and self.true >= host.suspended_until:
            self.handler.probe(host, check)

    # --- the operators ----------------------------------------------------------------------

    def propose(
        self, name: NodeId, mutation: Mutation, label: str = "", then: Action | None = None
    ) -> RequestId | None:
        """Propose a change to a node; `label` is the name of the check it adds for good, if any.

        `then` is called once the node says that the change is committed.  Return the request, or
        None if the node is down.
        """
        host = self.hosts.get(name)
        if host is None or host.node is None:
            return None
        request = RequestId(f"{name}-{host.life}-{next(self._order)}")
        self.requests[request] = Asked(name, label, then)
        if not host.node.leadership.membership.sees_majority(host.clock.at(self.true)):
            self.struck[Fault.ASKED_WITHOUT_QUORUM] += 1
        self.invariants.asked(request, mutation)
        self.post(host, Proposed(request, mutation))
        return request

    def inspect(self, name: NodeId) -> None:
        """Ask a node for its status."""
        if (host := self.hosts.get(name)) is not None:
            self.post(host, Inspected(RequestId(f"{name}-{host.life}-{next(self._order)}")))

    def add_check(self, name: NodeId, label: str) -> None:
        """Ask a node to add a check named `label`, which is never removed."""
        operators.add_check(self, name, label)

    def admit(self, via: NodeId, ident: NodeId) -> None:
        """Let a new machine join through a node by token, as a learner."""
        operators.admit(self, via, ident)

    def remove(self, via: NodeId, ident: NodeId) -> None:
        """Ask a node to remove a member."""
        operators.remove(self, via, ident)

    def number(self) -> int:
        """Return a number that was not used before."""
        return next(self._order)

    def heal(self) -> None:
        """End every fault; machines that are down or suspended return in their time."""
        self.programs.upgrade_all()
        self.network.faults = Faults()
        self.network.heal()
        self.tamperer.manners.clear()
        self.targets.recover()
        self.channels.recover()
        self.dies_after_delivery_s = self.sleeps_before_sending_s = 0.0
        for host in self.hosts.values():
            host.disk_fails_until = host.disk_stalls_s = 0.0
            host.countdowns.clear()
