"""Sends a notice to a webhook as a JSON document, signed with the channel's secret.

The signature is `sha256=` and the hexadecimal HMAC-SHA-256, keyed with the channel's secret,
of the timestamp header, a full stop, and the body.  A receiver that also checks the age of
the timestamp is safe from replays; one that remembers delivery ids is safe from repeats.
"""

import hmac
import json
from hashlib import sha256

from qutrio import __version__
from qutrio.alerts.envelope import Envelope
from qutrio.alerts.http_post import post
from qutrio.alerts.retry_after import asked_wait, refusal
from qutrio.alerts.send_result import SendResult
from qutrio.alerts.text import clock_error_s, in_utc, outage_s, subject
from qutrio.alerts.tls import ClientContexts
from qutrio.model.channels import WebhookChannel
from qutrio.model.incidents import Digest, Notice, NoticeKind
from qutrio.model.results import Evidence
from qutrio.model.unseen import UnseenChecks

SCHEMA_VERSION = 1
TIMED = frozenset({NoticeKind.RECOVERED, NoticeKind.CLOSED, NoticeKind.UNSEEN, NoticeKind.SEEN})
"""The events that have a duration."""


def payload(envelope: Envelope) -> bytes:
    """Return the JSON document, in ASCII.  Fields may be added; `schema` grows if they change."""
    notice = envelope.notice
    timed, ending = notice.kind in TIMED, notice.ending
    return json.dumps(
        {
            "schema": SCHEMA_VERSION,
            "event": notice.kind.value,
            "notice_id": notice.id,
            "incident_id": notice.incident,
            "cluster_id": envelope.cluster_id,
            "term": notice.term,
            "sequence": notice.sequence,
            "minority": notice.minority or None,
            "check": {
                "id": notice.check or None,
                "name": notice.check_name,
                "target": notice.target,
            },
            **_unseen(notice.unseen),
            **_digest(notice.digest),
            "since": in_utc(notice.since_unix),
            "since_unix": notice.since_unix,
            "at": in_utc(notice.at_unix),
            "at_unix": notice.at_unix,
            "duration_s": outage_s(notice) if timed else None,
            "clock_error_s": clock_error_s(notice) or None,
            "ended": None
            if ending is None
            else {
                "how": ending.how.value,
                "by": ending.by or None,
                "last_state": ending.last_state.value,
            },
            "summary": subject(notice),
            "edited": _edited(notice),
            "evidence": [_evidence(e) for e in notice.evidence],
            "sent_by": {"id": envelope.node, "name": envelope.node_name},
        },
        separators=(",", ":"),
    ).encode("ascii")


def _unseen(unseen: UnseenChecks | None) -> dict[str, object]:
    """Return the fields about checks without a verdict; none for other notices."""
    if unseen is None:
        return {}
    checks = [
        {
            "id": check.id,
            "name": check.name,
            "target": check.target,
            "state": None if check.state is None else check.state.value,
        }
        for check in unseen.checks
    ]
    return {"cause": unseen.cause, "checks_count": unseen.count, "checks": checks}


def _digest(digest: Digest | None) -> dict[str, object]:
    """Return the fields about the notices that a digest stands for; none for other notices."""
    if digest is None:
        return {}
    notices = [
        {
            "event": line.kind.value,
            "incident_id": line.incident,
            "check": {"id": line.check or None, "name": line.check_name, "target": line.target},
            "since_unix": line.since_unix,
            "at_unix": line.at_unix,
            "duration_s": line.lasted_s,
            "detail": line.detail,
        }
        for line in digest.lines
    ]
    counts = {count.kind.value: count.count for count in digest.counts}
    return {"notices_count": digest.total, "counts": counts, "notices": notices}


def _edited(notice: Notice) -> dict[str, object] | None:
    """Return who changed the check last, if it was not up since then."""
    edit = notice.edited
    if edit is None:
        return None
    return {
        "node": edit.name,
        "door": edit.door or None,
        "uid": edit.uid,
        "at": in_utc(edit.at_unix),
        "at_unix": edit.at_unix,
        "revision": edit.revision,
    }


def signature(secret: str, timestamp: str, content: bytes) -> str:
    """Return the value of the signature header."""
    signed = timestamp.encode("ascii") + b"." + content
    return "sha256=" + hmac.new(secret.encode(), signed, sha256).hexdigest()


async def send_webhook(
    channel: WebhookChannel, envelope: Envelope, *, contexts: ClientContexts
) -> SendResult:
    """Post the notice once; any 2xx answer is a success, a redirect is not.

    Raises:
        DeliveryError: there was no answer, or one that is not 2xx.

    """
    content, timestamp = payload(envelope), str(int(envelope.sent_unix))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"qutrio/{__version__}",
        "X-Qutrio-Event": envelope.notice.kind.value,
        "X-Qutrio-Delivery": envelope.delivery_id(channel.id),
        "X-Qutrio-Timestamp": timestamp,
    }
    if channel.secret is not None:
        headers["X-Qutrio-Signature"] = signature(channel.secret, timestamp, content)
    answer = await post(channel.url, content, headers, verify=channel.verify_tls, contexts=contexts)
    if not answer.accepted:
        raise refusal(channel.url, answer, asked_wait(answer, envelope.sent_unix))
    return SendResult(delivered=True, detail=f"HTTP {answer.status}")


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "node": evidence.node,
        "name": evidence.name,
        "outcome": evidence.outcome.value,
        "latency_ms": evidence.latency_ms,
        "detail": evidence.detail,
        "age_s": evidence.age_s,
        "counted": evidence.counted,
    }
