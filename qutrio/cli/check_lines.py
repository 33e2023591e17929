"""Prints checks for people: problems first, similar checks grouped, never long."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from qutrio.cli.colour import STATES, Painted, Style, paint
from qutrio.cli.printing import age, clean, print_table

ROWS_MAX = 20
"""Up to this many checks are all listed; of more, only those that are not up."""
GROUPS_MAX = 8
NAMES_MAX = 8
TOLD_MAX = 3
WRONG = frozenset({"down", "unknown"})
_NUMBERS = re.compile(r"[0-9]+")

Row = dict[str, Any]
Similarity = tuple[str, tuple[tuple[str, str, str, bool], ...]]


def state_of(check: Row) -> str:
    """Return the state of a check: up, down, unknown or disabled."""
    return str(check["state"]) if check["enabled"] else "disabled"


def counted_states(checks: Iterable[Row]) -> str:
    """Return the number of checks in each state, the worst first."""
    states = [state_of(check) for check in checks]
    if not states:
        return "none; add one with 'qutrio check add http NAME URL'"
    words = {"down": "DOWN"}
    counts = (
        paint(f"{states.count(state)} {words.get(state, state)}", STATES[state])
        for state in ("down", "unknown", "up", "disabled")
        if state in states
    )
    return ", ".join(counts)


def print_checks(checks: list[Row], now_unix: float, stale: str = "") -> None:
    """Print one line for each check, in the order given; `stale` is appended to the states."""
    headings = ("CHECK", "STATE", "FOR", "VOTES", "TARGET")
    print_table(headings, (_check_row(c, now_unix, stale) for c in checks))


def print_brief(checks: list[Row], now_unix: float, stale: str = "") -> None:
    """Print checks in at most a screenful, and what nodes saw of those that are not up.

    A few checks are all listed.  Of many, only those are listed that are not up and not similar
    to others; similar ones are grouped.
    """
    wrong = [c for c in checks if state_of(c) in WRONG]
    wrong.sort(key=lambda c: str(c["state"]))  # "down" is before "unknown"; names keep their order
    if len(checks) <= ROWS_MAX:
        print_checks(wrong + [c for c in checks if state_of(c) not in WRONG], now_unix, stale)
        print_causes(wrong, now_unix)
        return
    likes = {str(c["id"]) for group in _grouped(wrong) if len(group) > 1 for c in group}
    alone = [c for c in wrong if str(c["id"]) not in likes]
    print_checks(alone[:ROWS_MAX], now_unix, stale)
    if len(alone) > ROWS_MAX:
        print(f"... and {len(alone) - ROWS_MAX} more that are not up")
    print_causes(wrong, now_unix, apart="\n" if alone else "")
    listed = "all" if not alone else "the others"
    print(f"\n'qutrio check list' shows {listed}")


def print_causes(checks: Iterable[Row], now_unix: float, apart: str = "\n") -> None:
    """Print what the nodes saw of the checks that are not up, similar checks once.

    `apart` is printed before the first.
    """
    groups = _grouped(c for c in checks if state_of(c) in WRONG)
    for group in groups[:GROUPS_MAX]:
        print(apart, end="")
        _print_group(group, now_unix)
        apart = "\n"
    if len(groups) > GROUPS_MAX:
        left = sum(len(group) for group in groups[GROUPS_MAX:])
        print(f"\n... and {left} more with other causes: see 'qutrio check show NAME'")


def print_evidence(evidence: list[Row]) -> None:
    """Print what each node saw, one line for each node."""
    for seen in evidence:
        latency = "" if seen["latency_ms"] is None else f" in {seen['latency_ms']:.0f} ms"
        said = f": {seen['detail']}" if seen["detail"] else ""
        late = "" if seen["counted"] else ", not counted"
        line = f"{seen['name']}  {seen['outcome']}{latency}{said}  ({age(seen['age_s'])} ago{late})"
        print(f"  {clean(line)}")


def _grouped(checks: Iterable[Row]) -> list[list[Row]]:
    """Return groups of checks of which every node reports the same; the largest first."""
    groups: dict[Similarity, list[Row]] = {}
    for check in (c for c in checks if c["evidence"]):
        groups.setdefault(_similarity(check), []).append(check)
    return sorted(groups.values(), key=lambda group: (group[0]["state"], -len(group)))


def _similarity(check: Row) -> Similarity:
    """Return what similar checks have in common; numbers in the details may differ."""
    seen = (
        (str(e["name"]), str(e["outcome"]), _NUMBERS.sub("#", str(e["detail"])), bool(e["counted"]))
        for e in check["evidence"]
    )
    return str(check["state"]), tuple(seen)


def _print_group(checks: Sequence[Row], now_unix: float) -> None:
    first = checks[0]
    state = str(first["state"])
    if len(checks) == 1:
        incident = f", incident {first['incident']['id']}" if first["incident"] else ""
        what = f"{first['name']} is {state.upper()}{incident}{_told_unseen(checks)}:"
    else:
        lasted = [_lasted_s(check, now_unix) for check in checks]
        known = [seconds for seconds in lasted if seconds is not None]
        long = f", for {_span(min(known), max(known))}" if known else ""
        what = f"{len(checks)} checks are {state.upper()} alike{long}{_told_unseen(checks)}:"
    print(paint(clean(what), STATES.get(state)))
    for line in _vote_lines(first["evidence"]):
        print(f"  {clean(line)}")
    if len(checks) > 1:
        names = ", ".join(str(check["name"]) for check in checks[:NAMES_MAX])
        more = f", and {len(checks) - NAMES_MAX} more" if len(checks) > NAMES_MAX else ""
        print(paint(f"  {clean(names)}{more}", Style.DIM))


def _told_unseen(checks: Sequence[Row]) -> str:
    """Return which notices reported that these checks have no verdict."""
    sent = sorted({notice for check in checks for notice in check.get("told_unseen", ())})
    more = f" and {len(sent) - TOLD_MAX} more" if len(sent) > TOLD_MAX else ""
    return f", reported as {', '.join(sent[:TOLD_MAX])}{more}" if sent else ""


def _vote_lines(evidence: list[Row]) -> list[str]:
    """Return one line for each different vote, with the nodes that gave it."""
    by_vote: dict[tuple[str, str, bool], list[Row]] = {}
    for seen in evidence:
        by_vote.setdefault((seen["outcome"], seen["detail"], seen["counted"]), []).append(seen)
    lines = []
    for (outcome, detail, counted), rows in by_vote.items():
        names = ", ".join(str(row["name"]) for row in rows)
        said = f": {detail}" if detail else ""
        late = "" if counted else ", not counted"
        ages = [float(row["age_s"]) for row in rows]
        lines.append(f"{names}  {outcome}{said}  ({_span(min(ages), max(ages))} ago{late})")
    return lines


def _span(least: float, most: float) -> str:
    return age(least) if age(least) == age(most) else f"{age(least)} to {age(most)}"


def _check_row(check: Row, now_unix: float, stale: str) -> tuple[object, ...]:
    state = state_of(check)
    word = state.upper() if check["enabled"] else state
    if state == "unknown" and check["incident"]:
        word += ", was DOWN"
    votes = ", ".join(f"{count} {vote}" for vote, count in check["votes"].items() if count)
    seconds = _lasted_s(check, now_unix)
    return (
        check["name"],
        Painted(word + (stale if check["enabled"] else ""), STATES.get(state)),
        "-" if seconds is None else age(seconds),
        votes or "-",
        check["target"],
    )


def _lasted_s(check: Row, now_unix: float) -> float | None:
    """Return how long the state has lasted; an outage counts from its beginning."""
    incident = check["incident"]
    if not check["enabled"]:
        return None
    if incident is not None:
        lasted = incident.get("lasted_s")
        return float(now_unix - incident["since"] if lasted is None else lasted)
    if not check["since"]:
        return None
    return float(check.get("for_s", now_unix - check["since"]))
