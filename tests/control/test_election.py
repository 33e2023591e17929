"""The election over the control socket: the engine, moving the role by hand, and who acted."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.control.protocol import Code, wait_s
from qutrio.core.api.events import YieldRequested
from qutrio.core.api.messages import Ruling
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId
from tests.control.requests import ask, refused
from tests.control.scripted_node import ME, PEER, WALL, ScriptedNode, member, new_scripted_node
from tests.core.journal_facts import ALPHA, BRAVO, role_left, role_taken, started

LEARNER = NodeId("n333333333333")


# --- the engine -----------------------------------------------------------------------------


async def test_the_engine_is_shown_with_its_timers_and_who_leads() -> None:
    answer = await ask(new_scripted_node(), "engine.show")
    assert (answer["engine"], answer["knows_engine"], answer["role"]) == (
        "lowest-id", True, "leader",
    )  # fmt: skip
    assert answer["known_engines"] == ["gossip", "lowest-id", "raft"]
    assert [(t["name"], t["value"]) for t in answer["timers"]] == [
        ("heartbeat", "1s"), ("dead_after", "4s"), ("master_cooldown", "2m"),
    ]  # fmt: skip
    assert all(t["meaning"] for t in answer["timers"])
    assert (answer["master"], answer["term"]) == ({"id": ME, "name": "a"}, 3)


async def test_members_that_do_not_know_the_engine_or_did_not_say_are_shown() -> None:
    scripted = new_scripted_node(
        evolve(new_scripted_node().document, settings=Settings(engine="future"))
    )
    scripted.engines = {ME: "", PEER: ""}
    scripted.role = "follower"
    answer = await ask(scripted, "engine.show")
    assert (answer["knows_engine"], answer["role"], answer["timers"]) == (False, "follower", [])
    assert [m["knows_engine"] for m in answer["members"]] == [False, False]
    scripted.engines = {ME: "future"}
    answer = await ask(scripted, "engine.show")
    assert [m["knows_engine"] for m in answer["members"]] == [True, None]


async def test_a_member_that_spoke_before_a_change_of_engine_is_not_taken_for_an_old_one() -> None:
    scripted = new_scripted_node()
    scripted.engines = {ME: "lowest-id", PEER: "raft"}
    answer = await ask(scripted, "engine.show")
    assert [m["knows_engine"] for m in answer["members"]] == [True, None]


async def test_an_engine_is_set_with_its_timers_in_one_change() -> None:
    scripted = new_scripted_node()
    timers = {"heartbeat": "200ms", "raft_election_timeout": "2s"}
    answer = await ask(scripted, "engine.set", engine="raft", timers=timers)
    assert answer["revision"] == 2
    expected = Settings(engine="raft", raft_heartbeat_s=0.2, raft_election_timeout_s=2.0)
    assert scripted.document.settings == expected
    await ask(
        scripted, "engine.set", engine="gossip", timers={"acting": "partition", "alive": "5s"}
    )
    settings = scripted.document.settings
    assert (settings.engine, settings.acting, settings.gossip_alive_s) == ("gossip", "partition", 5)
    await ask(
        scripted, "engine.set", engine="lowest-id", timers={"heartbeat": "2s", "dead_after": 8}
    )
    assert scripted.document.settings.heartbeat_s == 2


@pytest.mark.parametrize(
    ("engine", "timers", "sentence"),
    [
        (
            "paxos",
            {},
            "there is no election engine 'paxos'; known are gossip, lowest-id, raft",
        ),
        (
            "raft",
            {"dead_after": "1s"},
            "engine 'raft' has no timer 'dead_after'; known are raft_heartbeat, raft_election",
        ),
        ("raft", {"heartbeat": "1s", "raft_heartbeat": "1s"}, "'raft_heartbeat' is given twice"),
        ("raft", {"heartbeat": "1s"}, "must be at least 3 heartbeats"),
        ("raft", {"heartbeat": "soon"}, "raft_heartbeat"),
        ("gossip", {"acting": "alone"}, "'alone' is not one of: majority, partition"),
    ],
)
async def test_a_wrong_engine_or_timer_is_one_sentence_and_changes_nothing(
    engine: str, timers: dict[str, object], sentence: str
) -> None:
    scripted = new_scripted_node()
    failure = await refused(scripted, "engine.set", engine=engine, timers=timers)
    assert failure.code is Code.INVALID
    assert sentence in str(failure)
    assert scripted.document == new_scripted_node().document


async def test_an_engine_that_the_cluster_refuses_is_not_set() -> None:
    scripted = new_scripted_node()
    scripted.ruling = (Ruling.REFUSED, "not now")
    failure = await refused(scripted, "engine.set", engine="raft", timers={})
    assert (failure.code, str(failure)) == (Code.REFUSED, "not now")


# --- yield ----------------------------------------------------------------------------------


def moves_to(scripted: ScriptedNode, node: NodeId | None) -> None:
    """Let the role move when somebody asks for it."""
    scripted.heirs = [node]


async def test_the_role_is_moved_and_the_answer_says_who_acts_now() -> None:
    scripted = new_scripted_node()
    moves_to(scripted, PEER)
    answer = await ask(scripted, "cluster.yield")
    assert answer == {
        "before": {"id": ME, "name": "a", "term": 3},
        "master": {"id": PEER, "name": "b"},
        "term": 4,
    }
    assert scripted.yields == [YieldRequested(None)]


async def test_the_next_master_may_be_named_by_its_name() -> None:
    scripted = new_scripted_node()
    moves_to(scripted, PEER)
    await ask(scripted, "cluster.yield", to="b")
    assert scripted.yields == [YieldRequested(PEER)]


async def test_what_cannot_be_next_is_refused_before_anybody_is_asked() -> None:
    scripted, document = new_scripted_node(), new_scripted_node().document
    learner = evolve(member(LEARNER, "c"), voter=False)
    scripted.publish(evolve(document, members=(*document.members, learner)))
    for name, code, sentence in (
        ("nobody", Code.NOT_FOUND, "there is no node named 'nobody'; see 'qutrio node list'"),
        ("c", Code.REFUSED, "c is a learner: it has no vote yet"),
        ("a", Code.REFUSED, "a is master already, in term 3"),
    ):
        failure = await refused(scripted, "cluster.yield", to=name)
        assert (failure.code, str(failure)) == (code, sentence)
    scripted.view.publish(evolve(scripted.view.value, live=frozenset({ME})))
    failure = await refused(scripted, "cluster.yield", to="b")
    assert (failure.code, str(failure)) == (
        Code.REFUSED, "b is not alive: it is not heard",
    )  # fmt: skip
    failure = await refused(scripted, "cluster.yield")
    assert str(failure) == "a cannot yield: no other voting member is heard"
    assert scripted.yields == []


async def test_nothing_can_be_moved_where_nobody_acts_or_where_this_node_is_no_member() -> None:
    scripted = new_scripted_node()
    scripted.view.publish(evolve(scripted.view.value, master=None))
    assert (await refused(scripted, "cluster.yield")).code is Code.NO_MASTER
    scripted.view.publish(evolve(scripted.view.value, removed=True))
    failure = await refused(scripted, "cluster.yield")
    assert failure.code is Code.NO_MASTER
    assert "this node was removed from the cluster" in str(failure)


async def test_a_role_that_does_not_move_in_time_is_unknown(autojump_clock: MockClock) -> None:
    scripted = new_scripted_node()
    began = trio.current_time()
    failure = await refused(scripted, "cluster.yield", wait="7s")
    assert trio.current_time() - began == pytest.approx(7)
    assert failure.code is Code.UNKNOWN
    assert str(failure).startswith("a is still master, in term 3, after 7s; it may yet yield")


async def test_a_role_that_comes_back_is_not_said_to_have_stayed(autojump_clock: MockClock) -> None:
    scripted = new_scripted_node()
    moves_to(scripted, ME)
    failure = await refused(scripted, "cluster.yield")
    assert failure.code is Code.REFUSED
    assert str(failure) == "a resigned, and is master again in term 4: no other node kept it"


async def test_a_role_that_nobody_takes_is_said_so(autojump_clock: MockClock) -> None:
    scripted = new_scripted_node()
    moves_to(scripted, None)
    failure = await refused(scripted, "cluster.yield")
    assert failure.code is Code.NO_MASTER
    assert "a resigned, and there is no master after 15s" in str(failure)


async def test_a_role_that_moves_elsewhere_is_an_error_that_names_who_acts() -> None:
    scripted, document = new_scripted_node(), new_scripted_node().document
    scripted.publish(evolve(document, members=(*document.members, member(LEARNER, "c"))))
    scripted.view.publish(evolve(scripted.view.value, live=frozenset({ME, PEER, LEARNER})))
    moves_to(scripted, PEER)
    failure = await refused(scripted, "cluster.yield", to="c")
    assert (failure.code, str(failure)) == (Code.REFUSED, "b is master now, in term 4, not c")


@pytest.mark.parametrize("wait", ["10ms", "3m", "soon"])
async def test_a_wait_out_of_bounds_is_bad_input(wait: str) -> None:
    scripted = new_scripted_node()
    assert (await refused(scripted, "cluster.yield", wait=wait)).code is Code.INVALID
    assert scripted.yields == []


def test_the_command_waits_longer_for_its_answer_than_a_yield_may_take() -> None:
    assert wait_s("cluster.yield") > 120
    assert wait_s("cluster.history") == wait_s("status")


# --- history --------------------------------------------------------------------------------


async def test_the_history_is_told_newest_first_with_reasons() -> None:
    scripted = new_scripted_node()
    scripted.journal.entries += [
        started(0), role_taken(1, ALPHA, 1), role_left(9, ALPHA, 1, "fell silent"),
        role_taken(10, BRAVO, 2, untold=3),
    ]  # fmt: skip
    answer = await ask(scripted, "cluster.history")
    assert (answer["node_id"], answer["now_unix"]) == (ME, WALL)
    newest, oldest = answer["reigns"]
    assert (newest["state"], newest["term"], newest["untold"]) == ("acting", 2, 3)
    assert oldest == {
        "master": {"id": ALPHA.id, "name": "alpha"},
        "term": 1,
        "since_unix": WALL + 1,
        "until_unix": WALL + 9,
        "state": "ended",
        "reason": "fell silent",
        "untold": 0,
    }


async def test_who_acts_now_is_told_although_the_journal_took_no_more() -> None:
    scripted = new_scripted_node()
    assert (await ask(scripted, "cluster.history"))["unwritten"] is None
    scripted.journal.entries += [role_taken(1, ALPHA, 1), role_left(9, ALPHA, 2, "moved by hand")]
    answer = await ask(scripted, "cluster.history")
    assert answer["unwritten"] == {"master": {"id": ME, "name": "a"}, "term": 3}
    scripted.view.publish(evolve(scripted.view.value, master=None))
    assert (await ask(scripted, "cluster.history"))["unwritten"] is None


async def test_a_limit_takes_the_newest_and_must_be_a_number_from_one() -> None:
    scripted = new_scripted_node()
    scripted.journal.entries += [role_taken(term, ALPHA, term) for term in range(1, 31)]
    assert len((await ask(scripted, "cluster.history"))["reigns"]) == 20
    answer = await ask(scripted, "cluster.history", limit=2)
    assert [r["term"] for r in answer["reigns"]] == [30, 29]
    for wrong in (0, -1, True, "2", 10_001):
        failure = await refused(scripted, "cluster.history", limit=wrong)
        assert failure.code is Code.INVALID


async def test_an_empty_journal_is_an_empty_history() -> None:
    assert (await ask(new_scripted_node(), "cluster.history"))["reigns"] == []
