"""Tenants: programs at a node that rely on its lease without asking before each action.

They follow the last `View` that they saw: they act until its `acting_until` by the machine's
clock, then stop by themselves.  When the view asks them to, they stop earlier, after a delay of
their own.  When the node crashes they keep running until then, so no other node may act yet;
the judge checks that.
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

    `relied_until` is the last `acting_until` that they saw, by the node's clock; None while they
    do not rely on it.  `life` is the run of the node that counts them, if any.
    """

    programs: int
    until: Seconds
    hesitates_s: Seconds
    relied_until: Instant | None = None
    life: int | None = None
    leaves: bool = False


@define
class Tenants:
    """All programs of one world that rely on the lease of a node."""

    world: SimulatedWorld
    dice: Dice
    _at: dict[NodeId, Tenant] = field(factory=dict)

    def add(self, name: NodeId, programs: int, for_s: Seconds, hesitates_s: Seconds) -> None:
        """Let programs at a node rely on it for a while, unless some already do."""
        host = self.world.hosts.get(name)
        if host is None or host.node is None or name in self._at:
            return
        self.world.struck[Fault.TENANTS] += 1
        until = self.world.true + for_s
        tenant = Tenant(programs=programs, until=until, hesitates_s=hesitates_s)
        self._at[name] = tenant
        self._register(host, tenant)
        self.world.at(until, name, lambda: self._release_finally(host, tenant))

    def on_step(self, host: Host) -> None:
        """Let the programs of a node read its view after a step."""
        tenant = self._at.get(host.name)
        if tenant is None or host.node is None or host.stopped:
            return
        now = host.clock.at(self.world.true)
        view = host.node.view(now)
        acts = view.acting_until is not None and not view.vacating
        if tenant.life != host.life:
            if acts and not tenant.leaves:
                self._register(host, tenant)
            return
        if not host.node.leadership.tenants:
            return  # the node does not count them
        if view.acting_until is not None:
            tenant.relied_until = view.acting_until
            self.world.invariants.roles.rely_until(host, view.acting_until)
        if not acts and tenant.relied_until is not None and not tenant.leaves:
            self._plan_release(host, tenant)

    def _register(self, host: Host, tenant: Tenant) -> None:
        """Tell the node to count them."""
        tenant.life, life = host.life, host.life

        def enter() -> None:
            if host.life == life and tenant.life == life:
                self.world.post(host, Tenancy(tenant.programs))

        self.world.at(self.world.true, host.name, enter)

    def _plan_release(self, host: Host, tenant: Tenant) -> None:
        """Plan that they stop after a delay, but not later than `relied_until`."""
        assert tenant.relied_until is not None
        world, tenant.leaves = self.world, True
        told = max(world.true, host.clock.true(tenant.relied_until))
        due = min(told, world.true + self.dice.between(0.0, tenant.hesitates_s))
        world.at(due, host.name, lambda: self._release(host, tenant))

    def _release(self, host: Host, tenant: Tenant) -> None:
        world = self.world
        if world.true < host.suspended_until:
            world.at(host.suspended_until, host.name, lambda: self._release(host, tenant))
            return
        if self._at.get(host.name) is not tenant:
            return
        tenant.leaves, tenant.relied_until = False, None
        world.invariants.roles.rely_no_more(host.name)
        if world.true >= tenant.until:
            del self._at[host.name]
        if tenant.life == host.life:
            tenant.life = None
            world.post(host, Tenancy(0))

    def _release_finally(self, host: Host, tenant: Tenant) -> None:
        """Stop when their time is over, unless that is already planned."""
        if not tenant.leaves:
            self._release(host, tenant)
