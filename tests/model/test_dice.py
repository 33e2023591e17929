"""The generator of the standard library is one that decisions can be given."""

from random import Random

from qutrio.model.dice import Rng


def test_the_standard_generator_has_what_the_core_needs() -> None:
    rng = Random(0)
    assert isinstance(rng, Rng)
    assert 2.0 <= rng.uniform(2.0, 3.0) <= 3.0
