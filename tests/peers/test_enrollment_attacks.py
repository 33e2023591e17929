"""Attacks by a joining node or by a server, and how each ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve
from trio.testing import MockClock

from qutrio.errors import EnrollmentError, PeerError
from qutrio.model.ids import Fingerprint, UnixTime
from qutrio.peers.enrollment_client import join, make_token, parse_token
from qutrio.peers.enrollment_server import ANSWER_DEADLINE_S
from qutrio.peers.frames import (
    Challenge,
    Frame,
    Join,
    Proceed,
    Refused,
    Secret,
    Welcome,
    receive_expected,
    receive_frame,
    send_frame,
)
from qutrio.peers.identity import trustworthy_key
from qutrio.peers.proof import Claim, sign, verify
from qutrio.peers.transport import TlsTransport
from qutrio.peers.websocket import WebSocket, open_websocket
from tests.memory_network import MemoryNetwork
from tests.peers.enrollment_setup import HOME, TTL_S, EnrollmentSetup, enrollment
from tests.peers.world import (
    BASE_UNIX,
    CLUSTER,
    WAIT_S,
    Person,
    document_of,
    make_person,
    over_tls,
    wire,
)


async def test_a_token_of_another_cluster_is_refused(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """Even when it names the right server."""
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        foreign = evolve(here.invitation, cluster_id="another")
        with pytest.raises(EnrollmentError, match="another cluster"):
            await join(
                foreign, here.joiner.identity, "bob", HOME, lambda: wire(here.net, here.joiner)
            )
        assert not here.cluster.proposals


async def test_a_wrong_secret_is_refused(people: list[Person], autojump_clock: MockClock) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        guessed = evolve(here.invitation, secret="guessed")
        with pytest.raises(EnrollmentError, match="unknown"):
            await join(
                guessed, here.joiner.identity, "bob", HOME, lambda: wire(here.net, here.joiner)
            )
        assert not here.cluster.proposals


@asynccontextmanager
async def by_hand(here: EnrollmentSetup) -> AsyncIterator[tuple[WebSocket, Challenge]]:
    """Talk to the enrollment server as a joining node that the test controls."""
    server = here.cluster.station.person
    transport = wire(here.net, here.joiner)
    stream = await transport.dial(server.member.address, server.pin, anonymous=True)
    async with open_websocket(stream, client=True, message_bytes_max=99_999) as socket:
        yield socket, await receive_expected(socket, Challenge, WAIT_S)


def application(here: EnrollmentSetup, nonce: str, **changes: Any) -> Join:
    """Return a good application, signed, with fields changed afterwards."""
    server = here.cluster.station.person
    claim = Claim(
        nonce=nonce,
        server=server.identity.fingerprint,
        cluster_id=CLUSTER,
        token=here.invitation.token_id,
        name="bob",
        address=HOME,
    )
    good = Join(
        token=claim.token,
        certificate=here.joiner.identity.certificate,
        name=claim.name,
        address=claim.address,
        signature=sign(claim, here.joiner.identity.key_file),
    )
    return evolve(good, **changes)


async def test_a_signature_that_does_not_fit_is_refused(
    people: list[Person], autojump_clock: MockClock
) -> None:
    """A replayed one, one for another address, one of another key, and none."""
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        for nonce, changes in (
            ("stale", {}),
            (None, {"address": "127.6.6.6:1"}),
            (None, {"name": "eve"}),
            (None, {"certificate": people[2].identity.certificate}),
            (None, {"signature": ""}),
            (None, {"signature": "%%%"}),
        ):
            async with by_hand(here) as (socket, challenge):
                await send_frame(socket, application(here, nonce or challenge.nonce, **changes))
                refused = await receive_frame(socket, WAIT_S)
                assert isinstance(refused, Refused)
                assert "signature" in refused.reason
        assert not here.cluster.proposals


async def test_a_certificate_that_could_sign_others_is_refused(
    people: list[Person], autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        with pytest.raises(EnrollmentError, match="may sign other certificates"):
            await here.join(make_person(tmp_path, "boss", ca=True))


@pytest.mark.parametrize("certificate", ["", "%%%", "AAAA", "QUFB" * 5000])
async def test_an_invalid_certificate_is_refused(
    people: list[Person], autojump_clock: MockClock, certificate: str
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        async with by_hand(here) as (socket, challenge):
            await send_frame(socket, application(here, challenge.nonce, certificate=certificate))
            refused = await receive_frame(socket, WAIT_S)
            assert isinstance(refused, Refused)
            assert "certificate" in refused.reason


async def test_a_stranger_that_stops_talking_is_disconnected_and_frees_its_slot(
    people: list[Person], autojump_clock: MockClock
) -> None:
    async with enrollment(people) as bare:
        here = bare.invite(auto=True)
        async with by_hand(here) as (socket, challenge):
            await send_frame(socket, application(here, challenge.nonce))
            await receive_expected(socket, Proceed, WAIT_S)
            with pytest.raises(PeerError):
                await receive_frame(socket, ANSWER_DEADLINE_S + 1)
        await trio.sleep(1.0)
        assert here.cluster.station.enrollment_server.strangers.taken == 0


async def test_the_secret_is_never_shown_to_a_server_with_another_key(
    people: list[Person],
) -> None:
    """Over real TLS: the joiner hangs up before it says anything at all."""
    heard = bytearray()
    invited = trio.Event()

    async def listen_in(stream: trio.abc.Stream, _: Fingerprint | None) -> None:
        try:
            async for data in stream:
                heard.extend(data)
        except trio.BrokenResourceError:
            pass
        finally:
            invited.set()
            await trio.aclose_forcefully(stream)

    eve = over_tls(people[2], document_of(people[2]))
    assert isinstance(eve.transport, TlsTransport)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(eve.transport.serve, listen_in)
        text, _ = make_token(
            document_of(people[0].at(address)),
            own=people[0].member.id,
            ttl_s=TTL_S,
            wall=UnixTime(BASE_UNIX),
        )
        with pytest.raises(EnrollmentError, match="not the expected node"):
            await join(parse_token(text), people[1].identity, "bob", HOME)
        with trio.fail_after(WAIT_S):
            await invited.wait()
        assert not heard
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "script",
    [
        [Welcome()],
        [Secret(secret="yours?")],
        [Proceed(), Proceed()],
        [Refused(reason="no\x1b[31m way")],
    ],
)
async def test_a_server_that_breaks_the_rules_gets_no_further(
    people: list[Person], autojump_clock: MockClock, script: list[Frame]
) -> None:
    """It ends as an error with a sentence, whatever the server says."""
    net = MemoryNetwork()

    async def serve(stream: trio.abc.Stream, _: Fingerprint | None) -> None:
        async with open_websocket(stream, client=False, message_bytes_max=99_999) as socket:
            await send_frame(socket, Challenge(nonce="n", cluster=CLUSTER))
            await receive_expected(socket, Join, WAIT_S)
            for frame in script:
                await send_frame(socket, frame)
            await socket.send(b"garbage")
            await trio.sleep(1.0)

    text, _ = make_token(
        document_of(people[0]), own=people[0].member.id, ttl_s=TTL_S, wall=UnixTime(BASE_UNIX)
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(wire(net, people[0]).serve, serve)
        with pytest.raises(EnrollmentError) as caught:
            await join(
                parse_token(text), people[1].identity, "bob", HOME, lambda: wire(net, people[1])
            )
        assert str(caught.value).isprintable()
        nursery.cancel_scope.cancel()


def claim_of(person: Person) -> Claim:
    return Claim(
        nonce="n",
        server=person.identity.fingerprint,
        cluster_id=CLUSTER,
        token="t",
        name="bob",
        address=HOME,
    )


def test_a_proof_is_good_for_one_server_and_one_cluster(people: list[Person]) -> None:
    """A server in the middle could present it nowhere else."""
    claim, identity = claim_of(people[0]), people[1].identity
    key = trustworthy_key(identity.certificate_der)
    signature = sign(claim, identity.key_file)
    verify(claim, signature, key)
    other_server = people[2].identity.fingerprint
    for changed in (
        evolve(claim, server=other_server),
        evolve(claim, cluster_id="other"),
        evolve(claim, nonce="m"),
        evolve(claim, name="b", address="ob" + HOME),
    ):
        with pytest.raises(PeerError, match="signature"):
            verify(changed, signature, key)


def test_a_missing_key_file_is_named(people: list[Person], tmp_path: Path) -> None:
    with pytest.raises(EnrollmentError, match=r"gone\.key"):
        sign(claim_of(people[0]), tmp_path / "gone.key")
