"""`init`, `serve` and `enroll join` before any daemon runs: directories, names, first mistakes."""

import base64
import json
import os
import re
import socket
import stat
from pathlib import Path

import pytest
from attrs import evolve

from qutrio.cli.app import main
from qutrio.cli.exits import ExitCode
from qutrio.cli.places import data_directory
from qutrio.codec import node_yaml
from qutrio.model.checks import TcpCheck
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import CheckId, NodeId, Revision, UnixTime
from qutrio.model.stable import Record
from qutrio.peers.token import make_token
from qutrio.storage.joining import remember_joining
from qutrio.storage.lock import lock_directory
from qutrio.storage.places import DataDirectory
from qutrio.storage.remains import untouched
from qutrio.storage.store import Store
from tests import needs
from tests.control.brain import PEER, member
from tests.workers import free_port


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirectory:
    """Give a data directory that does not exist yet, named by the environment."""
    monkeypatch.setenv("QUTRIO_DIR", str(folder / "data"))
    monkeypatch.setenv("QUTRIO_SOCKET", str(folder / "q.sock"))
    return data_directory(None)


def token_of(cluster_id: str) -> str:
    """Return a token whose one member cannot be reached."""
    door = evolve(member(PEER, "b"), address=f"127.0.0.1:{free_port()}")
    document = ClusterDocument(cluster_id=cluster_id, revision=Revision(1), members=(door,))
    text, _ = make_token(document, own=NodeId(PEER), ttl_s=600.0, wall=UnixTime(4e9))
    return text


def test_init_makes_a_private_directory_with_a_node_of_its_own(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys, node.yaml and state; the next step is told."""
    assert untouched(place)
    code = main(["init", "--name", "a", "--bind", "127.0.0.1", "--port", "9955"])
    assert code == ExitCode.OK
    shown = capsys.readouterr()
    assert re.search(r"node +a \(n[0-9a-f]{12}\)", shown.out)
    assert "127.0.0.1:9955" in shown.out
    assert "qutrio serve" in shown.out
    assert stat.S_IMODE(place.root.stat().st_mode) == 0o700
    assert place.state_file.exists()
    assert not untouched(place)


def test_the_next_step_names_the_directory_that_was_chosen(
    place: DataDirectory, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = ["--name", "a", "--bind", "127.0.0.1"]
    assert main(["init", *node, "--dir", str(folder / "my node")]) == ExitCode.OK
    assert f"Start it with 'qutrio serve --dir '{folder}/my node''" in capsys.readouterr().out
    assert main(["init", *node]) == ExitCode.OK
    assert "Start it with 'qutrio serve'" in capsys.readouterr().out


def test_option_goes_before_environment(
    place: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the environment before the default."""
    monkeypatch.setenv("QUTRIO_NAME", "from-environment")
    monkeypatch.setenv("QUTRIO_PORT", "9955")
    monkeypatch.setenv("QUTRIO_BIND", "127.0.0.1")
    assert main(["init", "--name", "from-option"]) == ExitCode.OK
    node = node_yaml.parse(place.node_file.read_text(), "node.yaml")
    assert (node.name, node.port) == ("from-option", 9955)


def test_choice_of_address_that_may_be_wrong_is_told(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody may find out at the first outage that nodes cannot reach one another."""
    assert main(["init", "--name", "a"]) == ExitCode.OK
    assert "--advertise" in capsys.readouterr().err


def test_second_init_is_refused(place: DataDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    """And changes nothing."""
    main(["init", "--name", "a", "--bind", "127.0.0.1"])
    key = place.key_file.read_bytes()
    capsys.readouterr()
    assert main(["init", "--name", "b", "--bind", "127.0.0.1"]) == ExitCode.ERROR
    assert "set up already" in capsys.readouterr().err
    assert place.key_file.read_bytes() == key


@pytest.mark.parametrize(
    "arguments", [["--name", "a b"], ["--advertise", "nowhere"], ["--port", "70000"]]
)
def test_bad_particulars_are_refused_before_anything_is_written(
    place: DataDirectory, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A typing error must not leave half a node behind."""
    assert main(["init", *arguments]) == ExitCode.BAD_INPUT
    assert capsys.readouterr().err.count("\n") == 1
    assert untouched(place)


@pytest.mark.parametrize(
    ("bind", "code", "words"),
    [
        ("nonsense", ExitCode.BAD_INPUT, "bind: 'nonsense' is not an IP address"),
        ("192.0.2.1", ExitCode.ERROR, "cannot listen on 192.0.2.1"),
    ],
)
def test_serve_that_cannot_listen_sets_nothing_up(
    place: DataDirectory, capsys: pytest.CaptureFixture[str], bind: str, code: ExitCode, words: str
) -> None:
    """The next attempt, with the right address, begins from nothing."""
    assert main(["serve", "--name", "a", "--bind", bind]) == code
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert not place.root.exists()


@pytest.mark.parametrize("command", [["serve"], ["init"], ["enroll", "join", "TOKEN"]])
def test_lost_file_is_named_by_every_command_alike(
    place: DataDirectory, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """None of them sends the operator to another one that cannot help either."""
    main(["init", "--name", "a", "--bind", "127.0.0.1"])
    place.key_file.unlink()
    capsys.readouterr()
    arguments = [token_of("c1") if word == "TOKEN" else word for word in command]
    assert main(arguments) == ExitCode.ERROR
    told = capsys.readouterr().err
    assert "node.key is missing" in told
    assert "restore it from a backup" in told
    assert "qutrio init" not in told


def test_directory_that_is_a_file_is_told(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, with the path."""
    place.root.write_text("")
    assert main(["init", "--name", "a"]) == ExitCode.ERROR
    told = capsys.readouterr().err
    assert str(place.root) in told
    assert told.count("\n") == 1


def test_join_sets_an_empty_directory_up_and_tells_whom_it_could_not_reach(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """No member answers: an error, and nothing lost by trying again."""
    join = ["enroll", "join", token_of("c1"), "--name", "b", "--bind", "127.0.0.1"]
    for _ in range(2):
        assert main(join) == ExitCode.ERROR
        assert "no member of the cluster could be asked" in capsys.readouterr().err
    assert place.state_file.exists()


def test_a_directory_whose_join_failed_does_not_become_a_cluster_by_itself(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """`serve` says what was meant, and which two commands end the wait."""
    assert main(["enroll", "join", token_of("c1"), "--name", "b", "--bind", "127.0.0.1"]) == 1
    capsys.readouterr()
    assert main(["serve"]) == ExitCode.ERROR
    told = capsys.readouterr().err
    assert "was meant to join a cluster" in told
    assert "--alone" in told
    assert told.count("\n") == 1


def test_a_join_that_broke_off_before_its_keys_were_made_is_remembered_too(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    place.root.mkdir(mode=0o700)
    remember_joining(place, "c1")
    assert untouched(place)
    assert main(["serve", "--name", "b", "--bind", "127.0.0.1"]) == ExitCode.ERROR
    assert "was meant to join" in capsys.readouterr().err
    assert not place.state_file.exists()


def test_a_node_that_was_set_up_before_is_remembered_as_joining(place: DataDirectory) -> None:
    main(["init", "--name", "b", "--bind", "127.0.0.1"])
    assert not place.joining_file.exists()
    assert main(["enroll", "join", token_of("c1")]) == ExitCode.ERROR
    assert place.joining_file.exists()


def test_join_writes_into_node_yaml_what_its_flags_say(place: DataDirectory) -> None:
    """Else the first `serve` would tell the cluster the old name and an undialable address."""
    main(["init", "--name", "old", "--bind", "127.0.0.1", "--port", "9955"])
    place.node_file.write_text("# mine\n" + place.node_file.read_text())
    flags = ["--name", "b", "--advertise", "192.0.2.2:9901", "--port", "9901"]
    assert main(["enroll", "join", token_of("c1"), *flags]) == ExitCode.ERROR
    text = place.node_file.read_text()
    node = node_yaml.parse(text, "node.yaml")
    assert (node.name, node.advertise, node.port) == ("b", "192.0.2.2:9901", 9901)
    assert text.startswith("# mine\n")


def test_an_address_that_was_made_of_the_port_follows_it(place: DataDirectory) -> None:
    main(["init", "--name", "b", "--bind", "127.0.0.1", "--port", "9955"])
    assert main(["enroll", "join", token_of("c1"), "--port", "9966"]) == ExitCode.ERROR
    node = node_yaml.parse(place.node_file.read_text(), "node.yaml")
    assert (node.port, node.advertise) == (9966, "127.0.0.1:9966")


def test_join_refuses_to_write_through_a_link(
    place: DataDirectory, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["init", "--name", "old", "--bind", "127.0.0.1"])
    place.node_file.rename(folder / "node.yaml")
    place.node_file.symlink_to(folder / "node.yaml")
    capsys.readouterr()
    assert main(["enroll", "join", token_of("c1"), "--name", "b"]) == ExitCode.ERROR
    assert "is a link and is not written; say there: name: b" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["tcp://h:1", "0.0.0.0:9901", "[::]:9901", "h:0", "2001:db8::1"]
)
def test_an_address_that_nobody_can_dial_is_refused_by_init_and_join(
    place: DataDirectory, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    for command in (["init"], ["enroll", "join", token_of("c1")]):
        assert main([*command, "--name", "b", "--advertise", address]) == ExitCode.BAD_INPUT
        assert capsys.readouterr().err.startswith("qutrio: advertise: ")
    assert untouched(place)


@pytest.mark.parametrize("option", ["--name", "--advertise", "--bind", "--dir"])
def test_an_empty_option_does_not_count_as_not_given(
    place: DataDirectory, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """A variable of a shell that is not set must not choose another directory or name."""
    for command in (["init"], ["serve"], ["enroll", "join", token_of("c1")]):
        assert main([*command, option, ""]) == ExitCode.BAD_INPUT
        told = capsys.readouterr().err
        assert told == f"qutrio: {option}: is empty; give a value, or leave it out\n"
    assert untouched(place)


def test_an_address_of_this_machine_alone_is_refused_where_the_cluster_is_elsewhere(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["init", "--name", "b", "--bind", "127.0.0.1"])
    door = evolve(member(PEER, "a"), address="192.0.2.7:9901")
    document = ClusterDocument(cluster_id="c1", revision=Revision(1), members=(door,))
    token, _ = make_token(document, own=PEER, ttl_s=600.0, wall=UnixTime(4e9))
    capsys.readouterr()
    assert main(["enroll", "join", token]) == ExitCode.BAD_INPUT
    assert "the other nodes cannot dial 127.0.0.1:9901" in capsys.readouterr().err


def test_init_answers_in_json(place: DataDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--name", "a", "--bind", "127.0.0.1", "--json"]) == ExitCode.OK
    made = json.loads(capsys.readouterr().out)
    assert (made["name"], made["directory"]) == ("a", str(place.root))


def test_join_is_refused_while_a_daemon_runs(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its pid is named, and the token is not used up."""
    main(["init", "--name", "b", "--bind", "127.0.0.1"])
    with lock_directory(place):
        assert main(["enroll", "join", token_of("c1")]) == ExitCode.ERROR
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_node_that_watches_something_cannot_join_another_cluster(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would lose what it watches; it is refused before it asks anybody."""
    main(["init", "--name", "b", "--bind", "127.0.0.1"])
    store = Store(place)
    stable = store.load()
    check = TcpCheck(id=CheckId("c1"), name="db", address="db:1")
    document = evolve(stable.committed.document, revision=Revision(2), checks=(check,))
    record = Record(stable.committed.position, document, stable.committed.ledger)
    store.create(evolve(stable, accepted=record, committed=record))
    capsys.readouterr()
    assert main(["enroll", "join", token_of("other")]) == ExitCode.ERROR
    assert "cluster of its own" in capsys.readouterr().err


def test_token_with_one_changed_letter_is_bad_input(
    place: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before any directory is set up."""
    token = token_of("c1")
    assert base64.urlsafe_b64decode(token[4:] + "===")
    letter = "A" if token[20] != "A" else "B"
    assert main(["enroll", "join", token[:20] + letter + token[21:]]) == ExitCode.BAD_INPUT
    assert "damaged" in capsys.readouterr().err
    assert untouched(place)


@pytest.mark.parametrize(
    "command", [["status"], ["check", "list"], ["check", "add", "http", "web", "https://x/"]]
)
def test_no_daemon_ends_with_3(
    place: DataDirectory, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """With the socket that was tried, and what to do."""
    assert main(command) == ExitCode.NO_DAEMON
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert str(place.root.parent / "q.sock") in told.err
    assert "qutrio serve" in told.err


@needs.root("pretend to be another user")
def test_socket_of_another_user_ends_with_3(
    place: DataDirectory, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose it is, and who may ask."""
    folder.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "q.sock"))
        (folder / "q.sock").chmod(0o600)
        listener.listen()
        os.seteuid(65534)
        try:
            code = main(["status"])
        finally:
            os.seteuid(0)
    assert code == ExitCode.NO_DAEMON
    assert "belongs to user 'root'" in capsys.readouterr().err


@needs.root("pretend to be another user")
def test_a_socket_in_a_closed_folder_is_told_with_its_owner(
    place: DataDirectory,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As systemd makes it: the folder is private, so the socket itself cannot be looked at."""
    assert not place.root.exists()
    (folder / "run").mkdir(mode=0o700)
    monkeypatch.setenv("QUTRIO_SOCKET", str(folder / "run" / "q.sock"))
    folder.chmod(0o755)
    os.seteuid(65534)
    try:
        code = main(["status"])
    finally:
        os.seteuid(0)
    assert code == ExitCode.NO_DAEMON
    told = capsys.readouterr().err
    assert f"{folder}/run, where the daemon listens, belongs to user 'root'" in told
    assert "run this as that user or as root" in told
