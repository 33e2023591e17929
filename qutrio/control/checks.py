"""Operations on checks: add, edit, remove, enable, disable, show, list, test."""

import trio
from attrs import evolve

from qutrio.codec.masks import require_unmasked
from qutrio.codec.plain import check_from_plain, check_to_plain
from qutrio.control.cluster import all_checks
from qutrio.control.context import ControlContext, find
from qutrio.control.editing import edited, item_named, named_in_errors, new_id
from qutrio.control.protocol import CHECK_TEST_WAIT_S_MAX, Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import (
    Row,
    author_row,
    by_name,
    check_row,
    decides,
    evidence_row,
    quorum_row,
    standing,
)
from qutrio.core.api.events import ProbeRequested
from qutrio.core.api.mutations import PutCheck, RemoveCheck
from qutrio.core.api.view import CheckStatus, Status
from qutrio.core.checks.votes import state_of
from qutrio.model.checks import Check, slow_warning
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.model.names import natural_order
from qutrio.model.results import Evidence, Outcome, State

TEST_POLL_S = 0.2
CONFIGURATIONS_PER_TURN = 50
"""How many checks are converted before other tasks run: about a millisecond's work."""
TEST_AGAIN_S = 1.0
"""After so long a member that is silent is asked again, and then after twice as long each time."""
TEST_MARGIN_S = 2.0
"""Time for the request and the votes to travel, beyond the check's own timeout."""


async def add_check(context: ControlContext, request: Request) -> Row:
    """Add the check whose plain form, without an id, is in `check` (`check.add`)."""
    plain = {**request.mapping("check"), "id": new_id()}
    check = check_from_plain(plain, item_named("check", plain.get("name")), strict=True)
    _require_channels(context, check)
    return await _put(context, PutCheck(check=check))


async def edit_check(context: ControlContext, request: Request) -> Row:
    """Change a check: `set` replaces fields, `unset` resets fields (`check.edit`)."""
    was = _named(context, request)
    plain = edited(
        was, check_to_plain(was, secrets=True), request.mapping("set"), request.texts("unset")
    )
    check = check_from_plain(plain, item_named("check", was.name), strict=True)
    _require_channels(context, check)
    check = evolve(check, changed=was.changed, extra=was.extra)
    return await _put(context, PutCheck(check=check, expect=was))


async def remove_check(context: ControlContext, request: Request) -> Row:
    """Remove a check (`check.remove`)."""
    check = _named(context, request)
    revision = await context.propose(RemoveCheck(expect=check))
    return {"id": check.id, "name": check.name, "revision": revision}


async def enable_check(context: ControlContext, request: Request) -> Row:
    """Enable a check (`check.enable`); for an enabled check this is no change and no error."""
    check = _named(context, request)
    return await _put(context, PutCheck(check=evolve(check, enabled=True), expect=check))


async def disable_check(context: ControlContext, request: Request) -> Row:
    """Disable a check (`check.disable`): it is kept, but neither probed nor judged."""
    check = _named(context, request)
    return await _put(context, PutCheck(check=evolve(check, enabled=False), expect=check))


async def list_checks(context: ControlContext, request: Request) -> Row:
    """List the checks with their states and, with `config`, their fields (`check.list`)."""
    status = await context.inspect()
    rows = await all_checks(status)
    if request.flag("config"):
        rows = await _configured(rows, status)
    return {"now_unix": context.services.wall(), **standing(status), "checks": rows}


async def show_check(context: ControlContext, request: Request) -> Row:
    """Show a check's configuration and state (`check.show`).

    Secrets are masked unless `secrets` is set.
    """
    check = _named(context, request)
    status = await context.inspect()
    counted = _counted(status, check.id)
    warning = slow_warning(check)
    return {
        "now_unix": context.services.wall(),
        **standing(status),
        "check": check_to_plain(check, secrets=request.flag("secrets")),
        "last_change": author_row(status.document.edit_of_check(check.id)),
        "status": None if counted is None else check_row(counted),
        "warnings": [warning] if warning else [],
    }


def shown_check(check: Check) -> Row:
    """Return the configuration of a check, with secrets masked."""
    return check_to_plain(check, secrets=False)


async def _configured(rows: list[Row], status: Status) -> list[Row]:
    """Return the rows with each check's configuration; lets other tasks run in between."""
    checks, stale = {c.id: c for c in status.document.checks}, not decides(status)
    configured: list[Row] = []
    for row in rows:
        check = checks[CheckId(str(row["id"]))]
        configured.append({**row, "stale": stale, "check": shown_check(check)})
        if len(configured) % CONFIGURATIONS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return configured


async def test_check(context: ControlContext, request: Request) -> Row:
    """Have every live member probe now, and return the fresh votes (`check.test`).

    A member that is silent is asked again: it may not have heard of the check when it was asked
    first.  Who is silent for the check's own time limit and a little more is named in `silent`.
    `state` follows from the fresh votes as a verdict does, in one round: "unknown" when fewer
    than a majority of the voters voted, and when this node could not ask a majority (`quorum`).
    """
    check = _named(context, request)
    if not check.enabled:
        sentence = f"check {check.name!r} is disabled; run 'qutrio check enable {check.name}' first"
        raise ControlFailure(Code.REFUSED, sentence)
    if context.view.value.removed:
        sentence = "this node was removed from the cluster, so no member probes for it"
        raise ControlFailure(Code.NO_MASTER, sentence)
    asked = trio.current_time()
    await context.inbox.post(ProbeRequested((check.id,)))
    wait_s = min(check.timeout_s * (1 + check.retries) + TEST_MARGIN_S, CHECK_TEST_WAIT_S_MAX)
    fresh: dict[NodeId, Evidence] = {}
    live: frozenset[NodeId] = frozenset()
    status = await context.inspect()
    pause_s = TEST_AGAIN_S
    again_at = asked + pause_s
    with trio.move_on_after(wait_s):
        while not live or live - fresh.keys():
            await trio.sleep(TEST_POLL_S)
            if trio.current_time() >= again_at:
                pause_s *= 2  # a probe may take its time
                again_at += pause_s
                await context.inbox.post(ProbeRequested((check.id,), live - fresh.keys()))
            status = await context.inspect()
            live = frozenset(m.member.id for m in status.members if m.live)
            fresh = _newer_than(trio.current_time() - asked, _counted(status, check.id))
    return _tested(status, check, fresh, live)


def _tested(
    status: Status, check: Check, fresh: dict[NodeId, Evidence], live: frozenset[NodeId]
) -> Row:
    votes = {o: sum(e.outcome is o for e in fresh.values()) for o in Outcome}
    voters = status.document.voters
    outcomes = [e.outcome for e in fresh.values() if e.node in voters]
    state = state_of(outcomes, len(voters)) if status.holds_quorum else State.UNKNOWN
    names = {m.id: m.name for m in status.document.members}
    return {
        "id": check.id,
        "name": check.name,
        "target": check.target,
        "state": state.value,
        "votes": {outcome.value: count for outcome, count in votes.items()},
        "evidence": [evidence_row(seen) for seen in by_name(fresh.values())],
        "silent": sorted((names.get(n, n) for n in live - fresh.keys()), key=natural_order),
        "quorum": quorum_row(status),
    }


def _newer_than(age_s: Seconds, counted: CheckStatus | None) -> dict[NodeId, Evidence]:
    if counted is None:
        return {}
    return {e.node: e for e in counted.evidence if e.age_s < age_s}


def _counted(status: Status, check: CheckId) -> CheckStatus | None:
    return next((c for c in status.checks if c.check.id == check), None)


async def _put(context: ControlContext, change: PutCheck) -> Row:
    """Propose a change, even one that changes nothing here: this node's document may be old.

    `warnings` name settings that are allowed but seldom intended.
    """
    check = change.check
    with named_in_errors("check", check.name):
        require_unmasked(check, change.expect)
        change.apply(context.document, context.services.wall())  # raises if it never can be
    revision = await context.propose(change)
    warning = slow_warning(check) if check.enabled else ""
    row: Row = {"id": check.id, "name": check.name, "revision": revision}
    return {**row, "warnings": [warning] if warning else []}


def _require_channels(context: ControlContext, check: Check) -> None:
    """Raise `ControlFailure` (NOT_FOUND) when the check names a channel that does not exist."""
    for name in check.alerts:
        find(context.document.channels, name, "alert channel")


def _named(context: ControlContext, request: Request) -> Check:
    return find(context.document.checks, request.text("name"), "check")
