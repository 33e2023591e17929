"""Where this user's data directory is, and how it is set up when it is empty."""

import os
import shlex
import socket
import sys
from pathlib import Path

from qutrio.codec.node_yaml import BIND_DEFAULT, PORT_DEFAULT
from qutrio.plumbing.clock import BootClock
from qutrio.storage.keys import Identity
from qutrio.storage.places import DataDirectory, find_data_directory
from qutrio.storage.setup import Advertised, default_advertise, default_name, initialise


def data_directory(explicit: str | None) -> DataDirectory:
    """Return the directory that `--dir` or the environment names, or this user's usual one."""
    path = Path(explicit) if explicit else None
    return find_data_directory(os.environ, is_root=os.geteuid() == 0, explicit=path)


def serve_command(directory: str | None) -> str:
    """Return what starts a node in the directory that a command was given, as typed in a shell."""
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
) -> Identity:
    """Make a one-node cluster in an empty directory; raises `QutrioError` when it is not empty.

    What is None is chosen from this machine's name and addresses; a choice that may be wrong
    is told on stderr.
    """
    bind, port = bind or BIND_DEFAULT, port or PORT_DEFAULT
    chosen = Advertised(advertise, None) if advertise else default_advertise(bind, port)
    identity = initialise(
        directory,
        name=name or default_name(socket.gethostname()),
        advertise=chosen.address,
        bind=bind,
        port=port,
        wall=BootClock().wall(),
    )
    if chosen.warning:
        print(f"qutrio: {chosen.warning}", file=sys.stderr)
    return identity
