"""The JSON of `qutrio status --json`, which scripts may rely on.

Times named `..._unix` or `since` are seconds since 1970 UTC; `..._s` are seconds, `..._ms`
milliseconds.  Fields are added, never renamed.
"""

from collections.abc import Iterable, Iterator

from qutrio.codec.sentences import status_reason
from qutrio.core.api.view import CheckStatus, MemberStatus, Status
from qutrio.model.edits import Edit
from qutrio.model.hand_edits import EditReport
from qutrio.model.hooks import HookRun
from qutrio.model.ids import NodeId, UnixTime
from qutrio.model.members import Token
from qutrio.model.names import natural_order
from qutrio.model.results import Evidence

Row = dict[str, object]


def status_head(status: Status, *, version: str, digest: str, wall: UnixTime) -> Row:
    """Return a status without its checks, which may be many."""
    return {
        "node_id": status.node,
        "name": status.name,
        "version": version,
        "now_unix": wall,
        "cluster_id": status.document.cluster_id,
        "engine": status.engine,
        "knows_engine": status.knows_engine,
        "role": status.role,
        "level": status.document.level,
        "program_level": status.level,
        "level_held_back_by": held_back(status),
        "term": status.term,
        "acting": status.acting,
        "leads_minority": status.leads_minority,
        **standing(status),
        "revision": status.revision,
        "digest": digest,
        "disk": status.disk,
        "clock_set": _clock_set(status),
        "outbox": len(status.ledger.outbox),
        "refused_recipients": len(status.ledger.refusals),
        "members": [member_row(m) for m in members_by_name(status)],
    }


def _clock_set(status: Status) -> Row | None:
    if status.clock_set is None:
        return None
    by_s, ago_s = status.clock_set
    return {"by_s": _rounded(by_s), "ago_s": _rounded(ago_s)}


def standing(status: Status) -> Row:
    """Return whether this node's knowledge is current; part of every answer that shows state."""
    return {
        "master": master_row(status),
        "quorum": quorum_row(status),
        "stale": status.stale,
        "removed": status.removed,
        "reason": status_reason(status),
    }


def decides(status: Status) -> bool:
    """Return whether this node hears a majority and a master, and is a member itself."""
    return status.holds_quorum and status.master is not None and not status.removed


def members_by_name(status: Status) -> list[MemberStatus]:
    """Return the members in the order of their names."""
    return sorted(status.members, key=lambda m: natural_order(m.member.name))


def held_back(status: Status) -> list[str]:
    """Return the names of the members that keep the feature level below this program's."""
    return [_name_of(status, node) for node in status.held_back]


def quorum_row(status: Status) -> Row:
    """Return how many voters this node hears, and whether they are enough."""
    return {"holds": status.holds_quorum, "have": status.have, "need": status.need}


def master_row(status: Status) -> Row | None:
    """Return the master that this node hears."""
    if status.master is None:
        return None
    return {"id": status.master, "name": _name_of(status, status.master)}


def member_row(heard: MemberStatus) -> Row:
    """Return one member, and what this node hears from it."""
    member = heard.member
    return {
        "id": member.id,
        "name": member.name,
        "address": member.address,
        "fingerprint": member.fingerprint,
        "live": heard.live,
        "voter": member.voter,
        "level": heard.level,
        "last_heard_s": _rounded(heard.last_heard_s),
        "skew_s": _rounded(heard.skew_s),
    }


def check_rows(status: Status) -> Iterator[Row]:
    """Yield one row for each check, by name; lazily, so that the caller can pause."""
    for counted in sorted(status.checks, key=lambda c: natural_order(c.check.name)):
        yield check_row(counted)


def check_row(counted: CheckStatus) -> Row:
    """Return one check as this node counts it, with each node's newest vote."""
    check, incident = counted.check, counted.incident
    return {
        "id": check.id,
        "name": check.name,
        "kind": check.kind,
        "target": check.target,
        "state": counted.state.value,
        "since": counted.since_unix,
        "for_s": _rounded(counted.for_s),
        "enabled": check.enabled,
        "votes": {"ok": counted.ok, "fail": counted.fail, "abstain": counted.abstain},
        "evidence": [evidence_row(e) for e in by_name(counted.evidence)],
        "told_unseen": list((counted.unjudged and counted.unjudged.told) or ()),
        "incident": None
        if incident is None
        else {
            "id": incident.id,
            "since": incident.since_unix,
            "lasted_s": _rounded(counted.for_s),
        },
    }


def by_name(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Return votes in the order of their nodes' names."""
    return sorted(evidence, key=lambda e: natural_order(e.name))


def author_row(edit: Edit | None) -> Row | None:
    """Return who made a change, or None if that is not known."""
    if edit is None:
        return None
    return {
        "revision": edit.revision,
        "at_unix": edit.at_unix,
        "node": edit.node,
        "name": edit.name,
        "door": edit.door,
        "uid": edit.uid,
    }


def evidence_row(seen: Evidence) -> Row:
    """Return one node's newest vote on a check."""
    return {
        "node": seen.node,
        "name": seen.name,
        "outcome": seen.outcome.value,
        "latency_ms": _rounded(seen.latency_ms),
        "detail": seen.detail,
        "age_s": _rounded(seen.age_s),
        "counted": seen.counted,
    }


def token_row(token: Token, wall: UnixTime) -> Row:
    """Return a token without its secret, and the node that has shown it."""
    claimant = token.claimant
    return {
        "id": token.id,
        "name": token.name,
        "created_unix": token.created_unix,
        "expires_unix": token.expires_unix,
        "expired": token.expires_unix <= wall,
        "auto_approve": token.auto_approve,
        "claimant": None
        if claimant is None
        else {
            "id": claimant.id,
            "name": claimant.name,
            "address": claimant.address,
            "fingerprint": claimant.fingerprint,
        },
    }


def edit_row(report: EditReport | None) -> Row | None:
    """Return the state of the newest hand edit; None when there is none to report."""
    if report is None:
        return None
    return {
        "stage": report.stage.value,
        "bytes": report.size_bytes,
        "for_s": _rounded(report.for_s),
        "reason": report.reason,
        "kept": report.kept,
    }


def hook_run_row(run: HookRun) -> Row:
    """Return one finished run of a hook."""
    return {
        "event": run.event.value,
        "term": run.term,
        "at_unix": run.at_unix,
        "took_s": _rounded(run.took_s),
        "ok": run.ok,
        "how": run.how,
        "output": run.output,
    }


def _name_of(status: Status, node: NodeId) -> str:
    member = status.document.member(node)
    return node if member is None else member.name


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
