"""The options of `qutrio serve`."""

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from qutrio.codec.node_yaml import LogFormat, NodeFile
from qutrio.storage.directories import DataDirectory
from qutrio.storage.node_file import load_node_file


@frozen(kw_only=True)
class ServeOptions:
    """The daemon's directory and socket, and what overrides its node.yaml (None: nothing does).

    `environ` is the process's environment, with the variables of systemd: NOTIFY_SOCKET,
    WATCHDOG_USEC, WATCHDOG_PID and CREDENTIALS_DIRECTORY.
    """

    directory: DataDirectory
    socket: Path
    environ: Mapping[str, str]
    name: str | None = None
    advertise: str | None = None
    bind: str | None = None
    port: int | None = None
    log: str | None = None


def read_node_file(options: ServeOptions) -> NodeFile:
    """Read node.yaml and apply the overrides; raises a `QutrioError` that says what is wrong."""
    found = load_node_file(options.directory)
    form = found.log_format if options.log is None else LogFormat(options.log)
    return evolve(
        found,
        name=options.name or found.name,
        advertise=options.advertise or found.advertise,
        bind=options.bind or found.bind,
        port=options.port or found.port,
        log_format=form,
    )
