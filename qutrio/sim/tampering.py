"""Changes frames to those that a newer, older or broken member would send.

The transport is reliable (TLS on TCP), so the changes are those that another program makes on
behalf of a member, not those of a faulty wire.
"""

from collections import deque
from enum import Enum
from typing import Any, assert_never

import orjson
from attrs import define, field

from qutrio.model.ids import NodeId, Seconds
from qutrio.sim.dice import Dice

Pair = tuple[NodeId, NodeId]
RECORDED_MAX = 64
RECORDED_SHARE = 0.1
REPORT = b'{"kind":"report"'
REPORT_AGE_S_MAX: Seconds = 20.0
KEPT_WHOLE = frozenset({"document", "ledger", "record", "delivery", "mutation"})
NESTED_DEEPLY = b"[" * 2000 + b"]" * 2000


class Manner(Enum):
    """A way in which a member's frames are odd."""

    NEWER_KIND = "unknown kind"
    NEWER_FIELD = "unknown field"
    GARBAGE = "garbage"
    REPLAY = "replay"


@define
class Tamperer:
    """Changes the frames of odd members, and keeps some to repeat them."""

    dice: Dice
    recording: bool = False
    manners: dict[NodeId, tuple[Seconds, Manner]] = field(factory=dict)
    """How each odd member is odd, and until when."""
    _heard: dict[Pair, deque[tuple[Seconds, bytes]]] = field(factory=dict)

    def record(self, pair: Pair, frame: bytes, true: Seconds) -> None:
        """Keep some of the frames from one member to another, also across restarts."""
        if self.dice.chance(RECORDED_SHARE):
            self._heard.setdefault(pair, deque(maxlen=RECORDED_MAX)).append((true, frame))

    def frames(self, pair: Pair, frame: bytes, true: Seconds) -> tuple[list[bytes], str | None]:
        """Return the frames that are sent instead of this one, and what is odd about them."""
        until, manner = self.manners.get(pair[0], (0.0, Manner.REPLAY))
        if until <= true or not self.dice.chance(0.3):
            return [frame], None
        match manner:
            case Manner.NEWER_KIND:
                return [_with(frame, kind="of_a_newer_version")], manner.value
            case Manner.NEWER_FIELD:
                return [_extended(frame)], manner.value
            case Manner.GARBAGE:
                return [self._garbage(frame)], manner.value
            case Manner.REPLAY:
                old = self._old(pair, true)
                return [frame, *old], manner.value if old else None
            case _:
                assert_never(manner)

    def _old(self, pair: Pair, true: Seconds) -> list[bytes]:
        """Return an earlier frame of the pair.

        Never an old report: that would be a lie about what the member saw.
        """
        heard = self._heard.get(pair)
        if not heard:
            return []
        at, frame = self.dice.pick(heard)
        lie = frame.startswith(REPORT) and true - at > REPORT_AGE_S_MAX
        return [] if lie else [frame]

    def _garbage(self, frame: bytes) -> bytes:
        return self.dice.pick(
            (
                b"",
                b"\xff\xfe" + frame,
                frame[: self.dice.below(len(frame))],
                NESTED_DEEPLY,
                b'{"kind":["heartbeat"]}',
                b'{"kind":"heartbeat","number":"one"}',
                b'{"kind":"heartbeat","number":1e400}',
                b'{"kind":"report","results":{"0":[]}}',
                b"[" + frame + b"]",
            )
        )


def _with(frame: bytes, **fields: object) -> bytes:
    return orjson.dumps({**orjson.loads(frame), **fields})


def _extended(frame: bytes) -> bytes:
    """Return the frame with an unknown field in each of its objects.

    Except in values that are stored with such fields: there it would make another document.
    """

    def extend(value: Any) -> Any:
        if isinstance(value, dict):
            inner = {k: v if k in KEPT_WHOLE else extend(v) for k, v in value.items()}
            return {**inner, "newer": {"than": ["you"]}}
        return [extend(v) for v in value] if isinstance(value, list) else value

    return orjson.dumps(extend(orjson.loads(frame)))
