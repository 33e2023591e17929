"""A request as the client sent it, with getters that check the type of each field."""

from collections.abc import Mapping

from attrs import frozen

from qutrio.codec.duration import parse_duration
from qutrio.control.protocol import Code, ControlFailure
from qutrio.model.durations import format_duration
from qutrio.model.ids import Seconds


@frozen
class Request:
    """One decoded request; getters raise `ControlFailure` for a field that has another type."""

    fields: Mapping[str, object]

    @property
    def op(self) -> str:
        """The operation's name."""
        return self.text("op")

    def text(self, name: str) -> str:
        """Return a field that must be a string that is not empty."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise ControlFailure(Code.INVALID, f"{name}: give a text that is not empty")
        return value

    def text_or_none(self, name: str) -> str | None:
        """Return a field that may be missing."""
        return None if self.fields.get(name) is None else self.text(name)

    def flag(self, name: str) -> bool:
        """Return a field that is true, false, or missing (false)."""
        value = self.fields.get(name, False)
        if not isinstance(value, bool):
            raise ControlFailure(Code.INVALID, f"{name}: give true or false")
        return value

    def mapping(self, name: str) -> dict[str, object]:
        """Return a field that must be a JSON object."""
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise ControlFailure(Code.INVALID, f"{name}: give an object")
        return dict(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list of strings, or missing."""
        value = self.fields.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ControlFailure(Code.INVALID, f"{name}: give a list of texts")
        return tuple(value)

    def count(self, name: str, *, default: int, high: int) -> int:
        """Return a whole number from 1 to `high`."""
        value = self.fields.get(name)
        if value is None:
            return default
        if type(value) is not int or not 1 <= value <= high:
            raise ControlFailure(Code.INVALID, f"{name}: give a whole number from 1 to {high}")
        return value

    def duration(self, name: str, *, default: Seconds, low: Seconds, high: Seconds) -> Seconds:
        """Return a duration ("90s", "1h", 30) in seconds, between `low` and `high`."""
        value = self.fields.get(name)
        if value is None:
            return default
        seconds = parse_duration(value, name)
        if not low <= seconds <= high:
            span = f"{format_duration(low)} to {format_duration(high)}"
            raise ControlFailure(Code.INVALID, f"{name}: {value} is out of range: {span}")
        return seconds
