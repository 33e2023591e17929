"""The host's own settings for look-ups, read again when a file changes."""

import math
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import trio
from attrs import evolve, frozen

from qutrio.model.ids import Seconds
from qutrio.probes.dns.exchange import DNS_PORT, Server
from qutrio.probes.dns.host_tables import HostsFile, Source, parse_multi, parse_nsswitch
from qutrio.probes.dns.resolv_conf import ResolvConf, parse_resolv_conf

FILE_BYTES_MAX = 16 * 1024 * 1024
"""The most that is read of one file; the longest public hosts files have a few megabytes."""

POLL_S: Seconds = 1.0
"""How often the files are checked for changes: four stats cost as much as a query."""

ETC = Path("/etc")
FILES_AND_DNS = parse_nsswitch("hosts: files dns")
T = TypeVar("T")
_Stamp: TypeAlias = tuple[int, int, int] | None


@frozen
class HostSettings:
    """The contents of resolv.conf, hosts, nsswitch.conf and host.conf."""

    resolv: ResolvConf
    hosts: HostsFile
    sources: tuple[Source, ...]
    multi: bool


class _Watched(Generic[T]):
    """One file and its parsed content; a missing file counts as an empty one."""

    def __init__(self, path: Path, read: Callable[[bytes], T]) -> None:
        self._path = path
        self._read = read
        self._stamp: _Stamp = (0, 0, 0)
        self.value = read(b"")

    @property
    def changed(self) -> bool:
        """Whether the file has changed since it was read."""
        return _stamp(self._path) != self._stamp

    def refresh(self) -> None:
        """Read the file again; blocks."""
        self._stamp = _stamp(self._path)
        try:
            with self._path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX)
        except OSError:
            content = b""
        self.value = self._read(content)


class Settings(Protocol):
    """A source of the host's settings for look-ups."""

    async def current(self) -> HostSettings:
        """Return the present settings."""
        ...


class SettingsFiles:
    """The four files together."""

    def __init__(self, etc: Path = ETC, dns_port: int = DNS_PORT, poll_s: Seconds = POLL_S) -> None:
        """Use the files in `etc`; nothing is read before `current`."""
        self._poll_s = poll_s
        self._checked = -math.inf
        self._resolv = _Watched(etc / "resolv.conf", _of_text(partial(_resolv_conf, dns_port)))
        self._hosts = _Watched(etc / "hosts", HostsFile)
        self._sources = _Watched(etc / "nsswitch.conf", _of_text(parse_nsswitch))
        self._multi = _Watched(etc / "host.conf", _of_text(parse_multi))
        self._reading = trio.Lock()
        self._current = self._joined()

    async def current(self) -> HostSettings:
        """Return the settings, at most `poll_s` old; changed files are read in a thread.

        All callers wait while the files are read: before the first time there are no settings.
        """
        now = trio.current_time()
        if now - self._checked < self._poll_s:
            return self._current
        async with self._reading:
            if any(file.changed for file in self._files):
                await trio.to_thread.run_sync(self._refresh)
            self._checked = now
        return self._current

    @property
    def _files(self) -> tuple[_Watched[Any], ...]:
        return self._resolv, self._hosts, self._sources, self._multi

    def _refresh(self) -> None:
        for file in self._files:
            if file.changed:
                file.refresh()
        self._current = self._joined()

    def _joined(self) -> HostSettings:
        return HostSettings(
            self._resolv.value, self._hosts.value, self._sources.value, self._multi.value
        )


@frozen
class OtherServers:
    """The host's settings with other name servers; only these and the hosts file are asked."""

    files: Settings
    servers: tuple[Server, ...]

    async def current(self) -> HostSettings:
        """Return the present settings."""
        own = await self.files.current()
        return evolve(own, resolv=evolve(own.resolv, servers=self.servers), sources=FILES_AND_DNS)


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _resolv_conf(port: int, text: str) -> ResolvConf:
    return parse_resolv_conf(text, socket.gethostname(), port)


def _of_text(read: Callable[[str], T]) -> Callable[[bytes], T]:
    return lambda content: read(content.decode("utf-8", "replace"))
