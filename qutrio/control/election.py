"""Operations on the election: its engine and timers, who acted, and moving the role by hand."""

from collections.abc import Sequence

import trio

from qutrio.codec.plain import settings_to_plain
from qutrio.control.cluster import set_settings
from qutrio.control.context import ControlContext, find
from qutrio.control.incidents import teller
from qutrio.control.protocol import YIELD_WAIT_S_MAX, Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import Row, master_row, members_by_name
from qutrio.core.api.engine_timers import TIMERS, setting_of
from qutrio.core.api.events import YieldRequested
from qutrio.core.api.view import MemberStatus, View
from qutrio.core.journal.leadership_history import MasterTerm, master_terms
from qutrio.model.ids import NodeId, Seconds
from qutrio.model.members import Member

YIELD_WAIT_S: Seconds = 15.0
YIELD_WAIT_S_MIN: Seconds = 1.0
REIGNS_LISTED = 20
REIGNS_LISTED_MAX = 10_000


async def show_engine(context: ControlContext, request: Request) -> Row:
    """Answer `engine.show`: the engine, its timers, and what it makes of this node."""
    del request
    status = await context.inspect()
    settings = settings_to_plain(status.document.settings)
    return {
        "node_id": status.node,
        "name": status.name,
        "engine": status.engine,
        "knows_engine": status.knows_engine,
        "known_engines": sorted(TIMERS),
        "timers": [
            {"name": timer.name, "value": settings[timer.name], "meaning": timer.meaning}
            for timer in TIMERS.get(status.engine, ())
        ],
        "role": status.role,
        "term": status.term,
        "master": master_row(status),
        "removed": status.removed,
        "members": [_engine_row(heard, status.engine) for heard in members_by_name(status)],
    }


async def set_engine(context: ControlContext, request: Request) -> Row:
    """Answer `engine.set`: choose the engine and set its own timers, in one change."""
    engine, timers = request.text("engine"), request.mapping("timers")
    if engine not in TIMERS:
        known = ", ".join(sorted(TIMERS))
        sentence = f"there is no election engine {engine[:80]!r}; known are {known}"
        raise ControlFailure(Code.INVALID, sentence)
    changes: dict[str, object] = {"engine": engine}
    for name, value in timers.items():
        setting = setting_of(engine, name)
        if setting is None:
            known = ", ".join(timer.name for timer in TIMERS[engine])
            sentence = f"engine {engine!r} has no timer {name[:80]!r}; known are {known}"
            raise ControlFailure(Code.INVALID, sentence)
        if setting in changes:
            raise ControlFailure(Code.INVALID, f"timer {setting!r} is given twice")
        changes[setting] = value
    return await set_settings(context, Request({"op": "settings.set", "set": changes}))


async def yield_role(context: ControlContext, request: Request) -> Row:
    """Answer `cluster.yield`: move the role by hand, and wait until another node acts.

    `to` may name the next one.  Raises `ControlFailure`: NO_MASTER when nobody acts, REFUSED when
    it cannot move, moved elsewhere, or came back, and UNKNOWN when nothing changed in time.
    """
    wait_s = request.duration(
        "wait", default=YIELD_WAIT_S, low=YIELD_WAIT_S_MIN, high=YIELD_WAIT_S_MAX
    )
    was = context.view.value
    holder = _holder(was)
    wanted = _wanted(was, holder, request.text_or_none("to"))
    await context.inbox.post(YieldRequested(None if wanted is None else wanted.id))
    with trio.move_on_after(wait_s):
        await context.view.until(
            lambda v: v.master not in {None, holder} and v.master_term > was.master_term
        )
    now = context.view.value
    if now.master == holder and now.master_term > was.master_term:
        sentence = f"{_name(now, holder)} gave the role up, and acts again in term"
        raise ControlFailure(Code.REFUSED, f"{sentence} {now.master_term}: no other kept it")
    if now.master == holder:
        sentence = f"{_name(was, holder)} still acts in term {now.master_term} after {wait_s:g}s"
        raise ControlFailure(Code.UNKNOWN, f"{sentence}; it may yet yield: see 'qutrio status'")
    if now.master is None:
        sentence = f"{_name(was, holder)} gave the role up, and nobody acts after {wait_s:g}s"
        raise ControlFailure(Code.NO_MASTER, f"{sentence}; see 'qutrio status'")
    name = _name(now, now.master)
    if wanted is not None and now.master != wanted.id:
        sentence = f"{name} acts now in term {now.master_term}, and not {wanted.name}"
        raise ControlFailure(Code.REFUSED, sentence)
    return {
        "before": {"id": holder, "name": _name(was, holder), "term": was.master_term},
        "master": {"id": now.master, "name": name},
        "term": now.master_term,
    }


async def show_history(context: ControlContext, request: Request) -> Row:
    """Answer `cluster.history`: who acted when, newest first, from this node's journal."""
    limit = request.count("limit", default=REIGNS_LISTED, high=REIGNS_LISTED_MAX)
    told = master_terms(await context.services.read_journal())
    return {
        **teller(context),
        "unwritten": _unwritten(context.view.value, told),
        "reigns": [_term_row(past) for past in reversed(told[-limit:])],
    }


def _unwritten(view: View, told: Sequence[MasterTerm]) -> Row | None:
    """Return who acts now if the journal has only earlier terms: it takes so many an hour."""
    if view.master is None or not told or told[-1].term >= view.master_term:
        return None
    name = _name(view, view.master)
    return {"master": {"id": view.master, "name": name}, "term": view.master_term}


def _engine_row(heard: MemberStatus, engine: str) -> Row:
    """Return whether a member runs the engine; `knows_engine` is None when it did not say.

    Whoever names another engine did not say either: it spoke before the engine was changed.
    """
    member = heard.member
    knows = {engine: True, "": False}.get(heard.engine) if heard.engine is not None else None
    return {"id": member.id, "name": member.name, "live": heard.live, "knows_engine": knows}


def _holder(view: View) -> NodeId:
    if view.removed:
        sentence = "this node was removed from the cluster, and cannot move its role"
        raise ControlFailure(Code.NO_MASTER, sentence)
    if view.master is None:
        sentence = "nobody is heard to act, so there is no role to move; see 'qutrio status'"
        raise ControlFailure(Code.NO_MASTER, sentence)
    return view.master


def _wanted(view: View, holder: NodeId, name: str | None) -> Member | None:
    """Return the member that is named to be next, if one is; refuse what cannot be."""
    if name is None:
        if not (view.live & view.document.voters) - {holder}:
            sentence = f"{_name(view, holder)} cannot yield: no other voting member is heard"
            raise ControlFailure(Code.REFUSED, sentence)
        return None
    member = find(view.document.members, name, "node")
    if not member.voter:
        raise ControlFailure(Code.REFUSED, f"{member.name} is a learner: it has no vote yet")
    if member.id == holder:
        sentence = f"{member.name} acts already, in term {view.master_term}"
        raise ControlFailure(Code.REFUSED, sentence)
    if member.id not in view.live:
        raise ControlFailure(Code.REFUSED, f"{member.name} is not alive: nothing is heard of it")
    return member


def _name(view: View, node: NodeId) -> str:
    member = view.document.member(node)
    return node if member is None else member.name


def _term_row(past: MasterTerm) -> Row:
    return {
        "master": {"id": past.master.id, "name": past.master.name},
        "term": past.term,
        "since_unix": past.since_unix,
        "until_unix": past.until_unix,
        "state": past.outcome.value,
        "reason": past.reason,
        "untold": past.untold,
    }
