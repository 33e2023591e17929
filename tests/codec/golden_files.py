"""What an older version sent and stored, and the same read and written again by this one.

Each file in `golden` was written by the version before names were pinned; later versions append
lines for what they add, and change none.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import orjson

from qutrio.codec.journal import decode_entry, encode_entry
from qutrio.codec.wire import decode, encode
from qutrio.peers.frames import from_bytes, to_bytes
from qutrio.sim import schedule_files

FOLDER = Path(__file__).with_name("golden")
STATE = FOLDER / "state"


def _message(line: bytes) -> bytes:
    message = decode(line)
    assert message is not None, line
    return encode(message)


def _entry(line: bytes) -> bytes:
    entry = decode_entry(line)
    assert entry is not None, line
    return encode_entry(entry).rstrip(b"\n")


def _planned_fault(line: bytes) -> bytes:
    schedule = orjson.loads(SCHEDULE) | {"happenings": [orjson.loads(line)]}
    again = schedule_files.to_json(schedule_files.from_json(orjson.dumps(schedule)))
    return orjson.dumps(orjson.loads(again)["happenings"][0])


SCHEDULE = (FOLDER / "schedule.json").read_bytes()
FILES: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "messages.jsonl": _message,
        "mutations.jsonl": _message,
        "journal.jsonl": _entry,
        "frames.jsonl": lambda line: to_bytes(from_bytes(line)),
        "happenings.jsonl": _planned_fault,
    }
)
"""How a line of each file is read and written again."""


def lines(file: str) -> list[bytes]:
    """Return the lines of a file as they were written."""
    return (FOLDER / file).read_bytes().splitlines()


def pared(now: Any, then: Any) -> Any:
    """Return data without the fields that `then`, the same data of an older version, lacks."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {name: pared(value, then[name]) for name, value in now.items() if name in then}
    if isinstance(now, list) and isinstance(then, list):
        return [pared(*pair) for pair in zip(now, then, strict=True)]
    return now


def shape(plain: Any, where: str = "") -> set[str]:
    """Return the names of all fields in plain data, each with the kinds that have it."""
    if isinstance(plain, list):
        return set().union(*(shape(item, where) for item in plain))
    if not isinstance(plain, dict):
        return set()
    here = f"{where}({plain['kind']})" if "kind" in plain else where
    inner = (shape(value, f"{here}.{name}") for name, value in plain.items())
    return {f"{here}.{name}" for name in plain}.union(*inner)


def kinds(file: str) -> set[str]:
    """Return the kinds in a file; for a proposal, the kind of its mutation."""
    found = map(orjson.loads, lines(file))
    return {(line["mutation"] if file == "mutations.jsonl" else line)["kind"] for line in found}


def lost(file: str) -> list[bytes]:
    """Return the lines that this version does not reproduce, except for newer fields."""
    again = ((line, FILES[file](line)) for line in lines(file))
    return [
        line
        for line, now in again
        if orjson.dumps(pared(orjson.loads(now), orjson.loads(line))) != line
    ]


def names(union: Any, name: Callable[[type], str]) -> list[str]:
    """Return the names of the classes of a union, in order."""
    return [name(cls) for cls in get_args(union)]
