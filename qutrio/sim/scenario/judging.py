"""Holds each expectation against what happened, and says when and why it was decided."""

from attrs import frozen

from qutrio.model.ids import Seconds
from qutrio.sim.scenario.expectations import Expectation, Mode
from qutrio.sim.scenario.story import Story
from qutrio.sim.scenario.times import moment


@frozen(kw_only=True)
class Verdict:
    """Whether an expectation held, since which moment that is certain, and why."""

    expectation: Expectation
    held: bool
    at_s: Seconds
    reason: str


def judge(expectation: Expectation, story: Story) -> Verdict:
    """Return whether an expectation came true."""
    window, claim = expectation.window, expectation.claim
    start_s = 0.0 if window.mode is Mode.AT else window.start_s
    end_s = story.end_s if window.end_s is None else window.end_s

    def is_so(at: Seconds) -> bool:
        return claim.holds(story, start_s, at)

    def verdict(at: Seconds, *, held: bool, told: str = "") -> Verdict:
        reason = told or f"at {moment(at)}: {claim.tell(story, start_s, at)}"
        return Verdict(expectation=expectation, held=held, at_s=at, reason=reason)

    if window.mode is Mode.AT or (claim.counts and window.mode in {Mode.BY, Mode.WITHIN}):
        return verdict(end_s, held=is_so(end_s))
    between = sorted({t for t in claim.moments(story) if start_s < t <= end_s})
    moments = [start_s, *between]
    match window.mode:
        case Mode.NEVER:
            found = next((t for t in moments if is_so(t)), None)
        case Mode.ALWAYS:
            found = next((t for t in moments if not is_so(t)), None)
        case _:
            found = next((t for t in moments if is_so(t)), None)
            return verdict(end_s if found is None else found, held=found is not None)
    if found is not None:
        return verdict(found, held=False)
    between_s = f"from {moment(start_s)} to {moment(end_s)}"
    always = window.mode is Mode.ALWAYS
    return verdict(end_s, held=True, told=f"{'always' if always else 'never'} so {between_s}")
