"""A notice names the edit since which the check was never up."""

import json

from attrs import evolve

from qutrio.alerts.text import body
from qutrio.alerts.webhook import payload
from qutrio.model.edits import HAND_EDIT, Edit
from qutrio.model.ids import NodeId, Revision
from tests.alerts.samples import DOWN, LETTER, NOON, RECOVERED

EDIT = Edit(
    item="check/c1",
    revision=Revision(12),
    at_unix=NOON,
    node=NodeId("n1"),
    name="bravo",
    door=HAND_EDIT,
)


def test_the_text_names_who_edited_the_check_and_when() -> None:
    text = body(evolve(LETTER, notice=evolve(DOWN, edited=EDIT)))
    assert "Edited:    by bravo (hand edit) at 2026-01-01 12:00:00 UTC, revision 12\n" in text
    command = evolve(EDIT, door="command", uid=0)
    assert "by bravo (command, uid 0) at" in body(
        evolve(LETTER, notice=evolve(DOWN, edited=command))
    )
    unknown = evolve(EDIT, door="")
    assert "by bravo at" in body(evolve(LETTER, notice=evolve(DOWN, edited=unknown)))


def test_other_notices_do_not_mention_edits() -> None:
    assert "Edited" not in body(LETTER)
    assert "Edited" not in body(evolve(LETTER, notice=evolve(RECOVERED, edited=EDIT)))


def test_a_webhook_has_the_edit_as_fields() -> None:
    assert json.loads(payload(LETTER))["edited"] is None
    assert json.loads(payload(evolve(LETTER, notice=evolve(DOWN, edited=EDIT))))["edited"] == {
        "node": "bravo",
        "door": "hand edit",
        "uid": None,
        "at": "2026-01-01 12:00:00 UTC",
        "at_unix": NOON,
        "revision": 12,
    }
