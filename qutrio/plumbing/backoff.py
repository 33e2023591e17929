"""Exponential backoff, capped and jittered."""

import random

from qutrio.model.ids import Seconds

_DOUBLINGS_MAX = 63


class Backoff:
    """Waits that double from `first_s` to `cap_s`, with full jitter.

    Full jitter (Brooker, "Exponential backoff and jitter", 2015) keeps nodes that failed
    together from trying again together.
    """

    def __init__(self, rng: random.Random, first_s: Seconds, cap_s: Seconds) -> None:
        """Draw from `rng`; needs 0 < first_s <= cap_s."""
        assert 0 < first_s <= cap_s
        self._rng = rng
        self._first_s = first_s
        self._cap_s = cap_s
        self._failures = 0

    def next(self) -> Seconds:
        """Return the seconds to wait after one more failure; never less than half the first."""
        ceiling = min(self._cap_s, self._first_s * 2.0**self._failures)
        self._failures = min(self._failures + 1, _DOUBLINGS_MAX)
        return max(self._first_s / 2, self._rng.uniform(0.0, ceiling))

    def reset(self) -> None:
        """Begin again at the first wait, after a success."""
        self._failures = 0
