"""How connections are made and accepted: names, ports, keys, and error messages."""

import errno
from pathlib import Path

import pytest
import trio
import trio.testing
from attrs import evolve
from trio.testing import MockClock

from qutrio.errors import PeerError
from qutrio.model.ids import Fingerprint
from qutrio.peers.identity import certificate_bytes, fingerprint_of, trustworthy_key
from qutrio.peers.tls import MemberContexts
from qutrio.peers.transport import DIAL_DEADLINE_S, StrangerTransport, TlsTransport, broken_reason
from tests import needs
from tests.peers.world import (
    WAIT_S,
    Person,
    document_of,
    over_tls,
    running,
)


def transport_of(person: Person, bind: str = "127.0.0.1", port: int = 0) -> TlsTransport:
    def log(what: str, /, **details: object) -> None:
        pytest.fail(f"{what}: {details}")

    return TlsTransport(
        identity=person.identity,
        bind=bind,
        port=port,
        members=lambda: (person.member,),
        log=log,
    )


async def forget(stream: trio.abc.Stream, _: Fingerprint | None) -> None:
    """A handler that closes what it gets."""
    await trio.aclose_forcefully(stream)


@needs.because(needs.lacking_hosts())
async def test_a_name_is_resolved_and_dialled(people: list[Person]) -> None:
    ada = over_tls(people[0], document_of(people[0]))
    async with running(ada):
        port = ada.address.partition(":")[2]
        with trio.fail_after(WAIT_S):
            stream = await StrangerTransport().dial(f"localhost:{port}", people[0].pin)
        await trio.aclose_forcefully(stream)


async def test_an_unknown_name_is_an_error_that_says_so(people: list[Person]) -> None:
    with pytest.raises(PeerError, match=r"'a\.\.b' cannot be resolved"):
        await StrangerTransport().dial("a..b:1", people[0].pin)


async def test_a_closed_port_is_an_error_that_says_so(people: list[Person]) -> None:
    with pytest.raises(PeerError, match=r"127\.0\.0\.1:1: Connection refused"):
        await StrangerTransport().dial("127.0.0.1:1", people[0].pin)


async def test_a_port_in_use_is_an_error_that_says_so(people: list[Person]) -> None:
    async with trio.open_nursery() as nursery:
        address = await nursery.start(transport_of(people[0]).serve, forget)
        port = int(address.partition(":")[2])
        with pytest.raises(PeerError, match=f"cannot listen on 127.0.0.1:{port}: .*in use"):
            await transport_of(people[0], port=port).serve(forget)
        nursery.cancel_scope.cancel()


async def test_an_ipv6_address_is_written_with_brackets(people: list[Person]) -> None:
    async with trio.open_nursery() as nursery:
        address = await nursery.start(transport_of(people[0], bind="::1").serve, forget)
        assert address.startswith("[::1]:")
        stream = await StrangerTransport().dial(address, people[0].pin)
        await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()


async def test_a_server_that_never_speaks_tls_is_given_up(
    people: list[Person], mock_clock: MockClock
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    async with listener, trio.open_nursery() as nursery:

        async def dial() -> None:
            with pytest.raises(PeerError, match="within 5s"):
                await StrangerTransport().dial(f"127.0.0.1:{port}", people[0].pin)

        nursery.start_soon(dial)
        stream = await listener.accept()
        assert await stream.receive_some()
        mock_clock.jump(DIAL_DEADLINE_S + 0.1)
        # The dialler hangs up: nothing of it stays behind.
        with trio.fail_after(WAIT_S):
            assert await stream.receive_some() == b""
        await stream.aclose()


async def test_a_stranger_cannot_be_reached() -> None:
    with pytest.raises(PeerError, match="not set up"):
        await StrangerTransport().serve(forget)


async def test_a_node_without_its_key_does_not_start(people: list[Person], tmp_path: Path) -> None:
    gone = evolve(people[0].identity, key_file=tmp_path / "gone.key")
    with pytest.raises(PeerError, match=r"gone\.key"):
        await transport_of(evolve(people[0], identity=gone)).serve(forget)


def test_contexts_are_made_again_only_when_a_certificate_changes(people: list[Person]) -> None:
    members = [people[0].member]
    contexts = MemberContexts(people[0].identity, lambda: tuple(members))
    first = contexts.newest()
    members[0] = evolve(members[0], name="renamed")
    assert contexts.newest() is first
    members.append(people[1].member)
    assert contexts.newest() is not first


def test_one_damaged_certificate_does_not_lock_out_other_members(people: list[Person]) -> None:
    broken = [evolve(people[1].member, certificate=text) for text in ("%%%", "AAAA", "")]
    members = (people[0].member, *broken)
    server = MemberContexts(people[0].identity, lambda: members).newest().server
    assert server.cert_store_stats()["x509"] == 1


def test_what_is_no_certificate_has_no_fingerprint() -> None:
    with pytest.raises(PeerError, match="cannot be read"):
        fingerprint_of(b"nonsense")
    with pytest.raises(PeerError, match="base64"):
        certificate_bytes("%%%")
    with pytest.raises(PeerError, match="larger than"):
        trustworthy_key(b"0" * 100_000)


def test_a_broken_connection_is_explained_with_a_sentence() -> None:
    broken = trio.BrokenResourceError()
    assert broken_reason(broken) == "the connection broke"
    broken.__cause__ = OSError(errno.ECONNRESET, "Connection reset by peer")
    assert broken_reason(broken) == "Connection reset by peer"
