"""Identity: which peer may connect under which id, over real TLS with real certificates."""

from pathlib import Path
from typing import get_args

import pytest
import trio

from qutrio.core.api.events import Received
from qutrio.core.api.messages import (
    Message,
)
from qutrio.errors import PeerError
from qutrio.peers.frames import Challenge, Hello, receive_expected, send_frame
from qutrio.peers.websocket import open_websocket
from tests.peers.messages import one_of_each
from tests.peers.world import (
    WAIT_S,
    Person,
    as_member,
    document_of,
    ends,
    heartbeat,
    make_person,
    over_tls,
    running,
    speak,
    tls_cluster,
)


async def test_the_certificate_names_the_sender_of_every_kind_of_message(
    people: list[Person],
) -> None:
    """Even if the body of the message names another node."""
    messages = one_of_each(people[2])
    assert {type(m) for m in messages} == set(get_args(Message))
    async with tls_cluster(*people[:2]) as (ada, bob):
        for sender, receiver in ((ada, bob), (bob, ada)):
            await sender.linked(receiver.person)
            for message in messages:
                sender.outboxes.send(receiver.person.member.id, message)
            for message in messages:
                heard = await receiver.received()
                assert heard == Received(sender.person.member.id, message)


async def test_a_key_other_than_the_pinned_one_is_refused(people: list[Person]) -> None:
    """Even the key of another member, which TLS itself trusts."""
    async with tls_cluster(*people) as (ada, bob, _):
        with pytest.raises(PeerError, match="not the expected node"):
            await ada.transport.dial(bob.address, people[2].pin)
        with pytest.raises(PeerError, match="not the expected node"):
            await ada.transport.dial(bob.address, people[2].pin, anonymous=True)


async def test_a_server_that_is_no_member_is_refused(people: list[Person], tmp_path: Path) -> None:
    """A dialler trusts nobody but members, whatever it expects."""
    stranger = make_person(tmp_path, "eve")
    eve = over_tls(stranger, document_of(stranger, people[0]))
    async with running(eve), tls_cluster(people[0]) as (ada,):
        with pytest.raises(PeerError, match="no TLS: certificate verify failed"):
            await ada.transport.dial(eve.address, stranger.pin)


async def test_a_strangers_certificate_reaches_nothing(
    people: list[Person], tmp_path: Path
) -> None:
    """Not even enrollment: only a client without a certificate does."""
    stranger = make_person(tmp_path, "eve")
    async with tls_cluster(*people[:2]) as (ada, bob):
        await ada.linked(bob.person)
        eve = over_tls(stranger, document_of(stranger, people[0].at(ada.address)))
        async with running(eve):
            with pytest.raises(PeerError, match="hung up"):
                async with as_member(eve.transport, stranger, people[0], ada.address):
                    pytest.fail("a stranger was let in")
        assert [link.peer for link in ada.mesh.links] == [people[1].member.id]
        refused = [details for what, details in ada.lines if what == "connection refused"]
        assert refused == [
            {"host": "127.0.0.1", "reason": "no TLS: certificate verify failed"},
        ]


@pytest.mark.parametrize("word", ["hello", "message"])
async def test_without_a_certificate_nothing_but_enrollment_is_accepted(
    people: list[Person], word: str
) -> None:
    """Whoever shows no certificate is asked to prove a key, and cut off for anything else."""
    async with tls_cluster(people[0]) as (ada,):
        stream = await ada.transport.dial(ada.address, people[0].pin, anonymous=True)
        async with open_websocket(stream, client=True, message_bytes_max=9999) as socket:
            await receive_expected(socket, Challenge, WAIT_S)
            if word == "hello":
                await send_frame(
                    socket, Hello(protocol=1, node=people[1].member.id, cluster="", program="")
                )
            else:
                await speak(socket, heartbeat())
            with trio.fail_after(WAIT_S):
                await ends(socket)
        assert not list(ada.mesh.links)
        assert await ada.inbox.next(0) is None


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"node": "n000000000000"}, "another node"),
        ({"cluster": "other"}, "another cluster"),
        ({"protocol": 99}, "protocol 99"),
    ],
)
async def test_a_hello_that_does_not_fit_is_refused_with_the_reason(
    people: list[Person], wrong: dict[str, object], reason: str
) -> None:
    """The certificate decides; a hello that claims otherwise is not believed but refused."""
    ada = over_tls(people[0], document_of(*people))
    bob = over_tls(people[1], document_of(*people))
    async with running(ada):
        with pytest.raises(PeerError, match=reason):
            async with as_member(bob.transport, people[1], people[0], ada.address, **wrong):
                pytest.fail("the hello was accepted")
        assert not list(ada.mesh.links)
        assert await ada.inbox.next(0) is None


async def test_an_expired_certificate_still_links(tmp_path: Path) -> None:
    """The pin decides; a node whose clock is off must not lose its cluster."""
    old, new = make_person(tmp_path, "old", expired=True), make_person(tmp_path, "new")
    async with tls_cluster(old, new) as (first, second):
        await first.linked(new)
        await second.linked(old)


async def test_a_new_member_is_trusted_and_a_removed_one_is_not(people: list[Person]) -> None:
    """TLS follows the document without a restart."""
    async with tls_cluster(*people[:2]) as (ada, bob):
        await ada.linked(people[1])
        cy = over_tls(people[2], document_of(people[2]))
        async with running(cy):
            addresses = (ada.address, bob.address, cy.address)
            all_three = document_of(*(p.at(a) for p, a in zip(people, addresses, strict=True)))
            for station in (ada, bob, cy):
                station.know(all_three)
            await ada.linked(people[2])
            await cy.linked(people[1])
            ada.know(document_of(people[0].at(ada.address), people[1].at(bob.address), revision=2))
            await ada.unlinked(people[2])
            with pytest.raises(PeerError):
                async with as_member(cy.transport, people[2], people[0], ada.address):
                    pytest.fail("a removed member was let in")
            assert people[1].member.id in ada.mesh.links
            assert people[0].member.id in bob.mesh.links
