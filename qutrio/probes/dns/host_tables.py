"""Reads /etc/hosts, the order of sources in nsswitch.conf, and the `multi` option of host.conf."""

import re
import socket

from attrs import field, frozen

from qutrio.probes.observations import Endpoint

DEFAULT_HOSTS_LINE = "files dns"
SOURCES_MAX = 16
_TOKEN = re.compile(r"\[[^\]]*\]|[^\s\[\]]+")


@frozen
class Source:
    """One source of names; `returns` are its results that end the search.

    The results are `success`, `notfound`, `unavail` and `tryagain`.  `merges` is True if its
    addresses are added to those of the next source.
    """

    name: str
    returns: frozenset[str] = frozenset({"success"})
    merges: bool = False


def parse_nsswitch(text: str) -> tuple[Source, ...]:
    """Return the sources of host names in their order, by nsswitch.conf(5)."""
    for line in text.splitlines():
        database, colon, rest = line.partition("#")[0].partition(":")
        if colon and database.strip() == "hosts":
            return _sources(rest)
    return _sources(DEFAULT_HOSTS_LINE)


def _sources(line: str) -> tuple[Source, ...]:
    found: list[Source] = []
    for token in _TOKEN.findall(line)[: 2 * SOURCES_MAX]:
        if not token.startswith("["):
            found.append(Source(token.lower()))
        elif found:
            found[-1] = _with_actions(found[-1], token[1:-1])
    return tuple(found[:SOURCES_MAX])


def _with_actions(source: Source, actions: str) -> Source:
    returns, merges = set(source.returns), source.merges
    for item in actions.lower().split():
        status, _, action = item.partition("=")
        named = status.removeprefix("!")
        affected = {"success", "notfound", "unavail", "tryagain"} & {named}
        if status.startswith("!"):
            affected = {"success", "notfound", "unavail", "tryagain"} - {named}
        returns = returns | affected if action == "return" else returns - affected
        merges = merges or action == "merge"
    return Source(source.name, frozenset(returns), merges)


def parse_multi(text: str) -> bool:
    """Return whether a name may have several lines in the hosts file, by host.conf(5)."""
    multi = False
    for line in text.splitlines():
        words = line.partition("#")[0].lower().split()
        if words[:1] == ["multi"] and len(words) > 1:
            multi = words[1] == "on"
    return multi


def _lower(text: bytes) -> bytes:
    return text.lower()


@frozen
class HostsFile:
    """The text of a hosts file; lists of a hundred thousand names are searched, not parsed."""

    text: bytes = field(default=b"", converter=_lower)

    def find(self, host: str) -> list[Endpoint]:
        """Return the addresses of a name, in the order of the file."""
        name = host.encode("ascii", "ignore").lower()
        found: list[Endpoint] = []
        place = self.text.find(name) if name else -1
        while place >= 0:
            start = self.text.rfind(b"\n", 0, place) + 1
            end = self.text.find(b"\n", place)
            end = len(self.text) if end < 0 else end
            address, *names = self.text[start:end].partition(b"#")[0].split() or [b""]
            if name in names and (endpoint := _endpoint(address)) is not None:
                found.append(endpoint)
            place = self.text.find(name, end)
        return list(dict.fromkeys(found))


def _endpoint(address: bytes) -> Endpoint | None:
    try:
        text = address.decode("ascii")
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        bare, _, zone = text.partition("%")
        socket.inet_pton(family, bare)
        return Endpoint(family, text, socket.if_nametoindex(zone) if zone else 0)
    except (UnicodeDecodeError, OSError):
        return None
