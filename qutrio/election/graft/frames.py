"""The messages of graft nodes over NATS: encoding and decoding.

The messages are those of graft's protocol, in protobuf's third syntax.  Their descriptors are
made at run time, so that no code has to be generated.  Input that is no such message, or is too
large, raises a `FrameError`.

Source: the protocol of nats-io/graft (its protocol.proto).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import asdict, fields, frozen

from qutrio.core.election.raft.positions import POSITION_BYTES_MAX
from qutrio.election.drivers.nats_client import NEEDS_EXTRA
from qutrio.errors import ElectionError

if TYPE_CHECKING:
    from collections.abc import Mapping

ID_CHARS_MAX = 64
FRAME_BYTES_MAX = POSITION_BYTES_MAX + 512
"""Besides its position, a request holds an id and a number."""
_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


class FrameError(ElectionError):
    """Received bytes are not a message of graft's protocol."""


@frozen
class VoteRequest:
    """A request to vote for `candidate` in `term`; `current_state` is its program's position."""

    term: int
    candidate: str
    current_state: bytes = b""


@frozen
class VoteResponse:
    """A vote; it does not name the voter."""

    term: int
    granted: bool


@frozen
class Heartbeat:
    """A leader's announcement that it leads `term`."""

    term: int
    leader: str


Frame: TypeAlias = VoteRequest | VoteResponse | Heartbeat
F = TypeVar("F", bound=Frame)

_KINDS: Mapping[type[Any], str] = {
    VoteRequest: "VoteRequest",
    VoteResponse: "VoteResponse",
    Heartbeat: "Heartbeat",
}
"""The names of the messages in graft's protocol."""
_WIRE_NAMES: Mapping[type[Any], Mapping[str, str]] = {
    VoteRequest: {"term": "Term", "candidate": "Candidate", "current_state": "CurrentState"},
    VoteResponse: {"term": "Term", "granted": "Granted"},
    Heartbeat: {"term": "Term", "leader": "Leader"},
}
"""The fields of each message, in the order of their numbers, from one."""
_TYPES = {
    "Term": "TYPE_UINT64",
    "Candidate": "TYPE_STRING",
    "CurrentState": "TYPE_BYTES",
    "Granted": "TYPE_BOOL",
    "Leader": "TYPE_STRING",
}


def require_protobuf() -> None:
    """Raise `ElectionError` unless protobuf is installed."""
    try:
        _classes()
    except ImportError:
        raise ElectionError(NEEDS_EXTRA) from None


def is_graft_id(name: str) -> bool:
    """Return whether a name is valid in graft's subjects."""
    return len(name) <= ID_CHARS_MAX and _ID.fullmatch(name) is not None


def encode(frame: Frame) -> bytes:
    """Return a message as bytes."""
    names = _WIRE_NAMES[type(frame)]
    values = {names[name]: value for name, value in asdict(frame).items()}
    data: bytes = _classes()[_KINDS[type(frame)]](**values).SerializeToString()
    return data


def decode(kind: type[F], data: bytes) -> F:
    """Return the message of a kind that `data` encodes; raises `FrameError`.

    Unknown fields are ignored.
    """
    if len(data) > FRAME_BYTES_MAX:
        raise FrameError(f"a {_KINDS[kind]} has {len(data)} bytes; at most {FRAME_BYTES_MAX}")
    message = _classes()[_KINDS[kind]]()
    try:
        message.ParseFromString(data)
    except Exception as error:  # noqa: BLE001 - one bad sender must not stop the others
        raise FrameError(f"a {_KINDS[kind]} is malformed: {str(error)[:200]}") from None
    names = _WIRE_NAMES[kind]
    frame = kind(**{a.name: getattr(message, names[a.name]) for a in fields(kind)})
    _require_sensible(frame)
    return frame


def _require_sensible(frame: Frame) -> None:
    name = _KINDS[type(frame)]
    match frame:
        case VoteRequest(candidate=who, current_state=state):
            if len(state) > POSITION_BYTES_MAX:
                raise FrameError(f"a {name} has a state of {len(state)} bytes")
        case Heartbeat(leader=who):
            pass
        case VoteResponse():
            return  # a node that knows no term yet answers without one
    if frame.term == 0:
        raise FrameError(f"a {name} has no term")
    if not is_graft_id(who):
        raise FrameError(f"a {name} comes from {who[:80]!r}, which is not an id")


@cache
def _classes() -> Mapping[str, Any]:
    """Return protobuf's class for each message; raises `ImportError`."""
    # An optional package.
    from google.protobuf import (  # noqa: PLC0415
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="qutrio/graft.proto", package="pb", syntax="proto3"
    )
    for kind, names in _WIRE_NAMES.items():
        message = file.message_type.add(name=_KINDS[kind])
        for number, name in enumerate(names.values(), start=1):
            message.field.add(
                name=name,
                number=number,
                type=getattr(field_type, _TYPES[name]),
                label=field_type.LABEL_OPTIONAL,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        _KINDS[kind]: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"pb.{_KINDS[kind]}")
        )
        for kind in _WIRE_NAMES
    }
