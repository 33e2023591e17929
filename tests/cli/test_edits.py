"""Who changed a check last, as commands tell it."""

import json
import os

from attrs import evolve

from qutrio.model.edits import COMMAND, Edit
from qutrio.model.ids import NodeId, Revision, UnixTime
from qutrio.model.journal import Opened
from qutrio.model.levels import LEVEL
from tests.cli.in_process import CommandRunner
from tests.control.scripted_node import ME, WALL
from tests.core.journal_facts import opened

WEB = ("check", "add", "http", "web", "https://example.org/")
EDIT = Edit(
    item="check/web",
    revision=Revision(12),
    at_unix=UnixTime(1_700_000_000.0),
    node=NodeId("n1"),
    name="bravo",
    door=COMMAND,
    uid=1000,
)


async def test_a_check_shows_who_changed_it_last(qutrio: CommandRunner) -> None:
    await qutrio(*WEB)
    assert "last changed" not in (await qutrio("check", "show", "web")).out
    qutrio.scripted.publish(evolve(qutrio.scripted.document, level=LEVEL))
    assert (await qutrio("check", "edit", "web", "--interval", "45s")).code == 0
    revision = qutrio.scripted.document.revision
    words = f"last changed by a (command, uid {os.getuid()}) at "
    shown = (await qutrio("check", "show", "web")).out
    assert words in shown
    assert f"UTC, revision {revision}\n" in shown
    answer = json.loads((await qutrio("check", "show", "web", "--json")).out)
    assert answer["last_change"] == {
        "revision": revision,
        "at_unix": WALL,
        "node": ME,
        "name": "a",
        "door": COMMAND,
        "uid": os.getuid(),
    }


async def test_explain_tells_of_the_edit_since_which_nobody_saw_it_up(
    qutrio: CommandRunner,
) -> None:
    entry = opened()
    fact = entry.fact
    assert isinstance(fact, Opened)
    edited = evolve(fact, incident=evolve(fact.incident, edited=EDIT))
    qutrio.scripted.journal.entries.append(evolve(entry, fact=edited))
    words = "edited by bravo (command, uid 1000) at 2023-11-14 22:13:20 UTC, revision 12; not seen"
    assert words in (await qutrio("explain", "web-1")).out
