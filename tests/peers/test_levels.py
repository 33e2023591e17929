"""A member whose program is too old for the document is refused, and both sides say why."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from qutrio.core.api.events import Announced
from qutrio.core.api.mutations import ClaimToken
from qutrio.errors import EnrollmentError, PeerError
from qutrio.model.levels import LEVEL
from qutrio.peers.frames import (
    Hello,
    Join,
    Refused,
    from_bytes,
    receive_frame,
    send_frame,
    to_bytes,
)
from tests.memory_network import MemoryNetwork
from tests.peers.enrollment_setup import EnrollmentSetup, enrollment
from tests.peers.test_enrollment_attacks import application, by_hand
from tests.peers.world import (
    WAIT_S,
    Person,
    as_member,
    document_of,
    ends,
    in_memory,
    running,
    wire,
)


async def test_the_link_of_an_older_program_is_refused_and_both_sides_know_why(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), evolve(document_of(*people[:2]), level=2)
    bob, transport = in_memory(net, people[1], document), wire(net, people[0])
    reason = "ada runs level 1, the cluster needs 2; upgrade ada"
    async with running(bob):
        with pytest.raises(PeerError, match=f"refused: {reason}"):
            async with as_member(transport, people[0], people[1]):
                raise AssertionError("it was let in")
        assert await bob.event(Announced) == Announced(people[0].member.id, 1)
        await trio.sleep(1.0)
        said = {"peer": "ada", "reason": f"refused: {reason}"}
        assert ("link refused", said) in bob.lines
        async with as_member(transport, people[0], people[1], level=2):
            await bob.linked(people[0])


async def test_the_link_to_an_older_program_ends_when_the_level_rises(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), document_of(*people[:2])
    bob, transport = in_memory(net, people[1], document), wire(net, people[0])
    async with running(bob):
        async with as_member(transport, people[0], people[1]) as socket:
            await bob.linked(people[0])
            bob.know(evolve(document_of(*people[:2], revision=2), level=2))
            await bob.unlinked(people[0])
            await ends(socket)
    reason = "ada runs level 1, the cluster needs 2; upgrade ada"
    assert ("link ends", {"peer": "ada", "reason": reason}) in bob.lines


async def test_nodes_of_this_version_announce_its_level_to_each_other(
    people: list[Person], autojump_clock: MockClock
) -> None:
    net, document = MemoryNetwork(), evolve(document_of(*people[:2]), level=LEVEL)
    low, high = (in_memory(net, p, document) for p in people[:2])
    async with running(high, low):
        assert await low.event(Announced) == Announced(people[1].member.id, LEVEL)
        assert await high.event(Announced) == Announced(people[0].member.id, LEVEL)


async def test_an_older_program_cannot_join(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        here.cluster.station.know(evolve(here.cluster.document, level=2))
        async with by_hand(here) as (socket, challenge):
            await send_frame(socket, application(here, challenge.nonce, level=1))
            refused = await receive_frame(socket, WAIT_S)
        assert refused == Refused(reason="bob runs level 1, the cluster needs 2; upgrade bob")
        assert here.cluster.proposals == []
        await here.join()
        (claim,) = here.cluster.proposals
        assert isinstance(claim, ClaimToken)
        assert claim.level == LEVEL


async def test_a_node_that_is_too_old_when_it_is_approved_is_told_so(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect_refusal, here)
            await here.until_claimed()
            person = here.joiner.member
            document = evolve(here.cluster.document, level=LEVEL + 1)
            members = tuple(sorted((*document.members, person), key=lambda m: m.id))
            here.cluster.station.know(evolve(document, members=members))


async def _expect_refusal(here: EnrollmentSetup) -> None:
    with pytest.raises(EnrollmentError, match=f"runs level {LEVEL}, the cluster needs"):
        await here.join()


def test_programs_that_announce_no_level_have_level_one() -> None:
    hello = from_bytes(b'{"kind":"Hello","protocol":1,"node":"n","cluster":"c","program":"0.1"}')
    assert hello == Hello(protocol=1, node="n", cluster="c", program="0.1", level=1)
    join = Join(token="t", certificate="c", name="n", address="a:1", signature="s", level=2)
    assert from_bytes(to_bytes(join)) == join
    with pytest.raises(PeerError, match="whose level is malformed"):
        from_bytes(to_bytes(join).replace(b'"level":2', b'"level":"2"'))
