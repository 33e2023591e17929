"""`node.yaml`: the settings of one node, which are not replicated."""

import re
from collections.abc import Mapping
from enum import Enum
from io import StringIO
from ipaddress import ip_address
from typing import Any, Final

from attrs import Attribute, field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from qutrio.codec.fields import Read, choice, text, texts, whole
from qutrio.codec.node_hooks import plain_hooks, read_hooks
from qutrio.codec.yaml_text import YamlText, flow, read_yaml
from qutrio.errors import InvalidDocumentError, InvalidValueError, UnsupportedVersionError
from qutrio.model.hooks import NO_HOOKS, Hooks
from qutrio.model.ids import NodeId
from qutrio.model.members import PORT_MAX, split_address
from qutrio.model.rules import between, is_name, require

NODE_FORMAT = 1
LINE_CHARS_MAX = 4096
PORT_DEFAULT = 9901
BIND_DEFAULT = "0.0.0.0"  # noqa: S104 - other nodes must reach it

CANARY_ZONES_MAX = 32
_ZONE = re.compile(r"(?=.{1,220}$)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")


class LogFormat(Enum):
    """The format of log lines.  `AUTO` is pretty on a terminal and logfmt otherwise."""

    AUTO = "auto"
    PRETTY = "pretty"
    JSON = "json"
    LOGFMT = "logfmt"


def require_bind(value: str) -> None:
    """Raise `InvalidValueError` unless the value is an IP address to listen on.

    A host name is refused, because its address may change.
    """
    try:
        ip_address(value)
    except ValueError:
        problem = f"{value[:80]!r} is not an IP address, such as {BIND_DEFAULT}, 192.0.2.1 or '::'"
        raise InvalidValueError("bind", problem) from None


def _are_zones(_: object, attribute: "Attribute[tuple[str, ...]]", zones: tuple[str, ...]) -> None:
    require(len(zones) <= CANARY_ZONES_MAX, attribute.name, f"has more than {CANARY_ZONES_MAX}")
    for zone in zones:
        good = zone == "." or _ZONE.fullmatch(zone) is not None
        problem = f"{zone[:80]!r} is not a DNS zone, such as corp.example or '.'"
        require(good, attribute.name, problem)


@frozen(kw_only=True)
class NodeFile:
    """The settings of one node.

    `advertise` is the host:port that other nodes dial; `bind` and `port` are where this node
    listens.  The node joins with `name` and `advertise`, which the cluster document holds from
    then on.  `canary_zones` are DNS zones in which this node looks up names that do not exist, to
    find out whether its resolver works.  `hooks` are run when this node gains or loses the role.
    """

    node_id: NodeId
    name: str = field(validator=is_name)
    advertise: str
    bind: str = BIND_DEFAULT
    port: int = field(default=PORT_DEFAULT, validator=between(1, PORT_MAX))
    log_format: LogFormat = LogFormat.AUTO
    canary_zones: tuple[str, ...] = field(default=(), validator=_are_zones)
    hooks: Hooks = NO_HOOKS

    def __attrs_post_init__(self) -> None:
        """Refuse an address that cannot be dialled, or that this node cannot listen on."""
        require_bind(self.bind)
        try:
            split_address(self.advertise)
        except InvalidValueError as error:
            raise InvalidValueError("advertise", error.problem) from None


_HEADER = """\
# This node's own settings; other nodes do not see this file.
# What the cluster watches is in cluster.yaml.
"""
_READERS: Final[Mapping[str, Read]] = {
    "node_id": text,
    "name": text,
    "advertise": text,
    "bind": text,
    "port": whole,
    "log_format": choice(LogFormat),
    "canary_zones": texts,
    "hooks": read_hooks,
}


def emit(node: NodeFile, note: str = "") -> str:
    """Return the text of `node.yaml`; `note` becomes a comment line."""
    fields: dict[str, object] = {
        "format": NODE_FORMAT,
        "node_id": node.node_id,
        "name": node.name,
        "advertise": node.advertise,
        "bind": node.bind,
        "port": node.port,
        "log_format": node.log_format.value,
    }
    if node.canary_zones:
        fields["canary_zones"] = list(node.canary_zones)
    if node.hooks != NO_HOOKS:
        fields["hooks"] = plain_hooks(node.hooks)
    header = _HEADER + (f"# {note}\n" if note else "")
    return header + "".join(f"{name}: {flow(value)}\n" for name, value in fields.items())


def amend(content: str, changes: Mapping[str, object], source: str) -> str:
    """Return a `node.yaml` with some fields changed and its comments kept.

    Raises what `parse` raises, for the text and for the new values.
    """
    parse(content, source)
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = LINE_CHARS_MAX
    tree = yaml.load(content)
    for name, value in changes.items():
        tree[name] = DoubleQuotedScalarString(value) if isinstance(value, str) else value
    stream = StringIO()
    yaml.dump(tree, stream)
    parse(stream.getvalue(), source)
    return stream.getvalue()


def parse(content: str, source: str) -> NodeFile:
    """Read `node.yaml`.

    Raises `InvalidDocumentError`, which names file, line and field, or
    `UnsupportedVersionError` for a file that a newer version wrote.
    """
    yaml = read_yaml(content, source)
    version = yaml.data.get("format", NODE_FORMAT)
    if type(version) is int and version > NODE_FORMAT:
        raise UnsupportedVersionError(
            f"{source}: was written by a newer version of qutrio (format {version}, this version"
            f" reads {NODE_FORMAT}); install that version again"
        )
    try:
        return _read(yaml.data)
    except InvalidValueError as error:
        where = f"{source}:{_line(yaml, error.field)}"
        raise InvalidDocumentError(f"{where}: {error.field}: {error.problem}") from None


def _line(yaml: YamlText, name: str) -> int:
    """Return the line of a field; a name such as `hooks.gain` is a field within another."""
    return yaml.line((name,) if name in yaml.data else tuple(name.split(".")))


def _read(data: Mapping[str, Any]) -> NodeFile:
    unknown = sorted(data.keys() - _READERS.keys() - {"format"})
    if unknown:
        known = ", ".join(_READERS)
        raise InvalidValueError(unknown[0], f"is not known; known are {known}")
    if data.get("format", NODE_FORMAT) != NODE_FORMAT:
        raise InvalidValueError("format", f"must be {NODE_FORMAT}")
    for name in ("node_id", "name", "advertise"):
        if name not in data:
            raise InvalidValueError(name, "is missing")
    return NodeFile(**{name: _READERS[name](data[name], name) for name in data if name != "format"})
