"""Converts the hooks of `node.yaml` to and from plain data."""

from qutrio.codec.duration import parse_duration
from qutrio.codec.fields import texts
from qutrio.errors import InvalidValueError
from qutrio.model.durations import format_duration
from qutrio.model.hooks import HOOK_TIMEOUT_S, Hooks
from qutrio.model.rules import shown

KNOWN = ("gain", "loss", "timeout")


def read_hooks(value: object, field: str) -> Hooks:
    """Read the hooks; errors name the field as in `hooks.gain`."""
    if not isinstance(value, dict):
        raise InvalidValueError(field, f"{shown(value)} is not a mapping of {', '.join(KNOWN)}")
    unknown = sorted(value.keys() - set(KNOWN))
    if unknown:
        problem = f"is not known; known are {', '.join(KNOWN)}"
        raise InvalidValueError(f"{field}.{unknown[0]}", problem)
    gain, loss = (
        _words(value[name], f"{field}.{name}") if name in value else () for name in ("gain", "loss")
    )
    limit = value.get("timeout", HOOK_TIMEOUT_S)
    try:
        return Hooks(gain=gain, loss=loss, timeout_s=parse_duration(limit, f"{field}.timeout"))
    except InvalidValueError as error:
        name = error.field.removeprefix(f"{field}.").removesuffix("_s")
        raise InvalidValueError(f"{field}.{name}", error.problem) from None


def plain_hooks(hooks: Hooks) -> dict[str, object]:
    """Return the hooks as plain data."""
    commands = {"gain": hooks.gain, "loss": hooks.loss}
    written: dict[str, object] = {name: list(words) for name, words in commands.items() if words}
    return {**written, "timeout": format_duration(hooks.timeout_s)}


def _words(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        problem = f"{shown(value)} is not a list of words, such as [/usr/local/bin/on-gain, now]"
        raise InvalidValueError(field, problem)
    return texts(value, field)
