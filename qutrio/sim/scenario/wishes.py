"""What an operator of a scenario asks for: `add check shop interval=10s via bravo`."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from attrs import evolve

from qutrio.codec.plain import (
    check_from_plain,
    check_to_plain,
    settings_from_plain,
    settings_to_plain,
)
from qutrio.core.election.engines import ENGINES
from qutrio.errors import InvalidDocumentError, InvalidValueError
from qutrio.model.checks import Check
from qutrio.model.document import Settings
from qutrio.model.ids import Fingerprint, NodeId
from qutrio.model.members import Member
from qutrio.sim.scenario.deeds import (
    AddCheck,
    Ask,
    Change,
    Deed,
    EditCheck,
    EditSettings,
    Fields,
    Join,
    RemoveCheck,
    RemoveNode,
)
from qutrio.sim.scenario.hiding import without_secrets
from qutrio.sim.scenario.words import (
    EVERYBODY,
    NOBODY,
    NODES_MAX,
    Cast,
    SentenceError,
    Words,
    is_duration,
    shown,
    split,
    unknown,
)

T = TypeVar("T")
_WHOLE = re.compile(r"[0-9]{1,9}")
_WORDS: Final = MappingProxyType({"true": True, "false": False, "null": None})
_HERE: Final = "here"
"""Where a value is that the line of the complaint names already."""
_NO_KEY = Fingerprint("")
_RESERVED: Final = frozenset({EVERYBODY, NOBODY, "for", "via", "is", "->", "<->"})


def add(text: Words) -> Deed:
    """Read `check NAME [FIELD=VALUE ...] [via NODE]`."""
    text.expect("check")
    name = text.take("the name of the new check")
    refuse_name("check", name)
    fields = _fields(text)
    return _ask(text, AddCheck(new_check(name, _plain(fields))))


def edit(text: Words) -> Deed:
    """Read `check CHECK FIELD=VALUE ... [via NODE]`."""
    text.expect("check")
    name = text.check()
    fields = _fields(text)
    if not fields:
        raise SentenceError("say what to change, such as interval=10s")
    edited(text.cast.checks[name], fields)
    return _ask(text, EditCheck(name, fields))


def remove(text: Words) -> Deed:
    """Read `check CHECK` or `node NODE`, and `[via NODE]`."""
    if text.choose("thing to remove", ("check", "node"), "things") == "check":
        return _ask(text, RemoveCheck(text.check()))
    return _ask(text, RemoveNode(text.node()))


def settings(text: Words) -> Deed:
    """Read `NAME=VALUE ... [via NODE]`."""
    fields = _fields(text)
    if not fields:
        raise SentenceError("say what to set, such as heartbeat=2s dead_after=8s")
    updated_settings(text.cast.settings, fields)
    return _ask(text, EditSettings(fields))


def join(text: Words) -> Deed:
    """Read `node NAME [via NODE]`."""
    text.expect("node")
    name = text.take("the name of the new node")
    refuse_name("node", name)
    if name in text.cast.nodes:
        raise SentenceError(f"there is a node {shown(name)} already; choose another name")
    if len(text.cast.nodes) >= NODES_MAX:
        raise SentenceError(f"a scenario plays {NODES_MAX} nodes at most")
    return _ask(text, Join(name))


def after(cast: Cast, deed: Deed) -> Cast:
    """Return the names that later sentences may use."""
    match deed:
        case Ask(AddCheck(check)):
            return evolve(cast, checks={**cast.checks, check.name: check})
        case Ask(EditCheck(name, fields)):
            return evolve(cast, checks={**cast.checks, name: edited(cast.checks[name], fields)})
        case Ask(RemoveCheck(name)):
            return evolve(cast, checks={n: c for n, c in cast.checks.items() if n != name})
        case Ask(EditSettings(fields)):
            return evolve(cast, settings=updated_settings(cast.settings, fields))
        case Ask(Join(node)):
            return evolve(cast, nodes=(*cast.nodes, node))
        case _:
            return cast


def new_check(name: str, plain: dict[str, Any]) -> Check:
    """Return a check that a scenario names; what it does not say is made up.

    Raises `SentenceError`.
    """
    _refuse_identity(plain)
    made_up = {"id": name, "name": name, "kind": "http", "url": f"https://{name}.example/"}
    if plain.get("kind", "http") != "http":
        del made_up["url"]
    return _written({**made_up, **plain}, name, None)


def edited(check: Check, fields: Fields) -> Check:
    """Return a check with other values in some fields.  Raises `SentenceError`."""
    wanted = _plain(fields)
    _refuse_identity(wanted)
    plain = {**check_to_plain(check, secrets=True), **wanted}
    return _written(plain, check.name, check)


def updated_settings(current: Settings, fields: Fields) -> Settings:
    """Return settings after `set NAME=VALUE ...`.  Raises `SentenceError`."""
    return changed_settings(current, _plain(fields))


def changed_settings(current: Settings, plain: dict[str, Any]) -> Settings:
    """Return settings with other values in some fields.  Raises `SentenceError`."""
    merged = {**settings_to_plain(current), **plain}
    changed = _checked(lambda: settings_from_plain(merged, _HERE, strict=True))
    if changed.engine not in ENGINES:
        raise unknown("engine", changed.engine, ENGINES)
    return changed


def wish(text: str) -> str:
    """Return the sentence of a wish as an expectation quotes it: its words, single spaces.

    Secrets in it are masked.
    """
    return " ".join(split(without_secrets(text)))


def refuse_name(kind: str, name: str) -> None:
    """Refuse a name that nobody could use in a sentence.  Raises `SentenceError`."""
    try:
        # A member's rule for names is the one for checks and channels too.
        Member(id=NodeId(""), name=name, address="a:1", fingerprint=_NO_KEY, certificate="")
    except InvalidValueError as error:
        raise SentenceError(f"{kind} {error.problem}") from None
    if name in _RESERVED or is_duration(name) or not name.strip("-"):
        raise SentenceError(f"{shown(name)} means something else in a sentence; name it otherwise")


def _refuse_identity(plain: Mapping[str, Any]) -> None:
    """Refuse what would give a check another name than the one that sentences use."""
    for name in ("id", "name"):
        if name in plain:
            raise SentenceError(f"a check keeps the name by which it was added; leave out {name!r}")


def _ask(text: Words, change: Change) -> Deed:
    return Ask(change, text.node() if text.accept("via") else "")


def _fields(text: Words) -> Fields:
    fields: dict[str, str] = {}
    while text.left and text.peek() != "via":
        name, equals, value = text.take("NAME=VALUE").partition("=")
        if not equals or not name or not value:
            raise SentenceError(f"{shown(name)} is not NAME=VALUE, such as interval=10s")
        if name in fields:
            raise SentenceError(f"{shown(name)} is given twice")
        while text.accept(","):
            value += "," + text.take("another value")
        fields[name] = value
    return tuple(fields.items())


def _plain(fields: Fields) -> dict[str, Any]:
    return {name: _value(name, text) for name, text in fields}


def _value(name: str, text: str) -> object:
    if name == "alerts":
        return text.split(",")
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE.fullmatch(text) else text


def _written(plain: dict[str, Any], name: str, was: Check | None) -> Check:
    """Return a check as strictly as every command reads it.  Raises `SentenceError`."""
    where = f"check {name!r}"
    check = _checked(lambda: check_from_plain(plain, where, strict=True))
    try:
        check.require_dialable(was)
    except InvalidValueError as error:
        raise SentenceError(f"{where}: {error}") from None
    return check


def _checked(make: Callable[[], T]) -> T:
    try:
        return make()
    except InvalidDocumentError as error:
        raise SentenceError(str(error).removeprefix(f"{_HERE}: ")) from None
