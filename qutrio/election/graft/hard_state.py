"""Durable hard state of a graft participant: its term, and its vote in that term.

A vote that is forgotten can be given twice, and then two leaders share a term.  So the file is
written, flushed and renamed before any answer is sent, has a checksum, and a damaged one is
never taken for an empty one.
"""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson
import trio

from qutrio.errors import DataDirectoryError, InvalidDocumentError, StorageError, plain_reason
from qutrio.model.ids import NodeId, Term
from qutrio.model.stable import HardState
from qutrio.storage.atomic import write_atomic
from qutrio.storage.directories import DIRECTORY_MODE, DataDirectory
from qutrio.storage.lock import lock_directory
from qutrio.storage.regular_file import explain, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from os import PathLike

FORMAT = 1
FILE_NAME = "graft-ballot.json"
FILE_BYTES_MAX = 64 * 1024
RECOVERY = (
    "an older copy would lack a vote, so do not restore one: while the other participants run and"
    " one of them leads, move the file away and start this one again"
)


class HardStateStore(Protocol):
    """Storage for one participant's hard state."""

    def hold(self, cluster: str, me: NodeId) -> AbstractContextManager[HardState]:
        """Lock the storage for the length of the block, which gets the stored hard state.

        Raises `DataDirectoryError` when it is in use, unusable, or another participant's, and
        `InvalidDocumentError` when it is damaged.
        """
        ...

    async def save(self, hard_state: HardState) -> None:
        """Return when the hard state would survive a power loss; raises `StorageError`."""
        ...


class HardStateFolder:
    """A folder of one participant's own, with the hard state in a file."""

    def __init__(self, path: PathLike[str] | str) -> None:
        """Use the folder at `path`, which is made if it is missing."""
        self._directory = DataDirectory(Path(path).absolute())
        self._limiter = trio.CapacityLimiter(1)
        self._identity = {"cluster": "", "seat": ""}

    @contextmanager
    def hold(self, cluster: str, me: NodeId) -> Iterator[HardState]:
        """Lock the folder and read the file; see `HardStateStore.hold`."""
        self._identity = {"cluster": cluster, "seat": me}
        root = self._directory.root
        try:
            root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise DataDirectoryError(f"cannot make {root}: {plain_reason(error)}") from None
        with lock_directory(self._directory):
            yield self._load()

    async def save(self, hard_state: HardState) -> None:
        """Write the file in a thread."""
        await trio.to_thread.run_sync(self._write, hard_state, limiter=self._limiter)

    @property
    def _file(self) -> Path:
        return self._directory.root / FILE_NAME

    def _write(self, hard_state: HardState) -> None:
        body = {**self._identity, "term": hard_state.term, "vote": hard_state.vote}
        sealed = {"format": FORMAT, "checksum": _checksum(body), "body": body}
        try:
            write_atomic(self._file, orjson.dumps(sealed))
        except OSError as error:
            raise StorageError(f"cannot write {self._file}: {plain_reason(error)}") from None

    def _load(self) -> HardState:
        try:
            data = read_regular(self._file, FILE_BYTES_MAX)
        except FileNotFoundError:
            return HardState()
        except OSError as error:
            raise DataDirectoryError(f"cannot read {self._file}: {explain(error)}") from None
        body = self._unsealed(data)
        if {name: body[name] for name in self._identity} != self._identity:
            raise DataDirectoryError(
                f"{self._file} is the hard state of {body['seat']} in {body['cluster']}; give"
                " every participant a folder of its own"
            )
        vote = body["vote"]
        return HardState(Term(body["term"]), None if vote is None else NodeId(vote))

    def _unsealed(self, data: bytes) -> dict[str, Any]:
        """Return the body of the file; raises `InvalidDocumentError` when it is damaged."""
        try:
            outer = orjson.loads(data)
            if outer["format"] == FORMAT and outer["checksum"] == _checksum(outer["body"]):
                body: dict[str, Any] = outer["body"]
                return body
        except (ValueError, TypeError, KeyError):
            pass
        raise InvalidDocumentError(f"{self._file} is damaged; {RECOVERY}")


def _checksum(body: Any) -> str:
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
