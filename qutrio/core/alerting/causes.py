"""Why a check has no verdict: one line that says for each voter why it has no counted vote.

Checks without a verdict for the same cause share one notice.  So a reason is reduced to the part
that does not depend on the check: its first clause, without the words that are names or numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qutrio.core.checks.verdicts import freshness
from qutrio.model.results import Outcome

if TYPE_CHECKING:
    from qutrio.core.alerting.notices import NoticeInputs
    from qutrio.core.checks.votes import Vote
    from qutrio.model.checks import Check
    from qutrio.model.members import Member

CAUSE_CHARS_MAX = 500
_CLAUSE = re.compile(r"[,;:(]")
_WORD = re.compile(r"[^\W\d_][^\W\d_'-]*(?:['-][^\W\d_]+)*")
_BETWEEN = re.compile(r"[\s/:\[\]@?#]+")


def cause(check: Check, inputs: NoticeInputs) -> str:
    """Return for each voter, by name, why it has no counted vote on a check."""
    voters = sorted((m for m in inputs.document.members if m.voter), key=lambda m: m.name)
    line = "; ".join(f"{member.name}: {_standpoint(member, check, inputs)}" for member in voters)
    return line if len(line) <= CAUSE_CHARS_MAX else line[: CAUSE_CHARS_MAX - 1] + "…"


def reason(detail: str, check: Check) -> str:
    """Return the part of a voter's reason to abstain that is the same for other checks."""
    own = {check.name, *_BETWEEN.split(check.target)}
    words = [w for w in _CLAUSE.split(detail, 1)[0].split() if _WORD.fullmatch(w) and w not in own]
    return " ".join(words) or "abstains"


def _standpoint(member: Member, check: Check, inputs: NoticeInputs) -> str:
    if member.id not in inputs.live:
        return "not heard"
    vote = inputs.verdicts.vote(member.id, check.id)
    if vote is None or _stale(vote, check, inputs):
        return "no result"
    if vote.result.outcome is Outcome.ABSTAIN:
        return reason(vote.result.detail, check)
    return "votes"


def _stale(vote: Vote, check: Check, inputs: NoticeInputs) -> bool:
    return inputs.now - vote.at >= freshness(check)
