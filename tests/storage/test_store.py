"""A persisted state is there after a restart, and a failed write changes nothing."""

from pathlib import Path

import pytest
from attrs import evolve

from qutrio.errors import DataDirectoryError, InvalidDocumentError, StorageError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Revision, Term
from qutrio.model.incidents import Ledger
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.storage.directories import DataDirectory
from qutrio.storage.store import MemoryStore, Store


def record(number: int) -> Record:
    document = ClusterDocument(cluster_id="k", revision=Revision(number), members=())
    return Record(Position(Term(1), number), document, Ledger(sequence=number))


FIRST = Stable(Promise(), record(1), record(1))


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
def store(directory: DataDirectory) -> Store:
    store = Store(directory)
    store.create(FIRST)
    return store


def documents(directory: DataDirectory) -> list[str]:
    return sorted(p.name for p in directory.state.glob("document-*"))


async def test_a_persisted_state_is_loaded(directory: DataDirectory, store: Store) -> None:
    stable = Stable(Promise(Term(4), NodeId("n1")), record(3), record(2))
    await store.persist(stable)
    assert store.durable == stable
    assert Store(directory).load() == stable


async def test_a_promise_alone_writes_no_document(directory: DataDirectory, store: Store) -> None:
    (name,) = documents(directory)
    before = (directory.state / name).stat().st_mtime_ns
    await store.persist(evolve(FIRST, promise=Promise(Term(9), None)))
    assert (directory.state / name).stat().st_mtime_ns == before
    assert Store(directory).load().promise.term == 9


async def test_a_state_that_cannot_be_written_is_a_failure_of_the_disk(
    directory: DataDirectory, store: Store
) -> None:
    """A crash would come again after each restart; this node goes on without the role."""
    endless = evolve(record(2), ledger=Ledger(sequence=2**64))
    with pytest.raises(StorageError, match="the state cannot be written as JSON"):
        await store.persist(Stable(Promise(), endless, record(1)))
    assert store.durable == FIRST
    assert Store(directory).load() == FIRST


async def test_an_equal_document_is_not_written_again(
    directory: DataDirectory, store: Store
) -> None:
    (name,) = documents(directory)
    before = (directory.state / name).stat().st_ino
    await store.persist(Stable(Promise(), record(1), record(1)))
    assert (directory.state / name).stat().st_ino == before


async def test_documents_that_nothing_refers_to_are_removed(
    directory: DataDirectory, store: Store
) -> None:
    for number in range(2, 8):
        await store.persist(Stable(Promise(), record(number), record(number - 1)))
        assert len(documents(directory)) == 2
    assert Store(directory).load().accepted == record(7)


async def test_a_failed_write_leaves_what_was_durable(
    directory: DataDirectory, store: Store
) -> None:
    obstacle = directory.state / ".state.json.tmp"
    obstacle.mkdir()
    with pytest.raises(StorageError, match="cannot write to"):
        await store.persist(Stable(Promise(), record(2), record(2)))
    assert store.durable == FIRST
    assert Store(directory).load() == FIRST
    obstacle.rmdir()
    await store.persist(Stable(Promise(), record(2), record(2)))
    assert Store(directory).load().accepted == record(2)


def test_a_directory_without_a_state_names_init(directory: DataDirectory) -> None:
    with pytest.raises(DataDirectoryError, match="qutrio init"):
        Store(directory).load()


def test_a_lost_document_says_which_and_how_to_recover(
    directory: DataDirectory, store: Store
) -> None:
    (name,) = documents(directory)
    (directory.state / name).unlink()
    with pytest.raises(InvalidDocumentError, match=f"{name}.*enroll join"):
        Store(directory).load()
    assert store.durable == FIRST


def test_a_damaged_state_says_which_file(directory: DataDirectory, store: Store) -> None:
    directory.state_file.write_bytes(directory.state_file.read_bytes()[:-9])
    with pytest.raises(InvalidDocumentError, match=r"state\.json: is not JSON"):
        Store(directory).load()
    assert store.durable == FIRST


async def test_the_store_in_memory_fails_on_demand() -> None:
    store = MemoryStore(FIRST)
    other = Stable(Promise(), record(2), record(2))
    store.failing = "no space left"
    with pytest.raises(StorageError, match="no space left"):
        await store.persist(other)
    assert store.load() == store.durable == FIRST
    store.failing = None
    await store.persist(other)
    assert store.load() == other
