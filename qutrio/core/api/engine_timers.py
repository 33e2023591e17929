"""Which settings belong to which election engine, and what each of them means, in a few words."""

from collections.abc import Mapping
from types import MappingProxyType

from qutrio.core.election.descriptor import Timer
from qutrio.core.election.engines import DESCRIPTORS

TIMERS: Mapping[str, tuple[Timer, ...]] = MappingProxyType(
    {name: engine.timers for name, engine in DESCRIPTORS.items()}
)
"""By the name of the engine, which is also how the settings name it."""
_OWNERS = {t.name: e.name for e in DESCRIPTORS.values() if e.private for t in e.timers}


def setting_of(engine: str, name: str) -> str | None:
    """Return the setting that a timer's name means, with or without the engine's prefix."""
    known = {timer.name for timer in TIMERS[engine]}
    return next((given for given in (name, f"{engine}_{name}") if given in known), None)


def applies_to(setting: str, engine: str) -> bool:
    """Tell whether a setting, by its name, bears on a cluster that runs this engine."""
    return _OWNERS.get(setting, engine) == engine
