"""Tab completion: names that the daemon knows, and fixed words.

A completion never fails and never waits long: without a daemon it offers nothing.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from qutrio.control.client import call
from qutrio.errors import QutrioError
from qutrio.storage.directories import find_socket

WAIT_S = 1.0

Complete = Callable[[str], list[str]]


def words(*known: str) -> Complete:
    """Return a completion of fixed words."""
    return lambda incomplete: _begun(known, incomplete)


def check_names(incomplete: str) -> list[str]:
    """Return the checks whose names begin with `incomplete`."""
    return _begun(_names("check.list", "checks"), incomplete)


def channel_names(incomplete: str) -> list[str]:
    """Return the alert channels whose names begin with `incomplete`."""
    return _begun(_names("alert.list", "channels"), incomplete)


def node_names(incomplete: str) -> list[str]:
    """Return the nodes whose names begin with `incomplete`."""
    return _begun(_names("node.list", "nodes"), incomplete)


def token_names(incomplete: str) -> list[str]:
    """Return the open tokens whose ids or nodes' names begin with `incomplete`."""
    tokens = _rows("enroll.list", "tokens")
    waiting = [(token["claimant"] or {}).get("name") for token in tokens]
    known = [*(t["name"] for t in tokens), *waiting, *(t["id"] for t in tokens)]
    return _begun(dict.fromkeys(filter(None, known)), incomplete)


def setting_pairs(incomplete: str) -> list[str]:
    """Return the settings whose names begin with `incomplete`, each with its `=`."""
    settings = _ask("settings.show").get("settings", {})
    return _begun((f"{name}=" for name in settings), incomplete)


def engines(incomplete: str) -> list[str]:
    """Return the matching engines of the daemon or, without one, of this program."""
    known = _ask("engine.show").get("known_engines")
    if not known:
        from qutrio.core.api.engine_timers import TIMERS  # noqa: PLC0415 - only without a daemon

        known = sorted(TIMERS)
    return _begun(known, incomplete)


def _begun(known: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]


def _names(op: str, field: str) -> list[str]:
    return [row["name"] for row in _rows(op, field)]


def _rows(op: str, field: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _ask(op).get(field, [])
    return rows


def _ask(op: str) -> dict[str, Any]:
    try:
        return call(find_socket(os.environ), {"op": op}, WAIT_S)
    except (QutrioError, OSError):
        return {}
