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
from qutrio.model.new_checks import require_new_check
from qutrio.sim.scenario.actions import Action, Change, Fields, Request
from qutrio.sim.scenario.problems import without_secrets
from qutrio.sim.scenario.tokens import (
    EVERYBODY,
    NOBODY,
    NODES_MAX,
    Scope,
    SentenceError,
    Tokens,
    is_duration,
    shown,
    split,
    unknown,
)

T = TypeVar("T")
_WHOLE = re.compile(r"[0-9]{1,9}")
_CONSTANTS: Final = MappingProxyType({"true": True, "false": False, "null": None})
_HERE: Final = "here"
"""Where a value is that the line of the complaint names already."""
_RESERVED: Final = frozenset({EVERYBODY, NOBODY, "for", "via", "is", "->", "<->"})


def add(text: Tokens) -> Action:
    """Read `check NAME [FIELD=VALUE ...] [via NODE]`."""
    text.expect("check")
    name = text.take("the name of the new check")
    refuse_name("check", name)
    fields = _fields(text)
    new_check(name, plain(fields))
    return _request(text, Change.ADD_CHECK, name, fields)


def edit(text: Tokens) -> Action:
    """Read `check CHECK FIELD=VALUE ... [via NODE]`."""
    text.expect("check")
    name = text.check()
    fields = _fields(text, "say what to change, such as interval=10s")
    edited(text.scope.checks[name], fields)
    return _request(text, Change.EDIT_CHECK, name, fields)


def remove(text: Tokens) -> Action:
    """Read `check CHECK` or `node NODE`, and `[via NODE]`."""
    if text.choose("thing to remove", ("check", "node"), "things") == "check":
        return _request(text, Change.REMOVE_CHECK, text.check())
    return _request(text, Change.REMOVE_NODE, text.node())


def settings(text: Tokens) -> Action:
    """Read `NAME=VALUE ... [via NODE]`."""
    fields = _fields(text, "say what to set, such as heartbeat=2s dead_after=8s")
    updated_settings(text.scope.settings, plain(fields))
    return _request(text, Change.EDIT_SETTINGS, "", fields)


def join(text: Tokens) -> Action:
    """Read `node NAME [via NODE]`."""
    text.expect("node")
    name = text.take("the name of the new node")
    refuse_name("node", name)
    if name in text.scope.nodes:
        raise SentenceError(f"there is a node {shown(name)} already; choose another name")
    if len(text.scope.nodes) >= NODES_MAX:
        raise SentenceError(f"a scenario plays {NODES_MAX} nodes at most")
    return _request(text, Change.JOIN, name)


def scope_after(scope: Scope, action: Action) -> Scope:
    """Return the names that later sentences may use."""
    if not isinstance(action, Request):
        return scope
    name, fields, checks = action.name, action.fields, dict(scope.checks)
    match action.change:
        case Change.ADD_CHECK:
            checks[name] = new_check(name, plain(fields))
        case Change.EDIT_CHECK:
            checks[name] = edited(checks[name], fields)
        case Change.REMOVE_CHECK:
            del checks[name]
        case Change.EDIT_SETTINGS:
            return evolve(scope, settings=updated_settings(scope.settings, plain(fields)))
        case Change.JOIN:
            return evolve(scope, nodes=(*scope.nodes, name))
        case Change.REMOVE_NODE:
            pass
    return evolve(scope, checks=checks)


def new_check(name: str, given: Mapping[str, Any]) -> Check:
    """Return a check that a scenario names, with defaults for what it leaves out.

    Raises `SentenceError`.
    """
    _refuse_identity(given)
    defaults = {"id": name, "name": name, "kind": "http"}
    if given.get("kind", "http") == "http":
        defaults["url"] = f"https://{name}.example/"
    return _checked_check({**defaults, **given}, name, None)


def edited(check: Check, fields: Fields) -> Check:
    """Return a check with other values in some fields.  Raises `SentenceError`."""
    given = plain(fields)
    _refuse_identity(given)
    return _checked_check({**check_to_plain(check, secrets=True), **given}, check.name, check)


def updated_settings(current: Settings, given: Mapping[str, Any]) -> Settings:
    """Return settings with other values in some fields.  Raises `SentenceError`."""
    merged = {**settings_to_plain(current), **given}
    changed = _checked(lambda: settings_from_plain(merged, _HERE, strict=True))
    if changed.engine not in ENGINES:
        raise unknown("engine", changed.engine, ENGINES)
    return changed


def request_text(text: str) -> str:
    """Return the sentence of a request as an expectation quotes it, with secrets masked."""
    return " ".join(split(without_secrets(text)))


def refuse_name(kind: str, name: str) -> None:
    """Refuse a name that no sentence could use.  Raises `SentenceError`."""
    key = Fingerprint("")
    try:
        # A member's rule for names is the one for checks and channels too.
        Member(id=NodeId(""), name=name, address="a:1", fingerprint=key, certificate="")
    except InvalidValueError as error:
        raise SentenceError(f"{kind} {error.problem}") from None
    if name in _RESERVED or is_duration(name) or not name.strip("-"):
        raise SentenceError(f"{shown(name)} means something else in a sentence; name it otherwise")


def plain(fields: Fields) -> dict[str, Any]:
    """Return fields with their values as YAML would read them."""
    return {name: _value(name, text) for name, text in fields}


def _value(name: str, text: str) -> object:
    if name == "alerts":
        return text.split(",")
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return int(text) if _WHOLE.fullmatch(text) else text


def _refuse_identity(given: Mapping[str, Any]) -> None:
    """Refuse what would give a check another name than the one that sentences use."""
    for name in ("id", "name"):
        if name in given:
            raise SentenceError(f"a check keeps the name by which it was added; leave out {name!r}")


def _request(text: Tokens, change: Change, name: str, fields: Fields = ()) -> Request:
    via = text.node() if text.accept("via") else ""
    return Request(change=change, name=name, fields=fields, via=via)


def _fields(text: Tokens, needed: str = "") -> Fields:
    """Read `FIELD=VALUE ...`; `needed` is the complaint where at least one must be given."""
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
    if needed and not fields:
        raise SentenceError(needed)
    return tuple(fields.items())


def _checked_check(given: dict[str, Any], name: str, before: Check | None) -> Check:
    """Return a check as strictly as every command reads it.  Raises `SentenceError`."""
    where = f"check {name!r}"
    check = _checked(lambda: check_from_plain(given, where, strict=True))
    try:
        require_new_check(check, before)
    except InvalidValueError as error:
        raise SentenceError(f"{where}: {error}") from None
    return check


def _checked(make: Callable[[], T]) -> T:
    try:
        return make()
    except InvalidDocumentError as error:
        raise SentenceError(str(error).removeprefix(f"{_HERE}: ")) from None
