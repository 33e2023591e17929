"""Bounds of settings that are not plain ranges."""

import pytest

from qutrio.errors import InvalidValueError
from qutrio.model.document import Settings
from qutrio.model.levels import UNSEEN_NOTICES, needed


@pytest.mark.parametrize("unseen_after_s", [0.0, 120.0, 3600.0])
def test_a_check_without_a_verdict_is_announced_within_an_hour_at_most(
    unseen_after_s: float,
) -> None:
    settings = Settings(unseen_after_s=unseen_after_s)
    assert settings.unseen_after_s == unseen_after_s
    assert needed(settings) == (UNSEEN_NOTICES if unseen_after_s else 1)


@pytest.mark.parametrize("unseen_after_s", [-1.0, 1.0, 119.0, 3601.0])
def test_other_bounds_are_refused(unseen_after_s: float) -> None:
    with pytest.raises(InvalidValueError, match="is out of range: 2m to 1h"):
        Settings(unseen_after_s=unseen_after_s)
