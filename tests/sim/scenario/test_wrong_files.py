"""Each kind of wrong file: refused as a whole, before it is played, with line and remedy."""

from pathlib import Path

import pytest

from qutrio.cli.app import main
from qutrio.cli.exits import ExitCode
from qutrio.errors import InvalidDocumentError
from qutrio.sim.scenario.reading import ENTRIES_MAX, FILE_BYTES_MAX, read
from qutrio.sim.scenario.tokens import NODES_MAX
from tests.sim.scenario.stories import NODES, SOURCE, no_file, written


def problems(text: str) -> str:
    with pytest.raises(InvalidDocumentError) as caught:
        read(text, SOURCE, no_file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty", "nodes: [alpha"]),
        ("# later\n", ["is empty"]),
        ("- a\n- b\n", [":1:", "nodes: [alpha"]),
        (f"{NODES}\n{NODES}\n", [":2:", "'nodes' is given twice"]),
        (f"{NODES}\nsettings: {{heartbeat: 1s, heartbeat: 2s}}\n", [":2:", "given twice"]),
        (f"{NODES}\ntimeline:\n\t- at 1s: heal\n", [":3:", "tab", "spaces"]),
        (f"{NODES}\ntimelime: []\n", [":2:", "'timelime'", "did you mean 'timeline'"]),
        ("nodes: [alpha\nuntil: }\n", [":2:", "is not YAML"]),
        ("nodes: &a [x]\nchecks: *a\n", [":1:", "anchors and aliases"]),
        (f"nodes: {'[' * 60}\n", ["nested"]),
        ("nodes: [alpha, Alpha]\n", ["'Alpha'", "case alone"]),
        (f"{NODES}\nchecks: {{db: {{kind: tcp, address: 'a b:80'}}}}\n", ["holds a blank"]),
        (f"{NODES}\nchecks: {{db: {{kind: tcp, address: '::1:80'}}}}\n", ["brackets"]),
        ("timeline: []\n", ["nodes: is missing", "nodes: [alpha, bravo, charlie]"]),
        ("nodes: alpha\n", ["nodes: [alpha, bravo, charlie]"]),
        ("nodes: []\n", ["name at least one"]),
        ("nodes: [a, b, a]\n", ["'a' is given twice"]),
        ("nodes: [1, '1']\n", ["'1' is not a name"]),
        ("nodes: ['1', b]\n", ["'1'", "name it otherwise"]),
        ("nodes: [null, true, {a: b}]\n", ["'null' is not a name", "'true'", "'{a: \"b\"}'"]),
        ('nodes: ["a\\e[2J"]\n', ["is not a name"]),
        (f'{NODES}\ntimeline:\n- at 1s: "crash \\e[2Jx"\n', ["'at 1s: crash ?[2Jx'"]),
        ("nodes: [all]\n", ["'all'", "name it otherwise"]),
        ("nodes: [a b]\n", ["'a b' is not a name"]),
        (f"nodes: [{', '.join(f'n{n}' for n in range(26))}]\n", ["26", str(NODES_MAX)]),
        (f"{NODES}\nsettings: {{hartbeat: 1s}}\n", [":2:", "hartbeat", "'heartbeat'"]),
        (f"{NODES}\nsettings: {{heartbeat: 3s}}\n", [":2:", "dead_after", "9s"]),
        (f"{NODES}\nsettings: {{engine: later}}\n", ["'later'", "lowest-id"]),
        (f"{NODES}\nsettings: 1s\n", [":2:", "heartbeat: 1s"]),
        (f"{NODES}\nchecks: {{web: {{intervall: 1s}}}}\n", ["intervall", "'interval'"]),
        (f"{NODES}\nchecks: {{web: 10s}}\n", ["'10s'", "{interval: 10s}"]),
        (f"{NODES}\nchecks: {{web: {{id: shop}}}}\n", ["checks:", "leave out 'id'"]),
        (f"{NODES}\nchecks: {{web: {{alerts: [mial]}}}}\n", ["web: there is no channel 'mial'"]),
        (f"{NODES}\nchannels: {{mail: 10s}}\n", ["'10s'", "{default: false}"]),
        (f"{NODES}\nchannels: {{mail: {{to: me}}}}\n", ["'to'", "default"]),
        (f"{NODES}\nchannels: {{mail: {{default: 7}}}}\n", ["true or false"]),
        (f"{NODES}\nuntil: 3d\n", [":2:", "24h at most"]),
        (f"{NODES}\nuntil: soon\n", [":2:", "'soon'", "30s"]),
        (
            f"{NODES}\nuntil: 1m\ntimeline:\n- at 2m: heal\n",
            [":4:", "2m is after the end", "until"],
        ),
        (f"{NODES}\ntitle: [a]\n", ["title: is not a text"]),
        (f"{NODES}\ntitle: {'x' * 200}\n", ["title: is longer than 120"]),
        (f"{NODES}\ntimeline: crash alpha\n", ["is not a list", "- at 10s:"]),
        (f"{NODES}\ntimeline:\n- at 5s:\n", [":3:", "'at 5s:' says nothing"]),
        (f"{NODES}\ntimeline:\n- at 5s: {{a: b}}\n", [":3:", "is not a line such as"]),
        (f"{NODES}\ntimeline:\n- crash alpha\n", [":3:", "'crash alpha' is not a line such as"]),
        ("cluster: [c.yaml]\n", ["cluster: is not a text"]),
        (f"{NODES}\ncluster: c.yaml\n", ["nodes: the cluster file says that"]),
    ],
)
def test_a_wrong_file_is_refused_with_what_to_do(text: str, words: list[str]) -> None:
    told = problems(text) if "cluster: c" not in text else problems_of_cluster(text)
    assert told.startswith(SOURCE)
    assert [word for word in words if word not in told] == []


def problems_of_cluster(text: str) -> str:
    def missing(path: str) -> str:
        raise InvalidDocumentError(f"cannot read {path}")

    with pytest.raises(InvalidDocumentError) as caught:
        read(text, SOURCE, missing)
    assert "cannot read c.yaml" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("at 10s: crash alfa", ["no node 'alfa'", "did you mean 'alpha'"]),
        ("at 10s: cut alpha -> zulu", ["no node 'zulu'", "alpha, bravo, charlie"]),
        ("at 10s: cut alpha -> alpha", ["no link to itself"]),
        ("at 10s: cut alpha => bravo", ["'=>' is not understood"]),
        ("at 10s: cut", ["it ends where a node should follow"]),
        ("at 10s: kil alpha", ["'kil'", "'crash NODES'"]),
        ("at 10s: restart alpha", ["'restart'", "stop NODES for 2s"]),
        ("at 10s: haeal", ["'haeal'", "'heal'"]),
        ("at 10s: frobnicate", ["no verb 'frobnicate'", "unblind"]),
        ("at soon: heal", ["'soon' is not a time"]),
        ("in 5s: heal", ["begins with 'at TIME'"]),
        ("at: heal", ["it ends where a time"]),
        ("at 10s later: heal", ["'later' is not understood"]),
        ("at 10s: heal for 5s", ["'for' does not go with 'heal'"]),
        ("at 10s: crash alpha for 0s", ["longer time"]),
        ("at 10s: crash alpha for ever", ["'ever' is not a time"]),
        ("at 10s: target wbe fails", ["no check 'wbe'", "'web'"]),
        ("at 10s: target web explodes", ["'explodes'", "fails, recovers"]),
        ("at 10s: target web fails now", ["'now' is not understood"]),
        ("at 10s: channel fax fails", ["no channel 'fax'", "mail"]),
        ("at 10s: disk alpha melts", ["'melts'", "read-only"]),
        ("at 10s: loss 20", ["'20' is not a share"]),
        ("at 10s: loss 120%", ["at most 100%"]),
        ("at 10s: delay 2h", ["60s at most"]),
        ("at 10s: clock alpha runs 9% fast", ["at most 5%"]),
        ("at 10s: clock alpha jumps 800d ahead", ["a year at most"]),
        ("at 10s: set heartbeat", ["'heartbeat' is not NAME=VALUE"]),
        ("at 10s: set", ["say what to set"]),
        ("at 10s: set heartbeat=9s", ["dead_after", "27s"]),
        ("at 10s: edit check web", ["say what to change"]),
        ("at 10s: edit check web interval=2s interval=3s", ["given twice"]),
        ("at 10s: edit check web name=shop", ["keeps the name", "leave out 'name'"]),
        (f"at {'9' * 390}s: heal", ["is too long"]),
        ("at 10s: add check all", ["name it otherwise"]),
        ("at 10s: add check shop interval=soon", ["interval", "'soon'"]),
        ("at 10s: join node bravo", ["there is a node 'bravo' already"]),
        ("at 10s: remove alpha", ["'alpha'", "check, node"]),
        (f"at 10s: crash {'a' * 600}", ["is not a line such as"]),
    ],
)
def test_a_wrong_sentence_of_the_timeline_is_told_with_its_line(
    sentence: str, words: list[str]
) -> None:
    told = problems(written(sentence))
    assert told.startswith(f"{SOURCE}:3: ")
    assert [word for word in words if word not in told] == []


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("at 5s: master is brvao", ["'brvao'", "'bravo'"]),
        ("sometimes: two masters", ["'sometimes'", "always, never"]),
        ("by: two masters", ["it ends where a time"]),
        ("within 5s: two masters", ["'of'"]),
        ("never from 10s to 5s: two masters", ["earlier time first"]),
        ("at 5s: web is broken", ["'broken'", "up, down, unknown"]),
        ("at 5s: web", ["it ends where 'is' should follow"]),
        ("at 5s: alpha is down", ["'node alpha is ...'"]),
        ("at 5s: node alpha is happy", ["'happy'", "suspended"]),
        ("at 5s: quorum lost", ["'lost' stands where 'held' should"]),
        ("at 5s: everything is fine", ["'everything'", "master"]),
        ("at 5s: paged wbe down once", ["no check 'wbe'", "'web'"]),
        ("at 5s: paged web down 3 times extra", ["'extra' is not understood"]),
        ("at 5s: paged web down 5000 times", ["at most 1000"]),
        ("by 5s: paged web down 1.5 times", ["'1.5' is not a count", "'3 times'"]),
        ("by 5s: paged web down 2", ["'2' says not how often", "'twice'"]),
        ("at 5s: term is two", ["'two' is not a term"]),
        ("at 5s: add check x is acknowledged", ["nobody asks for 'add check x'"]),
        ("at 5s: add check x is done", ["'done'", "acknowledged, refused, unknown"]),
        ("at 5s: add check x", ["ends with 'is'"]),
        ('at 5s: ""', ["says nothing"]),
    ],
)
def test_a_wrong_expectation_is_told_with_its_line(sentence: str, words: list[str]) -> None:
    told = problems(written(expect=sentence))
    assert told.startswith(f"{SOURCE}:3: ")
    assert [word for word in words if word not in told] == []


def test_several_mistakes_are_told_at_once_and_the_rest_is_counted() -> None:
    told = problems(written("\n".join(f"at {n}s: crash n{n}" for n in range(14)))).splitlines()
    assert len(told) == 11
    assert told[-1] == "4 more"


def test_nodes_that_join_count_against_the_limit() -> None:
    joins = "\n".join(f"at {n}s: join node n{n}" for n in range(NODES_MAX))
    told = problems(written(joins)).splitlines()
    assert len(told) == 3, "three were there before"
    assert f"{NODES_MAX} nodes at most" in told[0]


def test_the_lines_of_a_timeline_are_in_order_of_time() -> None:
    told = problems(written("at 20s: heal\nat 10s: heal"))
    assert f"{SOURCE}:4: " in told
    assert "comes after 'at 20s'" in told


def test_a_name_can_be_used_once_it_is_there() -> None:
    assert "no check 'shop'" in problems(written("at 1s: target shop fails\nat 2s: add check shop"))
    read(written("at 1s: add check shop\nat 2s: target shop fails"), SOURCE, no_file)


def test_a_timeline_has_a_limit() -> None:
    text = f"{NODES}\ntimeline:\n- at 1s: [{', '.join(['heal'] * (ENTRIES_MAX + 1))}]\n"
    assert f"more than {ENTRIES_MAX} sentences" in problems(text)


# --- as files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe\x00nonsense", "UTF-8"),
        (b"nodes: [a]\n\x00", "UTF-8"),
        (b"#" * (FILE_BYTES_MAX + 1), "256 KiB"),
        (b"\xef\xbb\xbfnodes: [a b]\n", "is not a name"),
    ],
)
def test_a_file_that_is_no_text_or_too_large_is_refused(
    data: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(data)
    assert main(["sim", str(file)]) == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def test_what_is_no_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, words in (
        (tmp_path, "not a regular file"),
        (tmp_path / "nope.yaml", "No such file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        assert main(["sim", str(path)]) == ExitCode.BAD_INPUT
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("svg", "words"), [("x.png", ".svg"), ("nowhere/x.svg", "directory that exists")]
)
def test_a_drawing_that_could_not_be_written_is_refused_before_the_play(
    svg: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(NODES)
    assert main(["sim", str(file), "--svg", str(tmp_path / svg)]) == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def test_a_path_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file.yaml"
    file.write_text('cluster: "a\\0b"\n')
    assert main(["sim", str(file)]) == ExitCode.BAD_INPUT
    assert "file.yaml:1: cluster: cannot read" in capsys.readouterr().err


def test_a_drawing_that_cannot_be_written_leaves_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, drawing = tmp_path / "file.yaml", tmp_path / "x.svg"
    file.write_text(NODES)
    drawing.symlink_to("/dev/full")
    assert main(["sim", str(file), "--svg", str(drawing)]) == ExitCode.ERROR
    said = capsys.readouterr()
    assert "the end" in said.out
    assert f"cannot write the drawing '{drawing}': No space left" in said.err


def test_a_cluster_file_with_a_mistake_is_told_with_its_own_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cluster.yaml").write_text("cluster_id: x\nrevision: one\n")
    file = tmp_path / "file.yaml"
    file.write_text("cluster: cluster.yaml\n")
    assert main(["sim", str(file)]) == ExitCode.BAD_INPUT
    assert "cluster.yaml:2" in capsys.readouterr().err
