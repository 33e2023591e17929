"""node.yaml reads back as it was written, and errors name the field."""

import pytest
from attrs import evolve

from qutrio.codec.node_yaml import LogFormat, NodeFile, emit, parse
from qutrio.errors import InvalidDocumentError, UnsupportedVersionError
from qutrio.model.hooks import Hooks
from qutrio.model.ids import NodeId

NODE = NodeFile(
    node_id=NodeId("n12345e67890a"),
    name="one",
    advertise="[::1]:9901",
    bind="::",
    port=99,
    log_format=LogFormat.JSON,
)
TEXT = emit(NODE, "Written for a test.")


def test_a_written_file_reads_back() -> None:
    assert parse(TEXT, "node.yaml") == NODE
    assert "# Written for a test.\n" in TEXT


def test_a_missing_field_has_a_default() -> None:
    node = parse("node_id: n1\nname: one\nadvertise: h:1\n", "node.yaml")
    assert (node.port, node.log_format) == (9901, LogFormat.AUTO)


def test_hooks_are_words_and_a_limit() -> None:
    node = evolve(NODE, hooks=Hooks(gain=("/bin/echo", "a b"), loss=("/bin/true",), timeout_s=5))
    text = emit(node)
    assert 'hooks: {gain: ["/bin/echo", "a b"], loss: ["/bin/true"], timeout: "5s"}' in text
    assert parse(text, "node.yaml") == node
    only_loss = TEXT + "hooks:\n  loss: [/bin/true]\n"
    assert parse(only_loss, "node.yaml").hooks == Hooks(loss=("/bin/true",))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["hooks: all"], "1: hooks: 'all' is not a mapping of gain, loss, timeout"),
        (["hooks:", "  gane: [/x]"], "2: hooks.gane: is not known; known are gain, loss"),
        (["hooks:", "  timeout: 2s", "  gain: /bin/x"], "3: hooks.gain: '/bin/x' is not a list"),
        (["hooks:", "  gain: [7]"], "2: hooks.gain: 7 is not text; put it in quotes"),
        (["hooks:", "  gain: []"], "2: hooks.gain: .* is not a list of words"),
        (["hooks:", "  loss: [echo]"], "2: hooks.loss: 'echo' is not a full path"),
        (["hooks:", "  timeout: 2h"], "2: hooks.timeout: 2h is out of range: 1s to 10m"),
        (["hooks:", "  timeout: soon"], "2: hooks.timeout: 'soon'"),
    ],
)
def test_an_error_in_a_hook_names_its_line(lines: list[str], problem: str) -> None:
    text = "\n".join([*lines, "node_id: n1", "name: one", "advertise: h:1", ""])
    with pytest.raises(InvalidDocumentError, match=rf"^node\.yaml:{problem}"):
        parse(text, "node.yaml")


def test_canary_zones_are_written_only_if_there_are_any() -> None:
    node = evolve(NODE, canary_zones=("corp.example", "."))
    assert parse(emit(node), "node.yaml") == node
    assert "canary_zones" not in TEXT
    assert parse(TEXT + "canary_zones: corp.example.\n", "x").canary_zones == ("corp.example.",)


@pytest.mark.parametrize(
    ("zones", "problem"),
    [
        ("[7]", "canary_zones: 7 is not text"),
        ("{a: b}", "canary_zones: .* is not a list of texts"),
        ("[a b]", "canary_zones: 'a b' is not a DNS zone, such as corp.example or '.'"),
        ("['*.example']", "canary_zones: .* is not a DNS zone"),
        ("[a..b]", "canary_zones: 'a..b' is not a DNS zone"),
        ("['']", "canary_zones: '' is not a DNS zone"),
        (f"[{'a.' * 111}]", "canary_zones: .* is not a DNS zone"),
        (f"[{', '.join(['a'] * 33)}]", "canary_zones: has more than 32"),
    ],
)
def test_an_invalid_canary_zone_is_named(zones: str, problem: str) -> None:
    with pytest.raises(InvalidDocumentError, match=problem):
        parse(TEXT + f"canary_zones: {zones}\n", "node.yaml")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("port: 99", "port: many", "port: 'many' is not a whole number"),
        ("port: 99", "port: 0", "port: 0 is out of range"),
        ("port: 99", "prot: 99", "prot: is not known; known are"),
        ('name: "one"', "name: a b", "name: 'a b' is not a name"),
        ('name: "one"', "", "name: is missing"),
        ('"[::1]:9901"', "nowhere", "advertise: 'nowhere' is not host:port"),
        ('log_format: "json"', "log_format: xml", "'xml' is not one of auto, pretty"),
        ("format: 1", "format: 0", "format: must be 1"),
    ],
)
def test_an_error_names_file_line_and_field(old: str, new: str, problem: str) -> None:
    with pytest.raises(InvalidDocumentError, match=problem) as caught:
        parse(TEXT.replace(old, new), "node.yaml")
    assert str(caught.value).startswith("node.yaml:")


def test_a_file_of_a_newer_version_is_not_called_wrong() -> None:
    with pytest.raises(UnsupportedVersionError, match=r"newer version of qutrio \(format 2"):
        parse(TEXT.replace("format: 1", "format: 2\nfuture: true"), "node.yaml")
