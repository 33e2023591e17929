"""The durable state on disk: promises and records, never lost once `persist` has returned.

The folder holds `state.json`, replaced whole at every write, and the documents that it refers
to, each in a file of its own that is written once.  `save_plan` has the steps, and why.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import trio

from qutrio.codec.stable import decode_state
from qutrio.errors import DataDirectoryError, InvalidDocumentError, StorageError, plain_reason
from qutrio.storage.atomic import perform, sync_directory
from qutrio.storage.directories import DIRECTORY_MODE, DataDirectory
from qutrio.storage.leftovers import missing
from qutrio.storage.save_plan import obsolete, saving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qutrio.model.document import ClusterDocument
    from qutrio.model.stable import Stable


class StableStore(Protocol):
    """Stores a node's durable state."""

    @property
    def durable(self) -> Stable:
        """The state that a crash now would leave."""
        ...

    def load(self) -> Stable:
        """Return the stored state."""
        ...

    async def persist(self, stable: Stable) -> None:
        """Return once `stable` would survive a power loss; raises `StorageError`."""
        ...


class Store:
    """The state in a data directory.  One task persists; call `load` or `create` first."""

    def __init__(self, directory: DataDirectory) -> None:
        """Use `directory`, which the caller has locked."""
        self._directory = directory
        self._limiter = trio.CapacityLimiter(1)
        self._durable: Stable | None = None
        self._kept: Mapping[str, ClusterDocument] = {}

    @property
    def durable(self) -> Stable:
        """The last state that was read, or that was written without an error."""
        assert self._durable is not None, "load or create first"
        return self._durable

    def load(self) -> Stable:
        """Read the state.

        Raises `DataDirectoryError` when there is none, `InvalidDocumentError` when it is
        damaged, and `UnsupportedVersionError` when a newer version wrote it.
        """
        path = self._directory.state_file
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise missing(self._directory, path) from None
        except OSError as error:
            raise DataDirectoryError(f"cannot read {path}: {plain_reason(error)}") from None
        self._durable = decode_state(data, self._read_document, str(path))
        return self._durable

    def create(self, stable: Stable) -> None:
        """Write a first state, without a thread; raises `StorageError`."""
        try:
            self._directory.state.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            sync_directory(self._directory.root)
        except OSError as error:
            raise StorageError(_failure(self._directory.state, error)) from None
        self._write(stable)

    async def persist(self, stable: Stable) -> None:
        """Write the state in a thread; raises `StorageError` when it may not be durable."""
        await trio.to_thread.run_sync(self._write, stable, limiter=self._limiter)

    def _write(self, stable: Stable) -> None:
        folder = self._directory.state
        try:
            plan = saving(stable, self._kept)
            perform(folder, plan.steps)
        except OSError as error:
            raise StorageError(_failure(folder, error)) from None
        except InvalidDocumentError as error:
            # No record that is read leads here.  If one does, this node gives the role away and
            # goes on without it, as with a full disk: a crash would come again after each restart.
            raise StorageError(f"cannot write to {folder}: the state {error}") from None
        self._durable, self._kept = stable, plan.kept
        with suppress(OSError):  # failed removals are tried again at the next write
            perform(folder, obsolete((path.name for path in folder.iterdir()), plan.kept))

    def _read_document(self, name: str) -> bytes:
        path = self._directory.state / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise InvalidDocumentError(f"cannot read {path}: {plain_reason(error)}") from None


class MemoryStore:
    """A store without a disk, for virtual time.  While `failing` holds a reason, writes fail."""

    def __init__(self, stable: Stable) -> None:
        """Hold `stable` as if it had been read from a disk."""
        self.durable = stable
        self.failing: str | None = None

    def load(self) -> Stable:
        """Return the stored state."""
        return self.durable

    async def persist(self, stable: Stable) -> None:
        """Store `stable`, or raise `StorageError` with the reason in `failing`."""
        await trio.lowlevel.checkpoint()
        if self.failing is not None:
            raise StorageError(self.failing)
        self.durable = stable


def _failure(path: Path, error: OSError) -> str:
    return f"cannot write to {path}: {plain_reason(error)}"
