"""The names that the simulator has in schedules that people keep, and in the seeds of its dice.

A seed gives the same run only as long as they stay, so names are added and never changed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SCHEDULE_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "operator_errors": "blunders",
        "pending_proposals": "wishes",
        "delegated": "errands",
        "planned_faults": "happenings",
    }
)
"""Attributes that have another name in files."""
OPERATOR_ERROR: Final = "blunder"
"""The kind of an operator's error in files."""
PLANNED_FAULTS_DICE: Final = "happenings"
LEADERSHIP_FAULTS_DICE: Final = "offices"
HOSTILE_MEMBER_DICE: Final = "liar"
