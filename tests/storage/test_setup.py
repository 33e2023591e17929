"""A data directory is set up once, and a cluster is left only while it is empty."""

import base64
from pathlib import Path

import pytest
from attrs import evolve

from qutrio.codec.node_yaml import parse
from qutrio.errors import DataDirectoryError, InvalidValueError, StorageError
from qutrio.model.checks import TcpCheck
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, Fingerprint, Revision, Term, UnixTime
from qutrio.model.incidents import Ledger
from qutrio.model.members import Member
from qutrio.model.stable import Position, Promise, Record, Stable
from qutrio.storage.directories import DataDirectory
from qutrio.storage.keys import Identity, load_identity
from qutrio.storage.leftovers import can_set_up, tidy
from qutrio.storage.lock import lock_directory
from qutrio.storage.setup import adopt, default_advertise, default_name, initialise
from qutrio.storage.store import Store

DOCUMENT_NAME = "document-0-1-0123456789abcdef.json"


def init(directory: DataDirectory) -> Identity:
    return initialise(
        directory,
        name="one",
        advertise="127.0.0.1:9901",
        bind="127.0.0.1",
        port=9901,
        wall=UnixTime(1.8e9),
    )


def joined(identity: Identity) -> Stable:
    """Return the state of another cluster in which this node is a learner."""
    member = Member(
        id=identity.node_id,
        name="one",
        address="127.0.0.1:9901",
        fingerprint=identity.fingerprint,
        certificate=base64.b64encode(identity.certificate_der).decode(),
        voter=False,
    )
    document = ClusterDocument(cluster_id="other", revision=Revision(1), members=(member,))
    record = Record(Position(Term(3), 5), document, Ledger())
    return Stable(Promise(), record, record)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "deep" / "qutrio")


def test_a_fresh_node_is_a_cluster_of_its_own(directory: DataDirectory) -> None:
    identity = init(directory)
    stable = Store(directory).load()
    (member,) = stable.committed.document.members
    assert member.id == identity.node_id
    assert member.voter
    assert base64.b64decode(member.certificate) == identity.certificate_der
    assert stable.committed.document.revision == 1
    assert stable.committed.position == Position()
    assert stable.promise == Promise()
    node = parse(directory.node_file.read_text(), "node.yaml")
    assert (node.node_id, node.advertise) == (identity.node_id, "127.0.0.1:9901")
    assert directory.root.stat().st_mode & 0o777 == 0o700


def test_a_directory_is_set_up_once(directory: DataDirectory) -> None:
    init(directory)
    with pytest.raises(DataDirectoryError, match="set up already"):
        init(directory)


def test_a_crash_before_the_state_can_be_repeated(directory: DataDirectory) -> None:
    directory.root.mkdir(parents=True)
    directory.state.touch()  # no state can be written into a file
    with pytest.raises(StorageError):
        init(directory)
    first = load_identity(directory)
    directory.state.unlink()
    directory.node_file.write_text("torn")
    assert can_set_up(directory)
    assert init(directory).node_id == first.node_id
    assert Store(directory).load().committed.document.members[0].id == first.node_id
    assert sorted(p.name for p in directory.root.iterdir()) == [
        "keys",
        "lock",
        "node.yaml",
        "state",
    ]


LOST = ["state/state.json", "node.yaml", "keys/node.key", "keys/node.crt"]


@pytest.mark.parametrize("lost", LOST)
def test_a_node_that_lost_a_file_is_not_set_up_again(directory: DataDirectory, lost: str) -> None:
    """With its key but without its promises it could vote twice."""
    init(directory)
    (directory.root / lost).unlink()
    before = contents(directory)
    with pytest.raises(DataDirectoryError, match=f"{lost} is missing.*enroll join") as told:
        init(directory)
    # An old copy of the state would have forgotten promises.
    assert ("from a backup" in str(told.value)) is (lost != "state/state.json")
    assert contents(directory) == before
    assert not can_set_up(directory)


@pytest.mark.parametrize(
    "left",
    ["node.yaml", "cluster.yaml", "keys/node.key", "keys/node.crt", f"state/{DOCUMENT_NAME}"],
)
def test_nothing_is_set_up_on_what_is_left_of_a_node(directory: DataDirectory, left: str) -> None:
    path = directory.root / left
    path.parent.mkdir(parents=True)
    path.write_text("left")
    with pytest.raises(DataDirectoryError, match=r"state\.json is missing"):
        init(directory)
    assert path.read_text() == "left"


def test_an_old_mark_of_init_does_not_allow_a_second_setup(directory: DataDirectory) -> None:
    """A crash right after the state became durable leaves the mark; the next start removes it."""
    init(directory)
    directory.unfinished_file.touch()
    with pytest.raises(DataDirectoryError, match="set up already"):
        init(directory)
    tidy(directory)
    directory.state_file.unlink()
    with pytest.raises(DataDirectoryError, match=r"state\.json is missing"):
        init(directory)


def test_half_written_files_of_a_killed_init_are_removed_and_nothing_else(
    directory: DataDirectory,
) -> None:
    init(directory)
    before = contents(directory)
    half = [
        directory.state / f".{DOCUMENT_NAME}.tmp",
        directory.state / ".state.json.tmp",
        directory.root / ".cluster.yaml.refused-3.tmp",
        directory.key_file.with_name(".node.key.tmp"),
    ]
    mine = directory.root / ".notes.tmp"
    for path in [*half, mine]:
        path.write_text("half")
    tidy(directory)
    assert contents(directory) == {**before, mine: b"half"}


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
@pytest.mark.parametrize("folder", ["", "state", "keys"])
def test_a_directory_that_others_can_write_to_is_refused(
    directory: DataDirectory, mode: int, folder: str
) -> None:
    init(directory)
    (directory.root / folder).chmod(mode)
    with pytest.raises(DataDirectoryError, match=f"mode {mode:o}.*chmod 700"):
        init(directory)


def contents(directory: DataDirectory) -> dict[Path, bytes]:
    """Return every file in the directory except the lock, with its content."""
    files = (path for path in directory.root.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if path != directory.lock_file}


def test_a_bad_name_leaves_nothing_behind(directory: DataDirectory) -> None:
    with pytest.raises(InvalidValueError, match="name"):
        initialise(directory, name="a b", advertise="h:1", bind="::", port=1, wall=UnixTime(0))
    assert not directory.root.exists()


def test_a_host_name_as_listen_address_leaves_nothing_behind(directory: DataDirectory) -> None:
    with pytest.raises(InvalidValueError, match="bind: 'nonsense' is not an IP address"):
        initialise(directory, name="a", advertise="h:1", bind="nonsense", port=1, wall=UnixTime(0))
    assert not directory.root.exists()


def test_two_clusters_are_never_mistaken_for_one(tmp_path: Path) -> None:
    one, two = DataDirectory(tmp_path / "1"), DataDirectory(tmp_path / "2")
    init(one)
    init(two)
    ids = {Store(d).load().committed.document.cluster_id for d in (one, two)}
    assert len(ids) == 2


def test_a_fresh_node_adopts_the_state_of_the_cluster_it_joined(directory: DataDirectory) -> None:
    identity = init(directory)
    directory.cluster_file.write_text("of the old cluster")
    adopt(directory, identity, joined(identity))
    assert Store(directory).load() == joined(identity)
    assert not directory.cluster_file.exists()
    adopt(directory, identity, joined(identity))  # once more after a crash


def test_joining_again_does_not_restore_an_older_state(directory: DataDirectory) -> None:
    identity = init(directory)
    adopt(directory, identity, joined(identity))
    newer = evolve(joined(identity), promise=Promise(Term(9), None))
    Store(directory).create(newer)
    adopt(directory, identity, joined(identity))
    assert Store(directory).load() == newer


def test_a_node_that_was_removed_learns_that_it_is_back(directory: DataDirectory) -> None:
    identity = init(directory)
    back = joined(identity)
    without = evolve(back.committed, document=evolve(back.committed.document, members=()))
    Store(directory).create(Stable(Promise(Term(9), None), without, without))
    later = evolve(back.committed, position=Position(Term(10), 1))
    adopt(directory, identity, Stable(Promise(), later, later))
    assert Store(directory).load() == Stable(Promise(Term(9), None), later, later)


def test_a_cluster_with_checks_is_not_left(directory: DataDirectory) -> None:
    identity = init(directory)
    mine = Store(directory).load()
    check = TcpCheck(id=CheckId("c1"), name="db", address="127.0.0.1:1")
    used = evolve(mine.committed, document=evolve(mine.committed.document, checks=(check,)))
    Store(directory).create(Stable(mine.promise, used, used))
    with pytest.raises(DataDirectoryError, match="1 checks"):
        adopt(directory, identity, joined(identity))


def test_a_state_without_this_node_is_refused(directory: DataDirectory) -> None:
    identity = init(directory)
    stranger = evolve(identity, fingerprint=Fingerprint("0" * 64))
    with pytest.raises(DataDirectoryError, match="does not list this node"):
        adopt(directory, stranger, joined(identity))


def test_nothing_is_adopted_under_a_running_daemon(directory: DataDirectory) -> None:
    identity = init(directory)
    with lock_directory(directory), pytest.raises(DataDirectoryError, match="in use"):
        adopt(directory, identity, joined(identity))


@pytest.mark.parametrize(
    ("hostname", "name"),
    [("web-1.example.org", "web-1"), ("", "node"), ("---", "node"), ("Büro PC", "B-ro-PC"),
     ("a" * 99, "a" * 64), ("_x_", "x")],
)  # fmt: skip
def test_a_hostname_becomes_a_valid_name(hostname: str, name: str) -> None:
    assert default_name(hostname) == name


def test_a_specific_address_is_advertised_without_a_warning() -> None:
    assert default_advertise("127.0.0.9", 99).address == "127.0.0.9:99"
    assert default_advertise("::1", 99).address == "[::1]:99"
    assert default_advertise("127.0.0.9", 99).warning is None


def test_a_guessed_address_comes_with_a_warning() -> None:
    guess = default_advertise("0.0.0.0", 99)
    assert guess.address.endswith(":99")
    assert guess.warning is not None
    assert "--advertise" in guess.warning


@pytest.mark.parametrize("below", ["", "a", "a/b"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_file_where_the_directory_should_be_is_named(
    tmp_path: Path, below: str, dangling: bool
) -> None:
    file = tmp_path / "file"
    if dangling:
        file.symlink_to(tmp_path / "nothing" / "here")
    else:
        file.touch()
    with pytest.raises(DataDirectoryError) as caught:
        init(DataDirectory(file / below))
    words = "is not a directory; move it away, or choose another place with --dir"
    assert str(caught.value) == f"{file} {words}"
