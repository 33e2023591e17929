"""Where a seat keeps what it must not forget: its promise and its ballot, so that no term falls.

A lost or damaged state is never taken for an empty one: a seat that forgot what it promised
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
"""The file that says whose state a folder holds."""
SEAT_RECOVERY = (
    "an older copy would forget what this seat promised, so do not restore one: while all other"
    " seats run and one of them leads, move the folder away and start this seat again"
)


class State(Protocol):
    """A place for what a seat must not forget.  One seat has it at a time."""

    def hold(self, election: str, me: NodeId) -> AbstractContextManager[None]:
        """Keep all others out for the length of the block.

        Raises `DataDirectoryError` when it is taken, cannot be used, or is another seat's.
        """
        ...

    async def load(self) -> Stable | None:
        """Return what is kept, or None when this seat was never started.

        Raises `InvalidDocumentError` when it is damaged, `UnsupportedVersionError` when a newer
        version wrote it, and `DataDirectoryError` when it cannot be read.
        """
        ...

    async def create(self, stable: Stable) -> None:
        """Keep a state that was not loaded; raises `StorageError`."""
        ...

    @property
    def durable(self) -> Stable:
        """What a crash at this moment would leave; after `load` or `create`."""
        ...

    async def persist(self, stable: Stable) -> None:
        """Return when `stable` would survive a power loss, or raise `StorageError`."""
        ...


class FolderState:
    """The state in a folder of its own, written so that a power loss leaves it whole."""

    def __init__(self, path: PathLike[str] | str) -> None:
        """Use the folder at `path`, which is made when there is none."""
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
        """Write a first state, and whose it is."""
        await trio.to_thread.run_sync(self._create, stable)

    @property
    def durable(self) -> Stable:
        """What was read or written last."""
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
                raise InvalidDocumentError(f"{lost}; {SEAT_RECOVERY}")
            return None
        try:
            stable = self._store.load()
        except InvalidDocumentError as error:
            damage = str(error).removesuffix(f"; {RECOVERY}")
            raise InvalidDocumentError(f"{damage}; {SEAT_RECOVERY}") from None
        self._finish()
        return stable

    def _require_owner(self) -> None:
        """Refuse the folder of a daemon, of another seat, or of another election."""
        root = self._directory.root
        try:
            owner = self._owner_file.read_bytes()
        except FileNotFoundError:
            if self._directory.state_file.exists():
                problem = f"{root} holds a state, but no {OWNER_NAME} that says which seat's"
                raise DataDirectoryError(
                    f"{problem}; give every seat a folder of its own"
                ) from None
            return
        except OSError as error:
            raise DataDirectoryError(
                f"cannot read {self._owner_file}: {plain_reason(error)}"
            ) from None
        if owner != self._owner:
            raise DataDirectoryError(
                f"{root} is the folder of another seat ({_shown(owner)}, not"
                f" {_shown(self._owner)}); give every seat a folder of its own"
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
    """A state that ends with the process: for tests, which need neither disks nor threads.

    Give it to the next start of the same seat, as a disk would be.  While `failing` holds a
    reason, writes fail with it.
    """

    def __init__(self) -> None:
        """Begin as a seat that was never started."""
        self.failing: str | None = None
        self._kept: Stable | None = None
        self._held = False

    @contextmanager
    def hold(self, election: str, me: NodeId) -> Iterator[None]:
        """Refuse a second holder."""
        if self._held:
            raise DataDirectoryError(f"the state of {me} in {election} is in use")
        self._held = True
        try:
            yield
        finally:
            self._held = False

    async def load(self) -> Stable | None:
        """Return what is kept."""
        await trio.lowlevel.checkpoint()
        return self._kept

    async def create(self, stable: Stable) -> None:
        """Keep a first state."""
        await self.persist(stable)

    @property
    def durable(self) -> Stable:
        """What is kept."""
        assert self._kept is not None, "load or create first"
        return self._kept

    async def persist(self, stable: Stable) -> None:
        """Keep `stable`, or raise `StorageError` with the reason in `failing`."""
        await trio.lowlevel.checkpoint()
        if self.failing is not None:
            raise StorageError(self.failing)
        self._kept = stable


def _shown(owner: bytes) -> str:
    with suppress(ValueError, TypeError, KeyError):
        told = orjson.loads(owner)
        return f"{told['seat']} in {told['election']}"
    return "unreadable"
