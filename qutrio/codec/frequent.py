"""Fast paths for heartbeats and their answers, which are nearly all messages between nodes.

The bytes are exactly those of the converter, several times as fast.  Data that looks unusual in
any way is left to the converter, which reads it or reports what is wrong with it.
"""

from collections.abc import Callable
from operator import itemgetter
from types import NoneType
from typing import Any, Final

from qutrio.codec.converter import UNIX_MAX, WHOLE_MAX
from qutrio.core.api.messages import ENGINE_UNSAID, Heartbeat, HeartbeatAck, Message
from qutrio.model.levels import LEVEL_UNSAID
from qutrio.model.stable import Position

Data = dict[str, Any]

_BEAT: Final = itemgetter("number", "heard_term", "claim", "acting", "able", "committed", "wall")
_ACK: Final = itemgetter(
    "number", "granted", "bound_s", "heard_term", "accepted", "committed", "stamp"
)
_BEAT_TYPES: Final = frozenset(
    (int, int, claim, bool, bool, list, float) for claim in (int, NoneType)
)
_ACK_TYPES: Final = frozenset(
    (int, granted, float, int, list, list, list) for granted in (int, NoneType)
)
_PAIR: Final = [int, int]


def _write_beat(beat: Heartbeat) -> Data:
    committed = beat.committed
    return {
        "kind": "heartbeat",
        "number": beat.number,
        "heard_term": beat.heard_term,
        "claim": beat.claim,
        "acting": beat.acting,
        "able": beat.able,
        "committed": (committed.term, committed.number),
        "wall": float(beat.wall) + 0.0,
        "engine": beat.engine,
        "level": beat.level,
    }


def _write_ack(ack: HeartbeatAck) -> Data:
    accepted, committed = ack.accepted, ack.committed
    return {
        "kind": "heartbeat_ack",
        "number": ack.number,
        "granted": ack.granted,
        "bound_s": float(ack.bound_s) + 0.0,
        "heard_term": ack.heard_term,
        "accepted": (accepted.term, accepted.number),
        "committed": (committed.term, committed.number),
        "stamp": ack.stamp,
    }


def _read_beat(data: Data) -> Heartbeat | None:
    fields = _BEAT(data)
    if tuple(map(type, fields)) not in _BEAT_TYPES:
        return None
    number, heard_term, claim, acting, able, committed, wall = fields
    engine, level = data.get("engine", ENGINE_UNSAID), data.get("level", LEVEL_UNSAID)
    if list(map(type, committed)) != _PAIR or not 0 <= wall <= UNIX_MAX:
        return None
    if type(engine) is not str or type(level) is not int:
        return None
    if not _in_range(number, heard_term, claim or 0, level, *committed):
        return None
    return Heartbeat(
        number=number,
        heard_term=heard_term,
        claim=claim,
        acting=acting,
        able=able,
        committed=Position(*committed),
        wall=wall,
        engine=engine,
        level=level,
    )


def _in_range(*whole: int) -> bool:
    return min(whole) >= 0 and max(whole) <= WHOLE_MAX


def _read_ack(data: Data) -> HeartbeatAck | None:
    fields = _ACK(data)
    if tuple(map(type, fields)) not in _ACK_TYPES:
        return None
    number, granted, bound_s, heard_term, accepted, committed, stamp = fields
    pairs = (accepted, committed, stamp)
    if any(list(map(type, pair)) != _PAIR for pair in pairs) or not 0 <= bound_s <= WHOLE_MAX:
        return None
    if not _in_range(number, granted or 0, heard_term, *accepted, *committed, *stamp):
        return None
    return HeartbeatAck(
        number=number,
        granted=granted,
        bound_s=bound_s,
        heard_term=heard_term,
        accepted=Position(*accepted),
        committed=Position(*committed),
        stamp=tuple(stamp),
    )


_WRITERS: Final[dict[type, Callable[[Any], Data]]] = {
    Heartbeat: _write_beat,
    HeartbeatAck: _write_ack,
}


def write_frequent(message: Message) -> Data | None:
    """Return a heartbeat or an answer as data; None for any other message."""
    write = _WRITERS.get(type(message))
    return write(message) if write is not None else None


def read_frequent(data: object) -> Message | None:
    """Return the heartbeat or answer in `data`; None for data that the converter must read.

    Raises `KeyError` when a field is missing.
    """
    if type(data) is not dict:
        return None
    kind = data.get("kind")
    if kind == "heartbeat_ack":
        return _read_ack(data)
    return _read_beat(data) if kind == "heartbeat" else None
