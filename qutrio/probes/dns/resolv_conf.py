"""Reads resolv.conf(5): which servers to ask, for how long, and which domains to search."""

import ipaddress
import socket

from attrs import define, field, frozen

from qutrio.model.ids import Seconds
from qutrio.probes.dns.exchange import DNS_PORT, Server
from qutrio.probes.dns.query import SERVERS_MAX
from qutrio.probes.observations import Endpoint

NDOTS_MAX, TIMEOUT_S_MAX, ATTEMPTS_MAX = 15, 30, 5
SEARCH_MAX = 32
NDOTS, TIMEOUT_S, ATTEMPTS = 1, 5, 2

LOCAL_SERVER = "127.0.0.1"
"""The server that the C library asks when the file names none."""


@frozen
class ResolvConf:
    """The host's rules for look-ups; `search` are domains without a dot at the end."""

    servers: tuple[Server, ...]
    search: tuple[str, ...] = ()
    ndots: int = NDOTS
    timeout_s: Seconds = float(TIMEOUT_S)
    attempts: int = ATTEMPTS
    rotate: bool = False
    single: bool = False
    edns: bool = False
    tcp: bool = False
    no_aaaa: bool = False

    def candidates(self, host: str) -> tuple[str, ...]:
        """Return the full names that `host` may mean, in the order in which they are tried.

        A name with enough dots is tried first without a domain, otherwise last; a name that
        ends with a dot means only itself.
        """
        if host.endswith("."):
            return (host.removesuffix("."),)
        searched = [f"{host}.{domain}" if domain else host for domain in self.search]
        tried = [host, *searched] if host.count(".") >= self.ndots else [*searched, host]
        return tuple(dict.fromkeys(tried))


@define
class _Draft:
    servers: list[Endpoint] = field(factory=list)
    search: tuple[str, ...] = ()
    numbers: dict[str, int] = field(factory=dict)
    flags: set[str] = field(factory=set)


def parse_resolv_conf(text: str, hostname: str = "", port: int = DNS_PORT) -> ResolvConf:
    """Read resolv.conf as the C library does: unknown lines are skipped.

    `hostname` is this machine's; its domain is searched when the file names none.  `port` is
    that of every server.
    """
    draft = _Draft(search=_domain_of(hostname))
    for line in text.splitlines():
        keyword, *words = line.split() or [""]
        if not line[:1].isspace():  # a keyword must be at the beginning of its line
            _read(draft, keyword, words)
    numbers = draft.numbers
    endpoints = draft.servers[:SERVERS_MAX] or [Endpoint(socket.AF_INET, LOCAL_SERVER)]
    return ResolvConf(
        servers=tuple(Server(endpoint, port) for endpoint in endpoints),
        search=draft.search[:SEARCH_MAX],
        ndots=min(numbers.get("ndots", NDOTS), NDOTS_MAX),
        timeout_s=float(min(max(numbers.get("timeout", TIMEOUT_S), 1), TIMEOUT_S_MAX)),
        attempts=min(max(numbers.get("attempts", ATTEMPTS), 1), ATTEMPTS_MAX),
        rotate="rotate" in draft.flags,
        single=bool(draft.flags & {"single-request", "single-request-reopen"}),
        edns="edns0" in draft.flags,
        tcp="use-vc" in draft.flags,
        no_aaaa="no-aaaa" in draft.flags,
    )


def _read(draft: _Draft, keyword: str, words: list[str]) -> None:
    match keyword:
        case "nameserver" if words and (server := _server(words[0])) is not None:
            draft.servers.append(server)
        case "search":
            draft.search = tuple(word.lower().removesuffix(".") for word in words)
        case "domain" if words:
            draft.search = (words[0].lower().removesuffix("."),)
        case "options":
            for word in words:
                name, _, number = word.partition(":")
                if number.isascii() and number.isdigit():
                    draft.numbers[name] = int(number[:4])
                else:
                    draft.flags.add(word)
        case _:
            pass


def _server(text: str) -> Endpoint | None:
    """Return the server with a literal address; None for anything else.

    A link-local address has an interface after a `%`; if this machine lacks the interface, the
    server cannot be asked.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return Endpoint(socket.AF_INET, text)
    return Endpoint(socket.AF_INET6, text, _scope(address.scope_id))


def _scope(zone: str | None) -> int:
    if zone is None:
        return 0
    try:
        return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError:
        return 0


def _domain_of(hostname: str) -> tuple[str, ...]:
    domain = hostname.partition(".")[2].lower().removesuffix(".")
    return (domain,) if domain else ()
