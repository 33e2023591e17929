"""Durable state of a participant: its promise and its hard state, so that terms never fall.

A lost or damaged state is never taken for an empty one: a participant that forgot its promise
could help two leaders into one term.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Protocol

import orjson
import trio

from qutrio.codec.stable import RECOVERY
from qutrio.errors import DataDirectoryError, InvalidDocumentError, StorageError, plain_reason
from qutrio.model.ids import NodeId
from qutrio.model.stable import Stable
from qutrio.storage.atomic import write_atomic
from qutrio.storage.directories import DIRECTORY_MODE, DataDirectory
from qutrio.storage.lock import lock_directory
from qutrio.storage.store import Store

OWNER_NAME = "seat.json"
"""The file that names the participant whose state a folder holds."""
PARTICIPANT_RECOVERY = (
    "an older copy would lack this participant's last promise, so do not restore one: while all"
    " other participants run and one of them leads, move the folder away and start this one again"
)


class State(Protocol):
    """Storage for the durable state of a participant.  One participant uses it at a time."""

    def hold(self, election: str, me: NodeId) -> AbstractContextManager[None]:
        """Lock the storage for the length of the block.

        Raises `DataDirectoryError` when it is in use, unusable, or another participant's.
        """
        ...

    async def load(self) -> Stable | None:
        """Return what is stored, or None when this participant was never started.

        Raises `InvalidDocumentError` when it is damaged, `UnsupportedVersionError` when a newer
        version wrote it, and `DataDirectoryError` when it cannot be read.
        """
        ...

    async def create(self, stable: Stable) -> None:
        """Store a first state, or one of new members; raises `StorageError`."""
        ...

    @property
    def durable(self) -> Stable:
        """What a crash would leave now; valid after `load` or `create`."""
        ...

    async def persist(self, stable: Stable) -> None:
        """Return when `stable` would survive a power loss; raises `StorageError`."""
        ...


class FolderState:
    """The state in a folder of its own; writes are atomic, so a power loss does not damage it."""

    def __init__(self, path: PathLike[str] | str) -> None:
        """Use the folder at `path`, which is made if it is missing."""
        self._directory = DataDirectory(Path(path).absolute())
        self._store = Store(self._directory)
        self._owner = b""

    @contextmanager
    def hold(self, election: str, me: NodeId) -> Iterator[None]:
        """Lock the folder; see `State.hold`."""
        root = self._directory.root
        self._owner = orjson.dumps({"election": election, "seat": me})
        try:
            root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise DataDirectoryError(f"cannot make {root}: {plain_reason(error)}") from None
        with lock_directory(self._directory):
            yield

    async def load(self) -> Stable | None:
        """Read the state, if there is one; see `State.load`."""
        return await trio.to_thread.run_sync(self._load)

    async def create(self, stable: Stable) -> None:
        """Write a first state, and the file that names its owner."""
        await trio.to_thread.run_sync(self._create, stable)

    @property
    def durable(self) -> Stable:
        """The state that was last read or written."""
        return self._store.durable

    async def persist(self, stable: Stable) -> None:
        """Write the state in a thread."""
        await self._store.persist(stable)

    @property
    def _owner_file(self) -> Path:
        return self._directory.root / OWNER_NAME

    def _load(self) -> Stable | None:
        self._require_owner()
        if not self._directory.state_file.exists():
            if self._owner_file.exists() and not self._directory.unfinished_file.exists():
                lost = f"{self._directory.state_file} is missing"
                raise InvalidDocumentError(f"{lost}; {PARTICIPANT_RECOVERY}")
            return None
        try:
            stable = self._store.load()
        except InvalidDocumentError as error:
            damage = str(error).removesuffix(f"; {RECOVERY}")
            raise InvalidDocumentError(f"{damage}; {PARTICIPANT_RECOVERY}") from None
        self._finish()
        return stable

    def _require_owner(self) -> None:
        """Refuse the folder of a daemon, another participant, or another election."""
        root = self._directory.root
        try:
            owner = self._owner_file.read_bytes()
        except FileNotFoundError:
            if self._directory.state_file.exists():
                problem = f"{root} holds a state, but no {OWNER_NAME} that names its participant"
                raise DataDirectoryError(
                    f"{problem}; give every participant a folder of its own"
                ) from None
            return
        except OSError as error:
            raise DataDirectoryError(
                f"cannot read {self._owner_file}: {plain_reason(error)}"
            ) from None
        if owner != self._owner:
            raise DataDirectoryError(
                f"{root} is the folder of another participant ({_shown(owner)}, not"
                f" {_shown(self._owner)}); give every participant a folder of its own"
            )

    def _create(self, stable: Stable) -> None:
        for file, content in (
            (self._directory.unfinished_file, b""),  # until the state is there, or it was lost
            (self._owner_file, self._owner),
        ):
            try:
                write_atomic(file, content)
            except OSError as error:
                raise StorageError(f"cannot write {file}: {plain_reason(error)}") from None
        self._store.create(stable)
        self._finish()

    def _finish(self) -> None:
        with suppress(OSError):  # the next start tries again
            self._directory.unfinished_file.unlink(missing_ok=True)


class MemoryState:
    """A state in memory, for tests without disks and threads.

    Pass it to the next start of the same participant, as a disk would be.  While `failing`
    holds a reason, writes fail with it.
    """

    def __init__(self) -> None:
        """Begin as the state of a participant that was never started."""
        self.failing: str | None = None
        self._kept: Stable | None = None
        self._held = False

    @contextmanager
    def hold(self, election: str, me: NodeId) -> Iterator[None]:
        """Lock the state; see `State.hold`."""
        if self._held:
            raise DataDirectoryError(f"the state of {me} in {election} is in use")
        self._held = True
        try:
            yield
        finally:
            self._held = False

    async def load(self) -> Stable | None:
        """Return what is stored."""
        await trio.lowlevel.checkpoint()
        return self._kept

    async def create(self, stable: Stable) -> None:
        """Store a first state."""
        await self.persist(stable)

    @property
    def durable(self) -> Stable:
        """What is stored."""
        assert self._kept is not None, "load or create first"
        return self._kept

    async def persist(self, stable: Stable) -> None:
        """Store `stable`, or raise `StorageError` with the reason in `failing`."""
        await trio.lowlevel.checkpoint()
        if self.failing is not None:
            raise StorageError(self.failing)
        self._kept = stable


def _shown(owner: bytes) -> str:
    with suppress(ValueError, TypeError, KeyError):
        told = orjson.loads(owner)
        return f"{told['seat']} in {told['election']}"
    return "unreadable"
