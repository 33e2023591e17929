"""Tenants: programs at a node that rely on its mandate, and do not ask it before each deed.

They go by the last `View` that they were shown: they do as a leader does until its
`acting_until` by the machine's clock, then stop by themselves.  They let go earlier when the
view asks them to, after a while of their own.  When the node dies they live on and know no
better; that is what the judge holds against whoever acts too soon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from qutrio.core.api.events import Tenancy
from qutrio.sim.options import Fault

if TYPE_CHECKING:
    from qutrio.model.ids import Instant, NodeId, Seconds
    from qutrio.sim.dice import Dice
    from qutrio.sim.host import Host
    from qutrio.sim.interface import SimulatedWorld


@define(kw_only=True)
class Tenant:
    """The programs at one node.

    `told` is up to when they were told that it acts, by its clock; None while they do not rely
    on it.  `life` is the node's life in which they were counted; None while they are not.
    """

    programs: int
    until: Seconds
    hesitates_s: Seconds
    told: Instant | None = None
    life: int | None = None
    leaves: bool = False


@define
class Tenants:
    """All programs that rely on the mandate of a node in one world."""

    world: SimulatedWorld
    dice: Dice
    _at: dict[NodeId, Tenant] = field(factory=dict)

    def come(self, name: NodeId, programs: int, for_s: Seconds, hesitates_s: Seconds) -> None:
        """Let programs at a node rely on it for a while, unless some do already."""
        host = self.world.hosts.get(name)
        if host is None or host.node is None or name in self._at:
            return
        self.world.struck[Fault.TENANTS] += 1
        until = self.world.true + for_s
        tenant = Tenant(programs=programs, until=until, hesitates_s=hesitates_s)
        self._at[name] = tenant
        self._enter(host, tenant)
        self.world.at(until, name, lambda: self._go_for_good(host, tenant))

    def look(self, host: Host) -> None:
        """Let them look at what their node shows after a step."""
        tenant = self._at.get(host.name)
        if tenant is None or host.node is None or host.stopped:
            return
        now = host.clock.at(self.world.true)
        view = host.node.view(now)
        acts = view.acting_until is not None and not view.vacating
        if tenant.life != host.life:
            if acts and not tenant.leaves:
                self._enter(host, tenant)
            return
        if not host.node.leadership.tenants:
            return  # it does not count them yet, or no more
        if view.acting_until is not None:
            tenant.told = view.acting_until
            self.world.invariants.roles.told(host, view.acting_until)
        if not acts and tenant.told is not None and not tenant.leaves:
            self._hesitate(host, tenant)

    def _enter(self, host: Host, tenant: Tenant) -> None:
        """Be counted; the node hears of it in a moment."""
        tenant.life, life = host.life, host.life

        def enter() -> None:
            if host.life == life and tenant.life == life:
                self.world.give(host, Tenancy(tenant.programs))

        self.world.at(self.world.true, host.name, enter)

    def _hesitate(self, host: Host, tenant: Tenant) -> None:
        """Let go after a while, and not later than they were told that the node acts."""
        assert tenant.told is not None
        world, tenant.leaves = self.world, True
        told = max(world.true, host.clock.true(tenant.told))
        due = min(told, world.true + self.dice.between(0.0, tenant.hesitates_s))
        world.at(due, host.name, lambda: self._let_go(host, tenant))

    def _let_go(self, host: Host, tenant: Tenant) -> None:
        world = self.world
        if world.true < host.suspended_until:
            world.at(host.suspended_until, host.name, lambda: self._let_go(host, tenant))
            return
        if self._at.get(host.name) is not tenant:
            return
        tenant.leaves, tenant.told = False, None
        world.invariants.roles.let_go(host.name)
        if world.true >= tenant.until:
            del self._at[host.name]
        if tenant.life == host.life:
            tenant.life = None
            world.give(host, Tenancy(0))

    def _go_for_good(self, host: Host, tenant: Tenant) -> None:
        """Leave when their time is over, unless they are about to let go anyway."""
        if not tenant.leaves:
            self._let_go(host, tenant)
