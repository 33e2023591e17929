"""Looks up a host's addresses by this machine's own settings.

The sources are asked in the order of nsswitch.conf: the hosts file and DNS here, all others by
getaddrinfo in a thread, and only for names that such a source can know.
"""

import socket
from collections.abc import Iterable
from pathlib import Path

import trio
from attrs import define

from qutrio.model.check_base import IpFamily
from qutrio.model.ids import Seconds
from qutrio.model.results import Outcome
from qutrio.plumbing.clock import Clock
from qutrio.probes.dns.host_settings import HostSettings, Settings
from qutrio.probes.dns.host_tables import Source
from qutrio.probes.dns.query import Policy
from qutrio.probes.dns.resolv_conf import ResolvConf
from qutrio.probes.dns.search import ADDRESSES_MAX, Found, by_dns, policy_of
from qutrio.probes.observations import Addresses, Endpoint, NoAnswer, Observation, Resolution
from qutrio.probes.threads import ThreadLookUps, missing

FOREIGN_S_MAX: Seconds = 1.0
"""How long the machine's own look-up may take before DNS is asked as well."""

LOOPBACKS = (Endpoint(socket.AF_INET6, "::1"), Endpoint(socket.AF_INET, "127.0.0.1"))
STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
"""Where systemd-resolved answers DNS; it gives the answers of its source `resolve` there too."""


@define
class LookUps:
    """Looks up names; caches only the host's settings."""

    clock: Clock
    threads: ThreadLookUps
    settings: Settings

    async def name_and_policy(self, host: str) -> tuple[str, Policy]:
        """Return the full name that a host means first, and the policy for asking about it."""
        resolv = (await self.settings.current()).resolv
        name = host if "." in host else resolv.candidates(host)[0]
        return name, policy_of(resolv)

    async def find(self, host: str, family: IpFamily) -> Found:
        """Return the addresses of a host, which is not a literal address.

        Raises `MalformedError` for a text that cannot be a name.
        """
        settings = await self.settings.current()
        name = host.lower().removesuffix(".")
        if name == "localhost" or name.endswith(".localhost"):
            return _localhost(settings, name, family)
        failure: Found | None = None
        for source in settings.sources:
            found = await self._ask(source, settings, host, family)
            if found is None:
                continue
            if isinstance(found.resolution, Addresses):
                return found
            failed = isinstance(found.resolution, NoAnswer) or _is_local(found.resolution)
            if failed or failure is None:
                failure = found
            if ("tryagain" if failed else "notfound") in source.returns:
                break
        return failure or Found(missing(host, family))

    async def _ask(
        self, source: Source, settings: HostSettings, host: str, family: IpFamily
    ) -> Found | None:
        """Return the answer of one source; None when it cannot know the name."""
        if source.merges:
            return Found(await self.threads.find(host, family))
        match source.name:
            case "files":
                found = _in_file(settings, host, family)
                return Found(Addresses(found) if found else missing(host, family))
            case "dns":
                return await by_dns(settings.resolv, host, family, self.clock)
            case _ if knows(source.name, host, settings.resolv):
                return await self._by_thread(settings, host, family)
            case _:
                return None

    async def _by_thread(self, settings: HostSettings, host: str, family: IpFamily) -> Found:
        """Look up with getaddrinfo; when that fails, DNS may tell why."""
        with trio.move_on_after(FOREIGN_S_MAX):
            found = await self.threads.find(host, family)
            if isinstance(found, Addresses) or not _is_local(found):
                return Found(found)
        return await by_dns(settings.resolv, host, family, self.clock)


def knows(source: str, host: str, resolv: ResolvConf) -> bool:
    """Return whether a source that only getaddrinfo can ask may know this name."""
    name = host.lower().removesuffix(".")
    local = name.endswith(".local")
    match source:
        case "mdns4_minimal" | "mdns6_minimal" | "mdns_minimal":
            return local
        case "mdns4" | "mdns6" | "mdns":
            return local or Path("/etc/mdns.allow").exists()
        case "myhostname":
            return name in {socket.gethostname().lower(), "_gateway", "_outbound"}
        case "mymachines":
            return "/" not in name and Path("/run/systemd/machines", name).exists()
        case "resolve":
            stub = any(server.endpoint.address in STUBS for server in resolv.servers)
            return local or "." not in name or not stub
        case _:
            return True


def _in_file(settings: HostSettings, host: str, family: IpFamily) -> tuple[Endpoint, ...]:
    found = _of_family(settings.hosts.find(host), family)
    return found[: ADDRESSES_MAX if settings.multi else 1]


def _localhost(settings: HostSettings, name: str, family: IpFamily) -> Found:
    """Return the loopback of both families, even if the hosts file lacks it (RFC 6761)."""
    listed = settings.hosts.find(name)
    both = tuple(dict.fromkeys([*listed, *LOOPBACKS]))
    return Found(Addresses(_of_family(both, family)[:ADDRESSES_MAX]))


def _of_family(endpoints: Iterable[Endpoint], family: IpFamily) -> tuple[Endpoint, ...]:
    wanted = {IpFamily.V4: socket.AF_INET, IpFamily.V6: socket.AF_INET6}.get(family)
    return tuple(e for e in endpoints if wanted is None or e.family == wanted)


def _is_local(found: Resolution) -> bool:
    return isinstance(found, Observation) and found.outcome is Outcome.ABSTAIN
