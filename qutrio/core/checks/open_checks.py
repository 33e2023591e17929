"""Which checks have an open incident, followed from ledger to ledger."""

from collections.abc import Set as AbstractSet

from attrs import define, field

from qutrio.model.differences import differing
from qutrio.model.ids import CheckId
from qutrio.model.incidents import Incident


@define
class OpenChecks:
    """The checks with an open incident in the last ledger."""

    checks: set[CheckId] = field(factory=set)
    _incidents: tuple[Incident, ...] = ()

    def follow(self, incidents: tuple[Incident, ...]) -> AbstractSet[CheckId]:
        """Use the incidents of a ledger; return the checks whose incident was opened or closed."""
        if incidents is self._incidents:
            return frozenset()
        before, after = differing(self._incidents, incidents)
        self._incidents = incidents
        toggled = {i.check for i in before} ^ {i.check for i in after}
        self.checks ^= toggled
        if len(self.checks) != len(incidents):  # a check had two, in two ledgers
            was = self.checks ^ toggled
            self.checks = {i.check for i in incidents}
            toggled = was ^ self.checks
        return toggled
