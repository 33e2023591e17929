"""The text of notices about checks without a verdict: UNSEEN and SEEN."""

from qutrio.model.incidents import Notice
from qutrio.model.results import clip
from qutrio.model.unseen import ListedCheck

CAUSE_CHARS_MAX = 600


def cause(notice: Notice) -> str:
    """Return why each node gives no vote, on one line."""
    if notice.unseen is None:
        return "the notice does not say why"
    line = notice.unseen.cause[:CAUSE_CHARS_MAX]
    return "".join(c if c.isprintable() else " " for c in line)


def how_seen(notice: Notice) -> str:
    """Return how it ended, short enough for a subject."""
    states = [check.state for check in _checks(notice)]
    if len(states) == 1 and states[0] is not None:
        return f"judged again, {states[0].value.upper()}"
    return "no longer watched" if states and not any(states) else "judged again"


def unseen_opening(notice: Notice, lasted: str) -> str:
    """Return the first paragraph of an UNSEEN notice."""
    one = _count(notice) == 1
    name = clip(notice.check_name)
    has = f"{name} has" if one else f"{name} have"
    what = "whether it is up or down" if one else "whether they are up or down"
    return (
        f"{has} had no verdict for {lasted}: too few nodes can tell {what}, so no outage"
        f" would be reported.\nWhy: {cause(notice)}."
    )


def seen_opening(notice: Notice, lasted: str) -> str:
    """Return the first paragraph of a SEEN notice."""
    return (
        f"Every check that notice {clip(notice.incident)}.unseen covered has a verdict again,"
        f" or is no longer watched, after {lasted}."
    )


def listed(notice: Notice) -> list[str]:
    """Return the section that lists the checks; none for a notice of another kind."""
    if notice.unseen is None:
        return []
    checks, count = notice.unseen.checks, notice.unseen.count
    lines = [_line(check) for check in checks]
    if count > len(checks):
        lines.append(f"  ... and {count - len(checks)} more")
    begins = notice.kind.value == "unseen"
    heading = "Checks without a verdict" if begins else "The last of them"
    sections = [f"{heading} ({count}):\n" + "\n".join(lines)]
    if begins:
        more = "Other checks that lose their verdict for the same cause get no further notice"
        sections.append(f"{more}; see 'qutrio status'.")
    return sections


def _line(check: ListedCheck) -> str:
    state = "no longer watched" if check.state is None else check.state.value.upper()
    target = f": {clip(check.target)}" if check.target else ""
    return f"  {clip(check.name)}, {state}{target}"


def _checks(notice: Notice) -> tuple[ListedCheck, ...]:
    return () if notice.unseen is None else notice.unseen.checks


def _count(notice: Notice) -> int:
    return 0 if notice.unseen is None else notice.unseen.count
