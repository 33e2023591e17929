"""Recovery after the last fault: invariant 9."""

from collections.abc import Mapping

from qutrio.core.alerting.attempts import ATTEMPT_S_MAX, RETRY_CAP_S
from qutrio.core.checks.verdicts import freshness
from qutrio.core.election.engines import DESCRIPTORS
from qutrio.core.election.interface import Role
from qutrio.core.node import Node
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import NodeId, Seconds
from qutrio.model.results import Outcome
from qutrio.sim.host import Host
from qutrio.sim.invariants.error import InvariantError, broken
from qutrio.sim.invariants.probes import Probes
from qutrio.sim.invariants.roles import Roles

ELECTION_DEADS_MAX = 10
"""Within this many times `dead_after` a node acts, and every running member is heard again."""


def settled_within(settings: Settings) -> Seconds:
    """Return how long after the last fault all must be well, at the latest.

    A master is elected soon; the lowest id has to wait for the cooldown; an attempt to deliver may
    be in progress, and the next may have been delayed by the longest pause.  Gossip has a start
    grace and may have to elect twice; in raft some votes may be split.
    """
    return elected_within(settings) + max(settings.master_cooldown_s, RETRY_CAP_S) + ATTEMPT_S_MAX


def elected_within(settings: Settings) -> Seconds:
    """Return the longest time without a master after the last fault."""
    known_s = ELECTION_DEADS_MAX * settings.dead_after_s
    return known_s + DESCRIPTORS[settings.engine].elects_within(settings)


def check_health(
    hosts: Mapping[NodeId, Host], true: Seconds, roles: Roles, probes: Probes
) -> list[ClusterDocument]:
    """Check every running member, and return the document of each.

    Raises for the first thing that is not well.
    """
    running = {n: h.node for n, h in hosts.items() if h.node is not None}
    if not running:
        raise _ill("no machine runs", true)
    newest = max((n.register.committed for n in running.values()), key=lambda r: r.position)
    members = {
        m.id: running[m.id]
        for m in newest.document.members
        if m.id in running and (m.voter or not running[m.id].removed)
    }  # a machine that joined again but never got the answer is not running
    master = _check_role(hosts, newest.document, set(members), true, roles)
    for name, node in members.items():
        if node.register.committed.document != newest.document:
            raise _ill(f"{name} holds revision {node.register.committed.document.revision}", true)
        if node.register.committed.ledger.outbox:
            raise _ill(f"pages still wait for delivery at {name}", true)
    if newest.document.ids <= members.keys():
        common = min(node.leadership.announcements.mine for node in members.values())
        if newest.document.level < common:
            raise _ill(f"the level is {newest.document.level}, and all know {common}", true)
    learners = [m.id for m in newest.document.members if not m.voter and m.id in members]
    if learners:
        raise _ill(f"{learners} still have no vote", true)
    for name, node in members.items():
        _check_votes(hosts[name], node, set(members), true, probes)
    _check_incidents(members[master], set(members), true, probes)
    return [node.register.committed.document for node in members.values()]


def check_somebody_acts(hosts: Mapping[NodeId, Host], since: Seconds, true: Seconds) -> Seconds:
    """Return the last time at which a node acted; `since` is the last one known so far.

    Raises if that is too long ago.  Time in which no machine runs does not count.  While operators
    change timers, the longest ones apply.
    """
    running = [host.node for host in hosts.values() if host.node is not None]
    if not running or any(host.acting(true) for host in hosts.values()):
        return true
    bound_s = max(elected_within(node.leadership.settings) for node in running)
    if true - since > bound_s:
        raise broken(9, true, f"nobody has acted for {true - since:.0f} s, without a fault")
    return since


def _ill(what: str, true: Seconds) -> InvariantError:
    return broken(9, true, f"{what}, long after the last fault")


def _check_role(
    hosts: Mapping[NodeId, Host],
    document: ClusterDocument,
    running: set[NodeId],
    true: Seconds,
    roles: Roles,
) -> NodeId:
    acting = [n for n, h in hosts.items() if h.acting(true)]
    if len(acting) != 1:
        raise _ill(f"{acting} act", true)
    master = acting[0]
    if DESCRIPTORS[document.settings.engine].ranks_by_id:
        _check_lowest(hosts[master], document, running, true, roles)
    else:
        _check_leader(hosts, master, running, true)
    for name in sorted(running):
        node, now = hosts[name].node, hosts[name].clock.at(true)
        assert node is not None
        if node.leadership.master(now) != master:
            raise _ill(f"{name} takes {node.leadership.master(now)} for the master", true)
        if node.view(now).live != running:
            raise _ill(f"{name} hears only {sorted(node.view(now).live)}", true)
    return master


def _check_lowest(
    host: Host, document: ClusterDocument, running: set[NodeId], true: Seconds, roles: Roles
) -> None:
    """Check that the lowest id acts, unless it waits, or an operator moved the role."""
    lowest, patience_s = min(document.voters & running), _patience_s(document.settings)
    waited = roles.streak(host, lowest, host.clock.at(true))
    placed = true < roles.placed_at + patience_s
    if host.name != lowest and waited > patience_s and not placed:
        raise _ill(f"{host.name} acts, though {lowest} has waited for {waited:.1f} s", true)


def _patience_s(settings: Settings) -> Seconds:
    return settings.master_cooldown_s + ATTEMPT_S_MAX


def _check_leader(
    hosts: Mapping[NodeId, Host], master: NodeId, running: set[NodeId], true: Seconds
) -> None:
    """Check that the master's engine leads, and that all others follow it."""
    for name in sorted(running):
        node, now = hosts[name].node, hosts[name].clock.at(true)
        assert node is not None
        role, wants = node.leadership.engine_host.role, node.leadership.choice(now)
        if (role is Role.LEADER) is not (name == master) or wants != master:
            raise _ill(f"{master} acts; {name} is a {role.value} and wants {wants}", true)


def _check_votes(
    host: Host, node: Node, running: set[NodeId], true: Seconds, probes: Probes
) -> None:
    """Check that this node counts the latest vote of every member."""
    document, now = node.register.committed.document, host.clock.at(true)
    for check in document.checks:
        if not check.enabled:
            continue
        seen = {
            e.node for e in node.exchange.verdicts.evidence(check.id, document, now) if e.counted
        }
        for voter in sorted(document.voters & running):
            probe = probes.newest(voter, check)
            recent = probe is not None and true - probe.at < freshness(check) / 2
            if recent and voter not in seen:
                raise _ill(f"{host.name} does not count the vote of {voter} on {check.id}", true)


def _check_incidents(node: Node, running: set[NodeId], true: Seconds, probes: Probes) -> None:
    """Check that incidents agree with results that all nodes share."""
    record = node.register.committed
    open_ = {i.check for i in record.ledger.incidents}
    for check in record.document.checks:
        last = [probes.newest(n, check) for n in record.document.voters & running]
        if not check.enabled or None in last:
            continue
        found = {p.outcome for p in last if p is not None and true - p.at < freshness(check)}
        if found == {Outcome.OK} and check.id in open_:
            raise _ill(f"{check.id} is up everywhere, and its incident is open", true)
        if found == {Outcome.FAIL} and check.id not in open_:
            raise _ill(f"{check.id} is down everywhere, and nobody was told", true)
