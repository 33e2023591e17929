"""The paths of a node's files and of its control socket."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from qutrio.errors import DataDirectoryError, plain_reason

SYSTEM_DATA_DIRECTORY = Path("/etc/qutrio")
SYSTEM_SOCKET_DIRECTORY = Path("/run/qutrio")
SHARED_TEMPORARY_DIRECTORY = Path("/tmp")  # noqa: S108 - only a checked private folder below it
SOCKET_NAME = "qutrio.sock"
DIRECTORY_MODE = 0o700


@frozen
class DataDirectory:
    """The folder with a node's settings, keys and state."""

    root: Path

    @property
    def node_file(self) -> Path:
        """The node's own settings."""
        return self.root / "node.yaml"

    @property
    def cluster_file(self) -> Path:
        """The mirror of the cluster document, for the operator."""
        return self.root / "cluster.yaml"

    @property
    def key_file(self) -> Path:
        """The private key."""
        return self.root / "keys" / "node.key"

    @property
    def certificate_file(self) -> Path:
        """The self-signed certificate."""
        return self.root / "keys" / "node.crt"

    @property
    def state(self) -> Path:
        """The folder of the durable state: promises, and the documents they refer to."""
        return self.root / "state"

    @property
    def state_file(self) -> Path:
        """The durable state itself; a data directory is set up once this exists."""
        return self.state / "state.json"

    @property
    def journal(self) -> Path:
        """The folder of the journal; only incident reports are lost with it."""
        return self.root / "journal"

    @property
    def unfinished_file(self) -> Path:
        """The file that exists from the start of `qutrio init` until the state is durable."""
        return self.root / "setting-up"

    @property
    def joining_file(self) -> Path:
        """The file that exists from the start of a first `qutrio enroll join` until it succeeds."""
        return self.root / "joining"

    @property
    def lock_file(self) -> Path:
        """The file whose lock is held by the one process that may write here."""
        return self.root / "lock"


def find_data_directory(
    environ: Mapping[str, str], *, is_root: bool, explicit: Path | None = None
) -> DataDirectory:
    """Return the data directory: `explicit`, $QUTRIO_DIR, or the default of this user.

    Raises `DataDirectoryError` when the environment has no home directory.
    """
    if explicit is not None:
        return DataDirectory(explicit.absolute())
    if chosen := environ.get("QUTRIO_DIR"):
        return DataDirectory(Path(chosen).absolute())
    if is_root:
        return DataDirectory(SYSTEM_DATA_DIRECTORY)
    if config := environ.get("XDG_CONFIG_HOME"):
        return DataDirectory(Path(config).absolute() / "qutrio")
    home = environ.get("HOME")
    if not home:
        raise DataDirectoryError("neither HOME nor QUTRIO_DIR is set; set QUTRIO_DIR")
    return DataDirectory(Path(home).absolute() / ".config" / "qutrio")


def find_socket(
    environ: Mapping[str, str],
    *,
    explicit: Path | None = None,
    system: Path = SYSTEM_SOCKET_DIRECTORY,
    temporary: Path = SHARED_TEMPORARY_DIRECTORY,
) -> Path:
    """Return the path of the control socket, the same for the daemon and for its callers.

    Nothing is created; see `prepare_socket_directory`.  Raises `DataDirectoryError` when the
    folder that would be used belongs to another user.
    """
    if explicit is not None:
        return explicit.absolute()
    if chosen := environ.get("QUTRIO_SOCKET"):
        return Path(chosen).absolute()
    if runtime := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(runtime) / SOCKET_NAME
    if os.access(system, os.W_OK | os.X_OK):
        return system / SOCKET_NAME
    if session := environ.get("XDG_RUNTIME_DIR"):
        return Path(session) / "qutrio" / SOCKET_NAME
    private = temporary / f"qutrio-{os.getuid()}"
    if os.path.lexists(private):
        require_private(private)
    return private / SOCKET_NAME


def closed_system_directory(
    socket: Path, system: Path = SYSTEM_SOCKET_DIRECTORY
) -> tuple[Path, int] | None:
    """Return the folder in which another user's daemon may listen, and that user's number.

    None when this user's `socket` is there, or when this user may open the folder, or when
    there is none.
    """
    if system in socket.parents or os.access(system, os.X_OK):
        return None
    try:
        return system, system.stat().st_uid
    except OSError:
        return None


def prepare_socket_directory(socket: Path) -> None:
    """Create the folder of the control socket, for this user only, unless it exists.

    Raises `DataDirectoryError` when that fails, or when other users could write to it.
    """
    try:
        socket.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot make {socket.parent} for the control socket: {plain_reason(error)}"
        raise DataDirectoryError(f"{problem}; set QUTRIO_SOCKET to another path") from None
    if socket.parent.name == f"qutrio-{os.getuid()}":
        require_private(socket.parent)


def require_private(path: Path) -> None:
    """Raise `DataDirectoryError` unless `path` is a folder that only this user can open."""
    try:
        found = path.lstat()
    except OSError as error:
        raise DataDirectoryError(f"cannot read {path}: {plain_reason(error)}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise DataDirectoryError(f"{path} is not a folder; remove it, or set QUTRIO_SOCKET")
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise DataDirectoryError(
            f"{path} is not private to this user; remove it, or set QUTRIO_SOCKET"
        )
