"""What a digest says, in mail, webhooks and Discord."""

import json

from attrs import evolve

from qutrio.alerts import discord, webhook
from qutrio.alerts.envelope import Envelope
from qutrio.alerts.text import body, subject
from qutrio.model.ids import CheckId, IncidentId, NoticeId, Term
from qutrio.model.incidents import Digest, DigestLine, KindCount, Notice, NoticeKind
from tests.alerts.samples import ALPHA, DOWN, NOON


def line(number: int, kind: NoticeKind = NoticeKind.DOWN) -> DigestLine:
    return DigestLine(
        kind=kind,
        incident=IncidentId(f"c{number}-{number}"),
        check=CheckId(f"c{number}"),
        check_name=f"web{number}",
        target=f"10.0.0.{number}:443",
        since_unix=NOON,
        at_unix=NOON,
        lasted_s=None if kind is NoticeKind.DOWN else 90.0,
        detail="connection refused" if kind is NoticeKind.DOWN else "",
    )


DIGEST = Digest(
    counts=(
        KindCount(kind=NoticeKind.DOWN, count=212),
        KindCount(kind=NoticeKind.RECOVERED, count=1),
    ),
    lines=(line(1), line(2), line(3), line(4, NoticeKind.RECOVERED)),
)
NOTICE = evolve(
    DOWN,
    id=NoticeId("digest-900"),
    incident=IncidentId("digest-900"),
    kind=NoticeKind.DIGEST,
    check=CheckId(""),
    check_name="213 notices",
    target="",
    term=Term(4),
    evidence=(),
    digest=DIGEST,
)


def envelope(notice: Notice) -> Envelope:
    return Envelope(notice=notice, cluster_id="q1", node=ALPHA, node_name="alpha", sent_unix=NOON)


def test_the_subject_counts_the_kinds_and_names_the_first() -> None:
    assert subject(NOTICE) == "[DIGEST] 212 DOWN, 1 RECOVERED: web1, web2, web3, ..."
    few = evolve(NOTICE, digest=evolve(DIGEST, counts=DIGEST.counts[1:], lines=DIGEST.lines[3:]))
    assert subject(few) == "[DIGEST] 1 RECOVERED: web4"


def test_the_body_lists_the_first_by_kind_and_says_how_to_see_all() -> None:
    text = body(envelope(NOTICE))
    assert "213 notices came at about the same time: 212 DOWN, 1 RECOVERED." in text
    assert "DOWN (212, the first 3):\n  web1: 10.0.0.1:443: connection refused\n" in text
    assert "RECOVERED (1):\n  web4: 10.0.0.4:443, after 90s" in text or "after 1m30s" in text
    assert "209 more are not listed here." in text
    assert "qutrio status" in text
    assert "qutrio explain NAME" in text
    assert "qutrio explain digest-900" not in text


def test_a_digest_that_lists_all_says_nothing_of_others() -> None:
    whole = evolve(
        DIGEST, counts=(KindCount(kind=NoticeKind.DOWN, count=3),), lines=DIGEST.lines[:3]
    )
    assert "not listed" not in body(envelope(evolve(NOTICE, digest=whole)))


def test_a_webhook_gets_counts_and_lines_as_fields() -> None:
    document = json.loads(webhook.payload(envelope(NOTICE)))
    assert (document["event"], document["notices_count"]) == ("digest", 213)
    assert document["counts"] == {"down": 212, "recovered": 1}
    assert document["notices"][0] == {
        "event": "down",
        "incident_id": "c1-1",
        "check": {"id": "c1", "name": "web1", "target": "10.0.0.1:443"},
        "since_unix": NOON,
        "at_unix": NOON,
        "duration_s": None,
        "detail": "connection refused",
    }
    assert "counts" not in json.loads(webhook.payload(envelope(DOWN)))


def test_discord_gets_the_text() -> None:
    (embed,) = json.loads(discord.payload(envelope(NOTICE)))["embeds"]
    assert embed["title"].startswith("[DIGEST] 212 DOWN")
    assert "web1: 10.0.0.1:443: connection refused" in embed["description"]
