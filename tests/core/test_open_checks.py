"""The checks with an open incident, as ledgers follow each other."""

from random import Random

from attrs import evolve

from qutrio.core.checks.open_checks import OpenChecks
from qutrio.model.ids import CheckId, IncidentId
from tests.core.samples import incident, incidents_on


def test_they_are_those_of_the_last_ledger_also_if_a_check_has_two() -> None:
    """The leader of a minority has incidents of its own beside those of the majority."""
    for seed in range(30):
        rng, open_ = Random(seed), OpenChecks()
        incidents = incidents_on()
        for number in range(60):
            before = {one.check for one in incidents}
            kept = [one for one in incidents if rng.random() < 0.8]
            if rng.random() < 0.8:
                new = incident(CheckId(f"c{rng.randrange(6)}"))
                kept.append(evolve(new, id=IncidentId(f"i{number}")))
            incidents = tuple(kept)
            after = {one.check for one in incidents}
            assert open_.follow(incidents) == before ^ after
            assert open_.checks == after
            assert open_.follow(incidents) == set()
