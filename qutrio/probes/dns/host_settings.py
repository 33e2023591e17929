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
"""What is read of one file; the longest public lists for a hosts file have a few megabytes."""

LOOK_S: Seconds = 1.0
"""How long nobody looks again whether a file has changed: four stats cost as much as a query."""

ETC = Path("/etc")
FILES_AND_DNS = parse_nsswitch("hosts: files dns")
T = TypeVar("T")
_Stamp: TypeAlias = tuple[int, int, int] | None


@frozen
class HostSettings:
    """What resolv.conf, hosts, nsswitch.conf and host.conf say at this moment."""

    resolv: ResolvConf
    hosts: HostsFile
    sources: tuple[Source, ...]
    multi: bool


class _Watched(Generic[T]):
    """One file and what it means; a file that is missing means what an empty one does."""

    def __init__(self, path: Path, read: Callable[[bytes], T]) -> None:
        self._path = path
        self._read = read
        self._stamp: _Stamp = (0, 0, 0)
        self.value = read(b"")

    @property
    def changed(self) -> bool:
        """Whether the file is another one than that which was read."""
        return _stamp(self._path) != self._stamp

    def refresh(self) -> None:
        """Read the file anew; blocks."""
        self._stamp = _stamp(self._path)
        try:
            with self._path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX)
        except OSError:
            content = b""
        self.value = self._read(content)


class Settings(Protocol):
    """Where a look-up learns how this host looks names up."""

    async def current(self) -> HostSettings:
        """Return the settings as they are now."""
        ...


class SettingsFiles:
    """The four files together."""

    def __init__(self, etc: Path = ETC, dns_port: int = DNS_PORT, look_s: Seconds = LOOK_S) -> None:
        """Name the files in `etc`; nothing is read before `current`."""
        self._look_s = look_s
        self._looked = -math.inf
        self._resolv = _Watched(etc / "resolv.conf", _of_text(partial(_resolv_conf, dns_port)))
        self._hosts = _Watched(etc / "hosts", HostsFile)
        self._sources = _Watched(etc / "nsswitch.conf", _of_text(parse_nsswitch))
        self._multi = _Watched(etc / "host.conf", _of_text(parse_multi))
        self._reading = trio.Lock()
        self._current = self._joined()

    async def current(self) -> HostSettings:
        """Return the settings as they were a moment ago; a change costs a thread.

        While they are read everybody waits: before the first time they mean nothing.
        """
        now = trio.current_time()
        if now - self._looked < self._look_s:
            return self._current
        async with self._reading:
            if any(file.changed for file in self._files):
                await trio.to_thread.run_sync(self._refresh)
            self._looked = now
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
    """The host's settings with other name servers, which alone are asked beside the hosts file."""

    files: Settings
    servers: tuple[Server, ...]

    async def current(self) -> HostSettings:
        """Return the settings as they are now."""
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
