"""What the control socket tells of incidents: a list, one story, or why there is none."""

import orjson
import pytest

from qutrio.control.incidents import DOUBTS_LISTED_MAX, INCIDENTS_LISTED_MAX
from qutrio.control.protocol import Code
from qutrio.errors import StorageError
from qutrio.model.journal import Entry
from tests.control.requests import ask, refused
from tests.control.scripted_node import ME, WALL, ScriptedNode, new_scripted_node
from tests.core.journal_facts import (
    ALPHA,
    began,
    came_up,
    closed,
    crossed,
    doubted,
    ended,
    noticed,
    opened,
    went_down,
)

OUTAGE = [
    went_down(), opened(), noticed(0), began(0), ended(1), crossed(1), came_up(60), closed(60),
]  # fmt: skip


def scripted_with(*entries: Entry) -> ScriptedNode:
    scripted = new_scripted_node()
    scripted.journal.entries.extend(entries)
    return scripted


async def test_incidents_are_listed_newest_first_with_what_became_of_their_pages() -> None:
    answer = await ask(scripted_with(*OUTAGE, opened(90, number=2)), "incident.list")
    assert (answer["node_id"], answer["name"], answer["now_unix"]) == (ME, "a", WALL)
    newer, older = answer["incidents"]
    assert (newer["id"], newer["state"], newer["until_unix"]) == ("web-2", "open", None)
    assert older == {
        "id": "web-1",
        "check": {"id": "web", "name": "web"},
        "target": "127.0.0.1:80",
        "since_unix": WALL,
        "until_unix": WALL + 60,
        "lasted_s": 60.0,
        "state": "recovered",
        "pages": [
            {
                "notice": "web-1.down",
                "kind": "down",
                "channel": {"id": "hook", "name": "pager"},
                "fate": "delivered",
                "digest": None,
                "by": {"id": ALPHA.id, "name": "alpha"},
            }
        ],
    }


async def test_the_lists_are_bounded() -> None:
    many = [opened(n, number=n) for n in range(1, INCIDENTS_LISTED_MAX + 10)]
    bad_rounds = [doubted(n) for n in range(DOUBTS_LISTED_MAX + 3)]
    answer = await ask(scripted_with(*bad_rounds, *many), "incident.list")
    assert len(answer["incidents"]) == INCIDENTS_LISTED_MAX
    assert answer["incidents"][0]["id"] == f"web-{INCIDENTS_LISTED_MAX + 9}"
    assert len(answer["doubts"]) == DOUBTS_LISTED_MAX
    assert answer["doubts"][0]["at_unix"] == WALL + DOUBTS_LISTED_MAX + 2


async def test_one_incident_is_told_with_all_its_lines() -> None:
    answer = await ask(scripted_with(*OUTAGE), "incident.explain", name="web-1")
    assert [e["kind"] for e in answer["entries"]] == [
        "judged", "opened", "noticed", "began", "ended", "crossed", "judged", "closed",
    ]  # fmt: skip
    assert answer["incident"]["id"] == "web-1"
    sent = orjson.loads(orjson.dumps(answer["entries"][0]))
    assert sent["first"]["casts"][0]["standing"] == "counted"


@pytest.mark.parametrize(
    ("wanted", "found"), [("web-1", "web-1"), ("web", "web-12"), ("web-12", "web-12")]
)
async def test_an_incident_is_found_by_id_or_by_its_check(wanted: str, found: str) -> None:
    scripted = scripted_with(opened(1, number=1), opened(2, number=2), opened(3, number=12))
    answer = await ask(scripted, "incident.explain", name=wanted)
    assert answer["incident"]["id"] == found


async def test_the_beginning_of_an_id_is_enough_when_only_one_begins_so() -> None:
    assert (await ask(scripted_with(opened()), "incident.explain", name="we"))["incident"]
    scripted = scripted_with(opened(1, number=21), opened(2, number=22))
    failure = await refused(scripted, "incident.explain", name="web-2")
    assert failure.code is Code.INVALID
    assert str(failure) == "2 incidents begin with 'web-2'; give more of the id: web-21, web-22"


async def test_an_unknown_incident_is_one_sentence_that_says_where_to_look() -> None:
    failure = await refused(scripted_with(opened()), "incident.explain", name="nope")
    assert failure.code is Code.NOT_FOUND
    assert str(failure) == "this node has no record of an incident 'nope'; see 'qutrio explain'"


async def test_a_journal_that_cannot_be_read_is_an_error_and_no_crash() -> None:
    scripted = new_scripted_node()

    async def broken() -> tuple[Entry, ...]:
        raise StorageError("cannot read the journal")

    scripted.journal.read = broken  # type: ignore[method-assign]
    failure = await refused(scripted, "incident.list")
    assert (failure.code, str(failure)) == (Code.FAILED, "cannot read the journal")
