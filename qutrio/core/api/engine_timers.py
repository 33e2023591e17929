"""The settings of each election engine, each with a short description."""

from collections.abc import Mapping
from types import MappingProxyType

from qutrio.core.election.descriptor import Timer
from qutrio.core.election.engines import DESCRIPTORS

TIMERS: Mapping[str, tuple[Timer, ...]] = MappingProxyType(
    {name: engine.timers for name, engine in DESCRIPTORS.items()}
)
"""The timers by the name of the engine, as the settings spell it."""
_OWNERS = {t.name: e.name for e in DESCRIPTORS.values() if e.private for t in e.timers}


def setting_of(engine: str, name: str) -> str | None:
    """Return the setting for the name of a timer, given with or without the engine's prefix."""
    known = {timer.name for timer in TIMERS[engine]}
    return next((given for given in (name, f"{engine}_{name}") if given in known), None)


def applies_to(setting: str, engine: str) -> bool:
    """Return True if the setting with this name has an effect with this engine."""
    return _OWNERS.get(setting, engine) == engine
