"""`cluster.yaml`: the operator's view of the replicated document, to read and to edit.

`emit` is a plain writer, because it runs after every commit.  `merge` keeps an operator's
comments and order; it costs seconds per thousand checks, so it belongs in a process of its own.
"""

from collections.abc import Mapping
from functools import partial
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from qutrio.codec.plain import document_from_plain, document_to_plain, identified
from qutrio.codec.yaml_text import YamlText, block_field, flow, read_yaml
from qutrio.errors import InvalidDocumentError
from qutrio.model.document import ClusterDocument

LINE_CHARS_MAX = 1 << 30
EDITS: Final = "edits"
_SECTIONS: Final = ("members", "tokens", "channels", "checks")
_HEADER = """\
# What this cluster watches, as all its nodes agreed.  It holds secrets: keep it private.
#
# Edit it on any node and save: the change is proposed to the cluster.  Once a majority has it,
# every node rewrites its copy, with a higher revision.  What is refused is kept beside this file
# as cluster.yaml.refused-<n>, with the reason on top.  Comments stay.
#
# settings, channels and checks are yours, and the names and addresses of members.  A check that
# you add needs no id.  Leave revision and term as they are: they tell what you started from.
# Members come and go by 'qutrio enroll' and 'qutrio node', not here.  Keep the last line: without
# it the file is taken for one that was cut off, and refused.
"""
END = "# -- end of cluster.yaml --"
"""The last line: a text cut off between two checks is valid YAML, and would remove the rest."""


def emit(document: ClusterDocument) -> str:
    """Return the text of `cluster.yaml`; equal documents give equal texts."""
    lines = [_HEADER]
    for name, value in document_to_plain(document, secrets=True).items():
        if name == "settings":
            lines += ["", "settings:", *_fields(value, "  ", "  ")]
        elif name in _SECTIONS:
            lines += ["", f"{name}:" if value else f"{name}: []"]
            for item in value:
                lines += _fields(item, "  - ", "    ")
        elif name == EDITS:
            lines += ["", f"{name}:", *(f"  - {flow(edit)}" for edit in value)]
        else:
            lines.append(block_field(name, value, ""))
    return "\n".join([*lines, "", END, ""])


def parse(text: str, source: str) -> ClusterDocument:
    """Read `cluster.yaml`, however an operator left it.

    Raises `InvalidDocumentError` that names source, line and field, or
    `UnsupportedVersionError`.
    """
    yaml = read_yaml(text, source)
    return document_from_plain(yaml.data, source, locate=partial(_locate, yaml, source))


def line_of(text: str, section: str, item: str, field: str) -> int:
    """Return the line of a field in a text that `parse` reads, or of the nearest thing around it.

    `section` is empty for a field of the document itself; `item` is an id.
    """
    yaml = read_yaml(text, "cluster.yaml")
    if not section:
        return yaml.line((field,))
    items = yaml.data.get(section)
    for index, data in enumerate(items if isinstance(items, list) else ()):
        if identified(section, data)["id"] == item:
            return yaml.line((section, index, field))
    return yaml.line((section, field))


def is_whole(text: str) -> bool:
    """Tell whether a text still has the last line that every text begins its life with."""
    return text.rstrip().endswith(END)


def merge(text: str, document: ClusterDocument) -> str:
    """Return `text` with the document's values in it, and its comments and order kept.

    Falls back to `emit` rather than return a text that would not read as `document`.  Raises
    `InvalidDocumentError` for a text that `parse` refuses.
    """
    was = document_to_plain(parse(text, "cluster.yaml"), secrets=True)
    yaml = _round_trip()
    tree = yaml.load(text.rstrip().removesuffix(END))
    _merge_fields(tree, was, document_to_plain(document, secrets=True))
    stream = StringIO()
    yaml.dump(tree, stream)
    merged = f"{stream.getvalue().rstrip()}\n\n{END}\n"
    try:
        faithful = parse(merged, "merged") == document
    except InvalidDocumentError:
        faithful = False
    return merged if faithful else emit(document)


def _fields(data: Mapping[str, Any], first: str, rest: str) -> list[str]:
    lines = [block_field(name, value, rest) for name, value in data.items()]
    lines[0] = first + lines[0][len(rest) :]
    return lines


def _locate(yaml: YamlText, source: str, place: tuple[str | int, ...]) -> str:
    return f"{source}:{yaml.line(place)}"


def _round_trip() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = LINE_CHARS_MAX
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _merge_fields(tree: CommentedMap, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Put into the tree what differs between `was`, which it says, and `now`."""
    for name, value in now.items():
        if name in _SECTIONS:
            _merge_items(tree, name, was[name], value)
        elif name == "settings" and isinstance(tree.get(name), CommentedMap):
            _merge_fields(tree[name], was[name], value)
        elif name not in was or was[name] != value:
            tree[name] = CommentedSeq(map(_node, value)) if name == EDITS else _node(value)
    for name in was.keys() - now.keys():
        tree.pop(name, None)


def _merge_items(
    tree: CommentedMap, section: str, was: list[dict[str, Any]], now: list[dict[str, Any]]
) -> None:
    before, after = {i["id"]: i for i in was}, {i["id"]: i for i in now}
    items = tree.get(section)
    if not items:
        items = tree[section] = CommentedSeq()
    for index in reversed(range(len(items))):
        ident = identified(section, items[index])["id"]
        if ident not in after:
            del items[index]
            continue
        if "id" not in items[index]:
            items[index].insert(0, "id", DoubleQuotedScalarString(ident))
        _merge_fields(items[index], before[ident], after[ident])
    for ident, item in after.items():
        if ident not in before:
            items.append(CommentedMap((name, _node(value)) for name, value in item.items()))


def _node(value: object) -> object:
    """Return a value as ruamel's tree holds it: text quoted, collections on one line."""
    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, list | tuple):
        sequence = CommentedSeq(map(_node, value))
        sequence.fa.set_flow_style()
        return sequence
    if isinstance(value, dict):
        mapping = CommentedMap((DoubleQuotedScalarString(n), _node(v)) for n, v in value.items())
        mapping.fa.set_flow_style()
        return mapping
    return value
