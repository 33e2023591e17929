"""node.yaml: what is written is read, and what is wrong is named."""

import pytest

from qutrio.codec.node_yaml import LogFormat, NodeFile, emit, parse
from qutrio.errors import InvalidDocumentError, UnsupportedVersionError
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


def test_what_is_written_is_read() -> None:
    assert parse(TEXT, "node.yaml") == NODE
    assert "# Written for a test.\n" in TEXT


def test_what_is_left_out_has_a_default() -> None:
    node = parse("node_id: n1\nname: one\nadvertise: h:1\n", "node.yaml")
    assert (node.port, node.log_format) == (9901, LogFormat.AUTO)


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
def test_what_is_wrong_is_named_with_file_line_and_field(old: str, new: str, problem: str) -> None:
    with pytest.raises(InvalidDocumentError, match=problem) as caught:
        parse(TEXT.replace(old, new), "node.yaml")
    assert str(caught.value).startswith("node.yaml:")


def test_a_file_of_a_newer_version_is_not_called_wrong() -> None:
    with pytest.raises(UnsupportedVersionError, match=r"newer version of qutrio \(format 2"):
        parse(TEXT.replace("format: 1", "format: 2\nfuture: true"), "node.yaml")
