"""Schedules as JSON files, and as text for people."""

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, get_args

import orjson
from attrs import asdict, fields

from qutrio.codec.converter import CONVERTER, INVALID, problem, union_hooks
from qutrio.core.limits import Limits
from qutrio.errors import InvalidDocumentError
from qutrio.model.document import Settings
from qutrio.sim.faults.union import KINDS, PlannedFault
from qutrio.sim.options import Faults
from qutrio.sim.pinned import SCHEDULE_FIELDS
from qutrio.sim.schedule import Schedule

_HOOKS: Final = union_hooks(CONVERTER, get_args(PlannedFault), None, KINDS.__getitem__)
_READ: Final[Callable[[Any, Any], PlannedFault]] = _HOOKS[0]
_WRITE: Final[Callable[[PlannedFault], dict[str, Any]]] = _HOOKS[1]
_NUMBERS: Final = ("seed", "size", "faulty_s", "healing_s")
_PLANNED: Final = SCHEDULE_FIELDS["planned_faults"]
_FIELDS: Final = MappingProxyType({name: field for field, name in SCHEDULE_FIELDS.items()})


def to_json(schedule: Schedule) -> bytes:
    """Return a schedule as readable JSON."""
    data = {name: getattr(schedule, name) for name in _NUMBERS}
    for name in ("faults", "settings", "limits"):
        data[name] = _renamed(CONVERTER.unstructure(getattr(schedule, name)), SCHEDULE_FIELDS)
    data[_PLANNED] = [_WRITE(planned) for planned in schedule.planned_faults]
    return orjson.dumps(data, option=orjson.OPT_INDENT_2)


def from_json(data: bytes) -> Schedule:
    """Return the schedule that `to_json` wrote; raises `InvalidDocumentError`."""
    try:
        plain = orjson.loads(data)
        return Schedule(
            **{name: plain[name] for name in _NUMBERS},
            faults=CONVERTER.structure(_renamed(plain["faults"], _FIELDS), Faults),
            settings=CONVERTER.structure(plain["settings"], Settings),
            limits=CONVERTER.structure(_renamed(plain["limits"], _FIELDS), Limits),
            planned_faults=tuple(_READ(item, PlannedFault) for item in plain[_PLANNED]),
        )
    except INVALID as error:
        raise InvalidDocumentError(f"not a schedule: {problem(error)}") from None


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in dict(values).items()}


def readable(schedule: Schedule) -> str:
    """Return a schedule as text: the constant faults, then each planned one with its time."""
    lines = [
        f"{schedule.size} nodes, seed {schedule.seed}, faults for {schedule.faulty_s:g} s",
        f"always: {_changed(schedule.faults, Faults())}",
        f"settings: {_changed(schedule.settings, Settings())}",
        f"limits: {_changed(schedule.limits, Limits())}",
    ]
    lines += [f"{planned.at:10.3f} s  {_described(planned)}" for planned in schedule.planned_faults]
    return "\n".join(lines)


def _changed(value: Any, usual: Any) -> str:
    names = [a.name for a in fields(type(value))]
    odd = [n for n in names if getattr(value, n) != getattr(usual, n)]
    return ", ".join(f"{n} {getattr(value, n)}" for n in odd) or "as usual"


def _described(planned: PlannedFault) -> str:
    told = [KINDS[type(planned)]]
    for name, value in asdict(planned, recurse=False).items():
        if name != "at":
            told.append(f"{name}={_value(value)}")
    return " ".join(told)


def _value(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Settings):
        return f"({_changed(value, Settings())})"
    if isinstance(value, tuple):
        parts = ["->".join(v) if isinstance(v, tuple) else str(v) for v in value]
        return "[" + ", ".join(parts) + "]"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
