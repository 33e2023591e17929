"""Look-ups over name servers: failover for each question, TCP, real servers and hostile ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from qutrio.probes.dns.exchange import STRAYS_MAX, Server
from qutrio.probes.dns.message import Mx, Question, Rcode, Reply, Type
from qutrio.probes.dns.query import Policy, Unanswered, ask, ask_together
from tests.probes.name_servers import (
    HandMade,
    Reaction,
    address_record,
    answer,
    asked_type,
    hand_made,
    running_nsd,
    running_unbound,
    server_at,
)
from tests.workers import free_port

SHOP = Question("shop.example.test", Type.A)
SHOP_V6 = Question("shop.example.test", Type.AAAA)
SOON_S = 0.2
"""A wait that a test has to sit through."""

ZONE = """
$ORIGIN example.test.
$TTL 60
@ IN SOA ns1 admin 1 3600 600 86400 30
@ IN NS ns1
@ IN MX 10 mail
ns1 IN A 127.0.0.1
shop IN A 192.0.2.1
shop IN A 192.0.2.2
shop IN AAAA 2001:db8::1
www IN CNAME shop
text IN TXT "v=spf1" " -all"
broken IN NS nowhere.broken
nowhere.broken IN A 127.0.0.1
""" + "\n".join(f"many IN A 10.0.{n // 250}.{n % 250 + 1}" for n in range(300))


@pytest.fixture(scope="module")
def nsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real name server with the zone above."""
    port = free_port()
    with running_nsd(tmp_path_factory.mktemp("nsd"), ZONE, port):
        yield server_at(port)


@pytest.fixture
async def real(nsd: Server) -> Policy:
    """Whom to ask for the zone, once it answers."""
    policy = Policy((nsd,), timeout_s=5.0)
    await settled(policy)
    return policy


async def settled(policy: Policy) -> None:
    """Wait until a server that was just started answers."""
    with trio.fail_after(20):
        while not isinstance(await ask(SHOP, policy), Reply):
            pass


async def test_a_real_server_answers_every_type(real: Policy) -> None:
    expected = {
        ("shop", Type.A): {"192.0.2.1", "192.0.2.2"},
        ("shop", Type.AAAA): {"2001:db8::1"},
        ("www", Type.A): {"192.0.2.1", "192.0.2.2"},
        ("www", Type.CNAME): {"shop.example.test"},
        ("text", Type.TXT): {b"v=spf1 -all"},
    }
    for (host, kind), data in expected.items():
        reply = await ask(Question(f"{host}.example.test", kind), real)
        assert isinstance(reply, Reply)
        assert {found.data for found in reply.records} == data
    for kind, only in ((Type.MX, Mx(10, "mail.example.test")), (Type.NS, "ns1.example.test")):
        reply = await ask(Question("example.test", kind), real)
        assert isinstance(reply, Reply)
        assert [found.data for found in reply.records] == [only]


async def test_a_real_server_says_what_does_not_exist(real: Policy) -> None:
    for host, kind, rcode in (("none", Type.A, 3), ("www", Type.MX, 0), ("text", Type.A, 0)):
        reply = await ask(Question(f"{host}.example.test", kind), real)
        assert isinstance(reply, Reply)
        assert (reply.rcode, reply.records, reply.conclusive) == (rcode, (), True)
        assert reply.ttl_s is not None
        assert reply.ttl_s <= 60


async def test_a_truncated_answer_is_fetched_over_tcp(real: Policy) -> None:
    reply = await ask(Question("many.example.test", Type.A), real)
    assert isinstance(reply, Reply)
    assert len(reply.records) == 300


async def test_a_server_can_be_asked_over_tcp_alone_and_with_edns(real: Policy) -> None:
    for policy in (Policy(real.servers, tcp=True), Policy(real.servers, edns=True)):
        reply = await ask(SHOP, policy)
        assert isinstance(reply, Reply)
        assert len(reply.records) == 2


async def test_a_zone_that_the_server_does_not_serve_is_refused(real: Policy) -> None:
    reply = await ask(Question("elsewhere.test", Type.A), real)
    assert isinstance(reply, Unanswered)
    assert str(reply) == f"{real.servers[0]} answers REFUSED"


async def test_a_resolver_answers_servfail_for_a_zone_that_its_servers_refuse(
    real: Policy, tmp_path: Path
) -> None:
    port = free_port()
    stubs = {"example.test": real.servers[0].port, "dead.test": real.servers[0].port}
    with running_unbound(tmp_path, stubs, port):
        policy = Policy((server_at(port),), timeout_s=20.0, attempts=1)
        await settled(policy)
        reply = await ask(Question("shop.dead.test", Type.A), policy)
    assert isinstance(reply, Unanswered)
    assert str(reply) == f"127.0.0.1:{port} answers SERVFAIL"


def found(address: str = "192.0.2.1") -> Reaction:
    """Return a reaction that gives one address to whoever asks for its family."""

    def react(query: bytes) -> list[bytes]:
        wanted = 28 if ":" in address else 1
        return [answer(query, *[address_record(address)] * (asked_type(query) == wanted))]

    return react


def failing(rcode: Rcode) -> Reaction:
    return lambda query: [answer(query, rcode=rcode)]


def mute(query: bytes) -> list[bytes]:
    del query
    return []


def both(first: HandMade, second: HandMade, timeout_s: float = 5.0) -> Policy:
    return Policy((first.server, second.server), timeout_s, attempts=1)


@pytest.mark.parametrize(
    "react",
    [
        failing(Rcode.SERVFAIL),
        failing(Rcode.REFUSED),
        failing(Rcode.FORMERR),
        mute,
        lambda query: [answer(query, b"\xc0")],
        lambda query: [answer(query, flags=0x8100)],
        lambda query: [answer(query, flags=0x8380)],
    ],
    ids=["servfail", "refused", "formerr", "silent", "malformed", "no recursion", "no tcp"],
)
async def test_the_next_server_is_asked_for_what_the_first_cannot_say(react: Reaction) -> None:
    async with hand_made(react) as first, hand_made(found()) as second:
        reply = await ask(SHOP, both(first, second, SOON_S))
    assert isinstance(reply, Reply)
    assert [r.data for r in reply.records] == ["192.0.2.1"]
    assert len(second.asked) == 1


async def test_a_server_that_is_not_running_is_skipped() -> None:
    async with hand_made(found()) as second:
        policy = Policy((server_at(free_port()), second.server))
        assert isinstance(await ask(SHOP, policy), Reply)


async def test_no_other_server_is_asked_when_the_first_answers() -> None:
    for react in (found(), failing(Rcode.NXDOMAIN), lambda query: [answer(query)]):
        async with hand_made(react) as first, hand_made(found()) as second:
            assert isinstance(await ask(SHOP, both(first, second)), Reply)
        assert second.asked == []


async def test_every_reason_is_reported_when_no_server_answers() -> None:
    async with hand_made(failing(Rcode.SERVFAIL)) as first, hand_made(mute) as second:
        reply = await ask(SHOP, both(first, second, SOON_S))
    assert isinstance(reply, Unanswered)
    assert str(reply) == f"{first.server} answers SERVFAIL; {second.server} does not answer"
    assert str(await ask(SHOP, Policy(()))) == "no name server is configured"


async def test_a_slow_server_is_still_heard_while_the_next_is_asked() -> None:
    """The second server never answers; the first does once the second was asked."""
    asked: list[bytes] = []

    async with hand_made(mute) as first, hand_made(mute) as second:
        async with trio.open_nursery() as nursery:

            async def look_up() -> None:
                reply = await ask(SHOP, both(first, second, 10.0))
                assert isinstance(reply, Reply)
                asked.append(b"answered")

            nursery.start_soon(look_up)
            with trio.fail_after(20):
                while not second.asked:
                    await trio.lowlevel.checkpoint()
            first.react = found()
            late, who = first.react(first.asked[0]), first.askers[0]
            await first.say(late[0], who)
    assert asked == [b"answered"]


FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "another identifier": lambda q: bytes([q[0] ^ 1]) + answer(q, address_record("6.6.6.6"))[1:],
    "another question": lambda q: answer(q.replace(b"shop", b"evil"), address_record("6.6.6.6")),
    "a query": lambda q: q,
    "nonsense": lambda _: b"x",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("forged", FOREIGN.values(), ids=FOREIGN.keys())
async def test_an_answer_to_something_else_is_dropped(forged: Callable[[bytes], bytes]) -> None:
    def react(query: bytes) -> list[bytes]:
        return [forged(query), *found()(query)]

    async with hand_made(react) as server:
        reply = await ask(SHOP, Policy((server.server,)))
    assert isinstance(reply, Reply)
    assert [r.data for r in reply.records] == ["192.0.2.1"]


async def test_an_answer_from_somewhere_else_is_dropped() -> None:
    async with hand_made(mute) as asked, hand_made(mute) as other:

        async def forge(query: bytes, who: tuple[str, int]) -> None:
            await other.say(answer(query, address_record("6.6.6.6")), who)

        asked.heard = forge
        reply = await ask(SHOP, Policy((asked.server,), SOON_S, attempts=1))
    assert isinstance(reply, Unanswered)


async def test_a_flood_of_strays_ends_the_exchange() -> None:
    async with hand_made(lambda query: [b"x"] * (STRAYS_MAX + 50)) as server:
        reply = await ask(SHOP, Policy((server.server,), SOON_S, attempts=1))
    assert isinstance(reply, Unanswered)


def truncated(query: bytes) -> list[bytes]:
    return [answer(query, flags=0x8380)]


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


OVER_TCP: dict[str, Callable[[bytes], bytes]] = {
    "half a length": lambda q: b"\0",
    "a length alone": lambda q: b"\0\x20",
    "half a message": lambda q: framed(answer(q, address_record("192.0.2.1")))[:-3],
    "another identifier": lambda q: framed(b"\xff\xff" + answer(q)[2:]),
    "truncated again": lambda q: framed(answer(q, flags=0x8380)),
    "malformed": lambda q: framed(answer(q, b"\xc0")),
    "servfail": lambda q: framed(answer(q, rcode=2)),
    "nothing": lambda q: b"",
}


@pytest.mark.parametrize("stream", OVER_TCP.values(), ids=OVER_TCP.keys())
async def test_a_broken_answer_over_tcp_is_no_answer(stream: Callable[[bytes], bytes]) -> None:
    async with hand_made(truncated, stream) as server:
        reply = await ask(SHOP, Policy((server.server,), attempts=1))
    assert isinstance(reply, Unanswered)


async def test_a_drip_over_tcp_is_given_up_in_time() -> None:
    async with hand_made(truncated, lambda q: b"\0", hold=True) as server:
        with trio.fail_after(20):
            reply = await ask(SHOP, Policy((server.server,), SOON_S, attempts=1))
    assert str(reply) == f"{server.server} does not answer"


async def test_both_families_are_asked_in_one_exchange() -> None:
    def react(query: bytes) -> list[bytes]:
        kind = {1: "192.0.2.1", 28: "2001:db8::1"}[asked_type(query)]
        return [answer(query, address_record(kind))]

    for single in (False, True):
        async with hand_made(react) as server:
            policy = Policy((server.server,), single=single)
            answers = await ask_together((SHOP_V6, SHOP), policy)
        data = [r.data for reply in answers.replies if reply for r in reply.records]
        assert data == ["2001:db8::1", "192.0.2.1"]


@pytest.mark.parametrize("bad", [mute, failing(Rcode.SERVFAIL)], ids=["silent", "servfail"])
async def test_silence_for_one_family_does_not_delay_the_other(bad: Reaction) -> None:
    def react(query: bytes) -> list[bytes]:
        return found()(query) if asked_type(query) == 1 else bad(query)

    async with hand_made(react) as server:
        with trio.fail_after(20):
            answers = await ask_together((SHOP_V6, SHOP), Policy((server.server,), 60.0))
    assert answers.replies[0] is None
    assert answers.replies[1] is not None


async def test_one_familys_failure_is_told_when_the_other_has_no_address() -> None:
    def react(query: bytes) -> list[bytes]:
        return [answer(query)] if asked_type(query) == 28 else [answer(query, rcode=2)]

    async with hand_made(react) as server:
        answers = await ask_together((SHOP_V6, SHOP), Policy((server.server,)))
    assert answers.replies[0] is not None
    assert answers.replies[1] is None
    assert str(answers.unanswered) == f"{server.server} answers SERVFAIL"


async def test_a_name_that_does_not_exist_needs_one_answer_only() -> None:
    def react(query: bytes) -> list[bytes]:
        return [answer(query, rcode=3)] if asked_type(query) == 28 else []

    async with hand_made(react) as server:
        answers = await ask_together((SHOP_V6, SHOP), Policy((server.server,), 60.0))
    assert answers.replies[0] is not None
    assert answers.replies[0].rcode == Rcode.NXDOMAIN


async def test_a_server_is_asked_over_ipv6_too() -> None:
    async with hand_made(found(), address="::1") as server:
        assert isinstance(await ask(SHOP, Policy((server.server,))), Reply)
        assert str(server.server) == f"[::1]:{server.port}"


async def test_identifiers_do_not_repeat() -> None:
    async with hand_made(found()) as server:
        for _ in range(40):
            await ask(SHOP, Policy((server.server,)))
    assert len({query[:2] for query in server.asked}) > 30
