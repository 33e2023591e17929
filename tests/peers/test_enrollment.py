"""How a node joins, and why it may be refused."""

import pytest
import trio
import trio.testing
from attrs import evolve
from trio.testing import MockClock

from qutrio.core.api.mutations import AddToken, ApproveToken, RevokeToken
from qutrio.errors import EnrollmentError
from qutrio.peers.enrollment_client import join, make_token, parse_token
from qutrio.peers.token import EnrollmentAddress
from qutrio.peers.transport import StrangerTransport
from tests.peers.enrollment_setup import HOME, TTL_S, enrollment
from tests.peers.world import (
    WAIT_S,
    Cluster,
    Person,
    document_of,
    in_memory,
    make_person,
    over_tls,
    running,
    wire,
)


async def test_an_approved_node_gets_the_record(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare, trio.open_nursery() as nursery:
        here = bare.invite(auto=False)

        async def approve() -> None:
            await here.until_claimed()
            await trio.sleep(100.0)
            assert here.token.claimant is not None
            assert here.token.claimant.fingerprint == here.joiner.identity.fingerprint
            here.cluster.propose(ApproveToken(token=here.token.id))

        nursery.start_soon(approve)
        record = await here.join()
        assert trio.current_time() >= 100.0
        assert record.document == here.cluster.document
        member = record.document.member(here.joiner.member.id)
        assert member == evolve(here.joiner.member, address=HOME, voter=False)
        assert not record.document.tokens, "the token is used up"
        waiting = [line for line in here.told if "approve" in line]
        assert len(waiting) == 1, "a person is told once, not every ten seconds"


async def test_an_auto_approved_node_joins_at_once(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        record = await here.join()
        assert here.joiner.member.id in {m.id for m in record.document.members}
        assert trio.current_time() < 1.0


async def test_a_node_that_lost_its_welcome_gets_it_again(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """The token is gone by then, but the key proves who it is."""
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        assert (await here.join()).document == (await here.join()).document
        assert len(here.cluster.proposals) == 1


async def test_an_undecided_claim_is_made_again(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """There may be no master for a short time; claiming twice with one key is harmless."""
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        here.cluster.undecided = 2
        await here.join()
        assert len(here.cluster.proposals) == 3
        assert len(set(here.cluster.proposals)) == 1


async def test_a_cluster_without_a_master_says_so(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        here.cluster.undecided = 99
        with pytest.raises(EnrollmentError, match="could not decide"):
            await here.join()


async def test_a_lost_connection_while_waiting_is_made_again(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare, trio.open_nursery() as nursery:
        here = bare.invite(auto=False)

        async def disturb() -> None:
            await here.until_claimed()
            await trio.sleep(1.0)
            here.cluster.station.listening.cancel()
            here.cluster.station.outboxes.close_all()
            with trio.fail_after(WAIT_S):
                await here.cluster.station.ended.wait()
            await nursery.start(again.run)
            await trio.sleep(20.0)
            deciding.propose(ApproveToken(token=here.token.id))

        again = in_memory(here.net, people[0], here.cluster.document)
        deciding = Cluster(again)
        again.view = here.cluster.station.view
        again.mesh.view = again.enrollment_server.view = again.view
        nursery.start_soon(disturb)
        nursery.start_soon(deciding.decide)
        record = await here.join()
        assert here.joiner.member.id in {m.id for m in record.document.members}
        assert any("lost" in line for line in here.told)
        nursery.cancel_scope.cancel()


async def test_a_revoked_invitation_ends_the_wait(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare, trio.open_nursery() as nursery:
        here = bare.invite(auto=False)

        async def revoke() -> None:
            await here.until_claimed()
            here.cluster.propose(RevokeToken(token=here.token.id))

        nursery.start_soon(revoke)
        with pytest.raises(EnrollmentError, match="revoked"):
            await here.join()


async def test_an_invitation_that_expires_ends_the_wait(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=False, ttl_s=77.0)
        with pytest.raises(EnrollmentError, match="expired before it was approved"):
            await here.join()
        assert trio.current_time() == pytest.approx(77.0, abs=0.1)


async def test_an_expired_token_is_refused(people: list[Person], autojump_clock: MockClock) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True, ttl_s=5.0)
        await trio.sleep(5.1)
        with pytest.raises(EnrollmentError, match="has expired"):
            await here.join()
        assert not here.cluster.proposals


async def test_a_used_token_is_refused(people: list[Person], autojump_clock: MockClock) -> None:
    """Whether its first user was admitted or still waits."""
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        await here.join()
        with pytest.raises(EnrollmentError, match="unknown: it was used"):
            await here.join(people[2])
        waiting = bare.invite(auto=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiting.join, people[2])
            await waiting.until_claimed()
            third = make_person(people[0].identity.key_file.parent, "dee")
            with pytest.raises(EnrollmentError, match="used by another node"):
                await waiting.join(third)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("ada", "is a member; choose another name"), ("two words", "is not a name")],
)
async def test_an_invalid_name_is_refused(
    people: list[Person], autojump_clock: MockClock, name: str, reason: str
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        taken = people[0].member.name if name == "ada" else name
        with pytest.raises(EnrollmentError, match=reason):
            await here.join(name=taken)
        assert len(here.cluster.document.members) == 1


async def test_a_token_for_another_name_is_refused(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True, name="zoe")
        with pytest.raises(EnrollmentError, match="'zoe'"):
            await here.join()
        await here.join(name="zoe")


async def test_a_removed_node_enrolls_nobody(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        here.cluster.station.know(here.cluster.document, removed=True)
        with pytest.raises(EnrollmentError, match="was removed"):
            await here.join()


async def test_an_unreachable_cluster_is_distinguished_from_a_refusal(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        here.net.unreachable.add(people[0].member.address)
        with pytest.raises(
            EnrollmentError, match=r"no member of the cluster could be asked.*nobody"
        ):
            await here.join()


async def test_the_next_member_is_asked_when_the_first_is_gone(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        dead = EnrollmentAddress(people[2].member.address, people[2].identity.fingerprint)
        invitation = evolve(here.invitation, addresses=(dead, *here.invitation.addresses))
        record = await join(
            invitation, here.joiner.identity, "bob", HOME, lambda: wire(here.net, here.joiner)
        )
        assert len(record.document.members) == 2


async def test_a_node_that_waits_leaves_its_slot_to_other_strangers(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare, trio.open_nursery() as nursery:
        here = bare.invite(auto=False)
        nursery.start_soon(here.join)
        await here.until_claimed()
        await trio.sleep(1.0)
        enrollment_server = here.cluster.station.enrollment_server
        assert (enrollment_server.strangers.taken, enrollment_server.waiting.taken) == (0, 1)
        nursery.cancel_scope.cancel()


async def test_a_node_joins_over_tls_and_links(people: list[Person]) -> None:
    """The whole way with real sockets and certificates."""
    ada = over_tls(people[0], document_of(people[0]))
    cluster = Cluster(ada)
    async with running(ada) as nursery:
        ada.know(document_of(people[0].at(ada.address)))
        bob = over_tls(people[1], document_of(people[1]))
        async with running(bob):
            text, token = make_token(
                cluster.document,
                own=people[0].member.id,
                ttl_s=TTL_S,
                wall=cluster.wall,
                auto_approve=True,
            )
            cluster.propose(AddToken(token=token))
            nursery.start_soon(cluster.decide)
            with trio.fail_after(WAIT_S):
                record = await join(
                    parse_token(text), people[1].identity, "bob", bob.address, StrangerTransport
                )
            bob.know(record.document)
            await bob.linked(people[0])
            await ada.linked(people[1])
            nursery.cancel_scope.cancel()
