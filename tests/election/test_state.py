"""A participant's durable state survives restarts and changes, and is never guessed."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from qutrio import election
from qutrio.election.drivers.memory import MemoryWire
from qutrio.election.group import Group
from qutrio.election.state import FolderState
from qutrio.errors import DataDirectoryError, InvalidDocumentError, QutrioError, StorageError
from qutrio.model.document import Settings
from qutrio.model.ids import NodeId, Term
from qutrio.model.stable import HardState, Position, Promise, Record, Stable
from tests.election.arena import open_arena
from tests.patience import HANG_S

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
PATIENCE_S = HANG_S


async def lead_once(folder: Path, name: str = "jobs", self_id: str = "a") -> int:
    """Join an election as the only participant, lead, and return the term."""
    terms: list[int] = []
    with trio.fail_after(PATIENCE_S):
        async with election.join(
            name, self_id=self_id, members=[self_id], driver=MemoryWire(), state=folder
        ) as participant:
            async with participant.leading() as term:
                terms.append(term)
    return terms[0]


async def refusal(folder: Path, name: str = "jobs", self_id: str = "a") -> QutrioError:
    with pytest.raises(QutrioError) as caught:
        await lead_once(folder, name, self_id)
    return caught.value


async def test_a_folder_is_made_and_terms_grow_from_start_to_start(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"
    terms = [await lead_once(folder) for _ in range(3)]
    assert terms[0] < terms[1] < terms[2]


async def test_a_damaged_state_is_refused_with_instructions(tmp_path: Path) -> None:
    await lead_once(tmp_path)
    file = tmp_path / "state" / "state.json"
    file.write_bytes(file.read_bytes().replace(b'"term":', b'"term": 7', 1))
    error = await refusal(tmp_path)
    assert isinstance(error, InvalidDocumentError)
    assert str(file) in str(error)
    assert "while all other participants run and one of them leads, move the folder away" in str(
        error
    )
    assert "qutrio node" not in str(error)


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 100, b'{"format": 1}'])
async def test_an_empty_or_torn_state_is_not_a_fresh_start(tmp_path: Path, content: bytes) -> None:
    await lead_once(tmp_path)
    (tmp_path / "state" / "state.json").write_bytes(content)
    assert isinstance(await refusal(tmp_path), InvalidDocumentError)


async def test_a_state_that_was_lost_is_not_a_fresh_start(tmp_path: Path) -> None:
    await lead_once(tmp_path)
    (tmp_path / "state" / "state.json").unlink()
    error = await refusal(tmp_path)
    assert isinstance(error, InvalidDocumentError)
    assert "state.json is missing; an older copy would lack" in str(error)


async def test_a_first_start_that_was_interrupted_begins_again(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert isinstance(await refusal(tmp_path), StorageError)
    (tmp_path / "state").unlink()
    first = await lead_once(tmp_path)
    assert await lead_once(tmp_path) > first
    (tmp_path / "state" / "state.json").unlink()
    assert "is missing" in str(await refusal(tmp_path))


async def test_the_state_of_another_participant_or_election_is_refused(tmp_path: Path) -> None:
    await lead_once(tmp_path)
    for name, self_id in (("jobs", "b"), ("chores", "a")):
        error = await refusal(tmp_path, name, self_id)
        assert isinstance(error, DataDirectoryError)
        assert f"a in jobs, not {self_id} in {name}" in str(error)


async def test_a_state_whose_owner_is_unknown_is_refused(tmp_path: Path) -> None:
    await lead_once(tmp_path)
    (tmp_path / "seat.json").write_bytes(b"torn")
    assert "unreadable, not a in jobs" in str(await refusal(tmp_path))
    (tmp_path / "seat.json").unlink()
    assert "no seat.json that names its participant" in str(await refusal(tmp_path))


async def test_one_participant_at_a_time_uses_a_folder(tmp_path: Path) -> None:
    async with election.join(
        "jobs", self_id="a", members=["a"], driver=MemoryWire(), state=tmp_path
    ):
        assert "is in use" in str(await refusal(tmp_path))


async def test_a_folder_that_cannot_be_used_is_an_error_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert str(file) in str(await refusal(file))
    owner = tmp_path / "seat.json"
    owner.mkdir()
    assert str(owner) in str(await refusal(tmp_path))


async def test_a_first_state_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert isinstance(await refusal(tmp_path), StorageError)
    state = FolderState(tmp_path)
    with state.hold("jobs", A):
        (tmp_path / ".seat.json.tmp").mkdir()
        with pytest.raises(StorageError, match="seat"):
            await state.create(group("a").first_state())


def group(*members: str, **settings: float) -> Group:
    ids = tuple(NodeId(member) for member in members)
    return Group(name="jobs", members=ids, settings=Settings(**settings))  # type: ignore[arg-type]


def test_the_same_group_goes_on_with_what_it_kept() -> None:
    kept = group("a", "b").first_state()
    assert group("a", "b").continued(kept) is kept


def test_another_group_keeps_the_promise_and_the_hard_state_and_nothing_else() -> None:
    before = group("a", "b")
    record = Record(Position(Term(7), 3), before.document(), before.first_state().accepted.ledger)
    kept = Stable(Promise(Term(7), A), record, record, HardState(Term(9), B))
    now = group("a", "b", "c").continued(kept)
    assert (now.promise, now.hard_state) == (kept.promise, kept.hard_state)
    assert now.committed == now.accepted == group("a", "b", "c").first_state().accepted


def test_a_term_that_was_only_accepted_counts_as_promised_in_another_group() -> None:
    before = group("a", "b")
    record = Record(Position(Term(8), 1), before.document(), before.first_state().accepted.ledger)
    kept = Stable(Promise(Term(7), A), record, record)
    assert group("a").continued(kept).promise == Promise(Term(8), None)


async def test_terms_grow_when_the_members_change_and_the_change_is_logged(
    autojump_clock: MockClock,
) -> None:
    async with open_arena("a", "b", "c") as arena:
        await arena.leader()
        await trio.sleep(5)
        before = arena.last[1]
        for participant in ("a", "b", "c"):
            await arena.leave(participant)
        arena.start("a", "b", "c", "d", members=["a", "b", "c", "d"])
        await arena.leader()
        assert arena.last[1] > before
        changed = [line for line in arena.places["a"].lines if "members or the rules" in line]
        assert changed == ["the members or the rules changed {'before': 'a,b,c', 'now': 'a,b,c,d'}"]


async def test_a_participant_that_starts_with_shorter_timers_honours_its_earlier_grant(
    autojump_clock: MockClock,
) -> None:
    """Its grant may still hold up a leader with the old timers, so it grants no other yet."""
    async with open_arena("a", "b", "c", engine="lowest-id", dead_after=30) as arena:
        assert await arena.leader() == "a"
        await trio.sleep(5)
        arena.wire.isolate("a")
        for participant in ("b", "c"):
            await arena.leave(participant)
        restarted_at = trio.current_time()
        arena.start("b", "c", dead_after=4)
        await arena.leader(but="a")
        assert trio.current_time() >= restarted_at + 30
        assert arena.bodies[0].participant == "a"


async def test_a_state_in_memory_has_one_participant_at_a_time() -> None:
    state = election.MemoryState()
    with state.hold("jobs", A), pytest.raises(DataDirectoryError, match="in use"):
        with state.hold("jobs", A):
            raise AssertionError("two participants with one state")
