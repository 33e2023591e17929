"""Fields that a newer version wrote, kept as canonical JSON text so that nothing is lost."""

from collections.abc import Mapping

import orjson

from qutrio.model.ids import Extra

EXTRA_DEPTH_MAX = 32


def json_text(value: object) -> str:
    """Return the canonical JSON text of a value; raises `TypeError` when it has none."""
    if _depth(value) > EXTRA_DEPTH_MAX:
        raise TypeError(f"is nested more than {EXTRA_DEPTH_MAX} levels deep")
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def extra_of(data: Mapping[str, object], known: frozenset[str]) -> Extra:
    """Return the fields of `data` that are not known, sorted by name."""
    return tuple((name, json_text(data[name])) for name in sorted(data.keys() - known))


def extra_values(extra: Extra) -> dict[str, object]:
    """Return the fields as plain data again."""
    return {name: orjson.loads(text) for name, text in extra}


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list | tuple):
        return 1 + max(map(_depth, value), default=0)
    return 0
