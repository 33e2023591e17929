"""Limits on the amount of work that a node accepts.

Only the simulator passes other limits than these, so that they are reached often.  Safety does not
depend on any of them.
"""

from attrs import frozen

from qutrio.core.alerting.alert_manager import DELEGATED_MAX
from qutrio.core.alerting.digests import SINGLES_MAX
from qutrio.core.alerting.unseen import UNSEEN_INTERVALS
from qutrio.core.checks.result_exchange import RESULTS_PER_REPORT_MAX
from qutrio.core.consensus.register import PROPOSALS_PER_WRITE_MAX, PROPOSALS_QUEUED_MAX
from qutrio.core.proposals import PENDING_PROPOSALS_MAX
from qutrio.model.document import UNSEEN_AFTER_S_MIN
from qutrio.model.ids import Seconds


@frozen(kw_only=True)
class Limits:
    """Capacities: proposals pending, queued and in a write; delegated deliveries; results.

    More than `singles` notices that wait for one channel become a digest.

    `unseen_after_s` is the least time without a verdict after which a notice is sent;
    otherwise it is `unseen_intervals` intervals of the check.
    """

    pending_proposals: int = PENDING_PROPOSALS_MAX
    proposals_queued: int = PROPOSALS_QUEUED_MAX
    proposals_per_write: int = PROPOSALS_PER_WRITE_MAX
    delegated: int = DELEGATED_MAX
    singles: int = SINGLES_MAX
    results_per_report: int = RESULTS_PER_REPORT_MAX
    unseen_after_s: Seconds = UNSEEN_AFTER_S_MIN
    unseen_intervals: int = UNSEEN_INTERVALS
