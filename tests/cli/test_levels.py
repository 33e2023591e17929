"""The feature level on the command line."""

import json

from attrs import evolve

from qutrio.model.levels import LEVEL
from tests.cli.in_process import CommandRunner
from tests.control.scripted_node import ME, PEER


async def test_the_level_is_shown_and_who_holds_it_back(qutrio: CommandRunner) -> None:
    qutrio.scripted.publish(evolve(qutrio.scripted.document, level=LEVEL))
    assert f"level     {LEVEL}\n" in (await qutrio("status")).out
    qutrio.scripted.publish(evolve(qutrio.scripted.document, level=1))
    qutrio.scripted.levels = {ME: 1, PEER: None}
    words = f"1 of {LEVEL}, held back by a (runs 1), b (not heard)"
    assert words in (await qutrio("status")).out
    answer = json.loads((await qutrio("status", "--json")).out)
    assert (answer["level"], answer["level_held_back_by"]) == (1, ["a", "b"])
    shown = await qutrio("cluster", "show")
    assert json.loads(shown.out)["level"] == 1
    assert "the level is held back by a, b" in shown.err


async def test_status_warns_of_a_member_that_is_too_old_to_be_one(qutrio: CommandRunner) -> None:
    qutrio.scripted.publish(evolve(qutrio.scripted.document, level=2))
    qutrio.scripted.levels = {PEER: 1}
    warning = "! b runs level 1, the cluster needs 2: it is refused until it is upgraded"
    assert warning in (await qutrio("status")).out
