"""Where this user's data directory is, and how it is set up when it is empty."""

import os
import shlex
import socket
import sys
from pathlib import Path

from qutrio.codec.node_yaml import BIND_DEFAULT, PORT_DEFAULT, require_bind
from qutrio.model.addresses import require_address_of_node
from qutrio.plumbing.clock import BootClock
from qutrio.storage.joining import forget_joining, require_joined
from qutrio.storage.keys import Identity
from qutrio.storage.places import DataDirectory, find_data_directory
from qutrio.storage.remains import untouched
from qutrio.storage.setup import (
    Advertised,
    default_advertise,
    default_name,
    initialise,
)

SERVICE_DIRECTORY = Path("/var/lib/qutrio")
"""Where the unit in contrib/systemd keeps everything."""
UNITS = tuple(
    Path(folder, "qutrio.service")
    for folder in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
)


def data_directory(explicit: str | None) -> DataDirectory:
    """Return the directory that `--dir` or the environment names, or this user's usual one."""
    path = Path(explicit) if explicit else None
    return find_data_directory(os.environ, is_root=os.geteuid() == 0, explicit=path)


def serve_command(directory: str | None) -> str:
    """Return what starts a node in the directory that a command was given, as typed in a shell."""
    if data_directory(directory).root == SERVICE_DIRECTORY and any(u.exists() for u in UNITS):
        return "systemctl enable --now qutrio"
    if directory is None or directory == os.environ.get("QUTRIO_DIR"):
        return "qutrio serve"
    return f"qutrio serve --dir {shlex.quote(directory)}"


def set_up(
    directory: DataDirectory,
    *,
    name: str | None,
    advertise: str | None,
    bind: str | None,
    port: int | None,
    joining: str = "",
) -> Identity:
    """Make a one-node cluster in an empty directory; raises `QutrioError` when it is not empty.

    What is None is chosen from this machine's name and addresses; a choice that may be wrong
    is told on stderr.
    """
    bind, port = bind or BIND_DEFAULT, port or PORT_DEFAULT
    if advertise:
        require_address_of_node(advertise, "advertise")
    chosen = Advertised(advertise, None) if advertise else default_advertise(bind, port)
    identity = initialise(
        directory,
        name=name or default_name(socket.gethostname()),
        advertise=chosen.address,
        bind=bind,
        port=port,
        wall=BootClock().wall(),
        joining=joining,
    )
    if chosen.warning:
        print(f"qutrio: {chosen.warning}", file=sys.stderr)
    return identity


def prepare_to_serve(
    directory: DataDirectory,
    *,
    name: str | None,
    advertise: str | None,
    bind: str | None,
    port: int | None,
    alone: bool,
) -> None:
    """Set an empty directory up as a cluster of one; raises `QutrioError` when that is not meant.

    A directory that was to join a cluster, and has not, is only served with `alone`.
    """
    from qutrio.peers.transport import require_bindable  # noqa: PLC0415 - `init` needs no network

    if alone:
        forget_joining(directory)
    require_joined(directory)
    if untouched(directory):
        require_bind(bind or BIND_DEFAULT)
        require_bindable(bind or BIND_DEFAULT, port or PORT_DEFAULT)
        set_up(directory, name=name, advertise=advertise, bind=bind, port=port)
