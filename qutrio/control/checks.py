"""Operations on checks: add, edit, remove, enable, disable, show, list, test."""

import trio
from attrs import evolve

from qutrio.codec.masks import require_unmasked
from qutrio.codec.plain import check_from_plain, check_to_plain
from qutrio.control.cluster import all_checks
from qutrio.control.context import ControlContext, find
from qutrio.control.editing import edited, new_id
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
from qutrio.errors import InvalidValueError
from qutrio.model.checks import Check, slow_warning
from qutrio.model.ids import CheckId, NodeId, Seconds
from qutrio.model.names import natural_order
from qutrio.model.results import Evidence, Outcome, State
from qutrio.model.rules import shown

TEST_POLL_S = 0.2
CONFIGURATIONS_PER_TURN = 50
"""Checks that are written out before other tasks get a turn: about a millisecond's work."""
TEST_AGAIN_S = 1.0
"""After so long a member that is silent is asked again, and then after twice as long each time."""
TEST_MARGIN_S = 2.0
"""Time for the request and the votes to travel, beyond the check's own timeout."""


async def add_check(context: ControlContext, request: Request) -> Row:
    """Answer `check.add`: `check` is the plain form without an id."""
    plain = {**request.mapping("check"), "id": new_id()}
    check = check_from_plain(plain, _where(plain), strict=True)
    _require_channels(context, check)
    return await _put(context, PutCheck(check=check))


async def edit_check(context: ControlContext, request: Request) -> Row:
    """Answer `check.edit`: `set` replaces fields, `unset` names those to put back to default."""
    was = _named(context, request)
    plain = edited(
        was, check_to_plain(was, secrets=True), request.mapping("set"), request.texts("unset")
    )
    check = check_from_plain(plain, f"check {was.name}", strict=True)
    _require_channels(context, check)
    check = evolve(check, changed=was.changed, extra=was.extra)
    return await _put(context, PutCheck(check=check, expect=was))


async def remove_check(context: ControlContext, request: Request) -> Row:
    """Answer `check.remove`."""
    check = _named(context, request)
    revision = await context.propose(RemoveCheck(expect=check))
    return {"id": check.id, "name": check.name, "revision": revision}


async def enable_check(context: ControlContext, request: Request) -> Row:
    """Answer `check.enable`; enabling what is enabled is no change and no error."""
    check = _named(context, request)
    return await _put(context, PutCheck(check=evolve(check, enabled=True), expect=check))


async def disable_check(context: ControlContext, request: Request) -> Row:
    """Answer `check.disable`: the check is kept, and neither probed nor judged."""
    check = _named(context, request)
    return await _put(context, PutCheck(check=evolve(check, enabled=False), expect=check))


async def list_checks(context: ControlContext, request: Request) -> Row:
    """Answer `check.list`: every check with its state, and with `config` its configuration."""
    status = await context.inspect()
    rows = await all_checks(status)
    if request.flag("config"):
        rows = await _configured(rows, status)
    return {"now_unix": context.services.wall(), **standing(status), "checks": rows}


async def show_check(context: ControlContext, request: Request) -> Row:
    """Answer `check.show`: how a check is configured and where it stands.

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
    """Return how a check is configured, as whoever asks may see it."""
    return check_to_plain(check, secrets=False)


async def _configured(rows: list[Row], status: Status) -> list[Row]:
    """Return the rows with the configuration of each check, letting heartbeats pass."""
    checks, stale = {c.id: c for c in status.document.checks}, not decides(status)
    configured: list[Row] = []
    for row in rows:
        check = checks[CheckId(str(row["id"]))]
        configured.append({**row, "stale": stale, "check": shown_check(check)})
        if len(configured) % CONFIGURATIONS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return configured


async def test_check(context: ControlContext, request: Request) -> Row:
    """Answer `check.test`: every live member probes now; the fresh votes are the answer.

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
        sentence = "this node was removed from the cluster, and has nobody to ask for a probe"
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
    """Propose the change, also if it is none: this node may be behind, and see none in error.

    `warnings` are sentences about what is allowed, and is seldom meant.
    """
    require_unmasked(change.check, change.expect)
    check = change.check
    try:
        change.apply(context.document, context.services.wall())
    except InvalidValueError as error:  # nobody could commit it
        raise ControlFailure(Code.INVALID, f"check {shown(check.name)}: {error}") from None
    revision = await context.propose(change)
    warning = slow_warning(check) if check.enabled else ""
    row: Row = {"id": check.id, "name": check.name, "revision": revision}
    return {**row, "warnings": [warning] if warning else []}


def _require_channels(context: ControlContext, check: Check) -> None:
    """Raise `ControlFailure` (NOT_FOUND) when the check names a channel that is not there."""
    for name in check.alerts:
        find(context.document.channels, name, "alert channel")


def _named(context: ControlContext, request: Request) -> Check:
    return find(context.document.checks, request.text("name"), "check")


def _where(plain: dict[str, object]) -> str:
    name = plain.get("name")
    return "check" if name is None else f"check {shown(name)}"
