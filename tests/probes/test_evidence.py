"""Failed look-ups: the evidence that this node's resolver works and the target is to blame."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve

from qutrio.model.check_base import IpFamily
from qutrio.model.checks import TcpCheck
from qutrio.model.ids import CheckId, Instant
from qutrio.model.results import Outcome
from qutrio.plumbing.clock import BootClock, TrioClock
from qutrio.probes.dns.evidence import CANARIES_MAX, FRESH_S_MAX, LEARNED_MAX, Evidence
from qutrio.probes.dns.query import Policy
from qutrio.probes.interface import Tools
from qutrio.probes.observations import NoAnswer, Observation
from qutrio.probes.registry import probe
from qutrio.probes.resolver import HostResolver
from tests.probes.name_servers import (
    Host,
    Reaction,
    Zone,
    answer,
    asked_name,
    hand_made,
    server_at,
    soa_record,
)
from tests.workers import free_port

SERVFAIL, REFUSED = 2, 5


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine that asks the name server on a loopback port."""
    made = Host(tmp_path)
    made.write("hosts: files dns", "", "options attempts:1\n")
    return made


async def seen_by_tcp(
    tools: Tools, resolver: HostResolver, name: str, **changes: Any
) -> Observation:
    check = TcpCheck(id=CheckId("c1"), name="shop", address=f"{name}:80", timeout_s=10.0)
    return await probe(evolve(check, **changes), evolve(tools, resolver=resolver))


async def verdict(
    tools: Tools, host: Host, react: Reaction, *zones: str, **changes: Any
) -> Observation:
    """Return the vote on shop.test port 80 with the help of one name server."""
    async with hand_made(react) as server:
        return await seen_by_tcp(tools, host.resolver(server.port, zones), "shop.test", **changes)


def mute(query: bytes) -> list[bytes]:
    del query
    return []


def only(names: Callable[[str], bool], react: Reaction, other: Reaction) -> Reaction:
    """React one way to some names, and another way to all others."""
    return lambda query: react(query) if names(asked_name(query)) else other(query)


def of_shop(name: str) -> bool:
    return name.endswith("shop.test")


@pytest.mark.parametrize(
    ("rcode", "words"), [(SERVFAIL, "answers SERVFAIL"), (REFUSED, "answers REFUSED")]
)
async def test_a_domain_whose_name_servers_fail_is_a_failure_that_says_so(
    tools: Tools, host: Host, rcode: int, words: str
) -> None:
    seen = await verdict(tools, host, Zone({}, domains={"shop.test": rcode}))
    assert seen.outcome is Outcome.FAIL
    assert seen.detail.startswith("the name servers of shop.test fail (127.0.0.1:")
    assert seen.detail.endswith(f"{words}); this node's resolver answers for other names")


async def test_a_domain_that_is_silent_is_a_failure(tools: Tools, host: Host) -> None:
    react = only(of_shop, mute, Zone({}))
    seen = await verdict(tools, host, react, timeout_s=0.3)
    assert seen.outcome is Outcome.FAIL
    assert "the name servers of shop.test fail (no answer within 0.3s)" in seen.detail


@pytest.mark.parametrize("rcode", [SERVFAIL, REFUSED])
async def test_a_resolver_that_fails_for_all_is_an_abstention(
    tools: Tools, host: Host, rcode: int
) -> None:
    seen = await verdict(tools, host, Zone({}, domains={"test": rcode}))
    assert seen.outcome is Outcome.ABSTAIN
    assert seen.detail.startswith("this node's resolver gives no answers, not only for shop.test (")


async def test_a_resolver_that_is_silent_is_an_abstention(tools: Tools, host: Host) -> None:
    seen = await verdict(tools, host, mute, timeout_s=0.3)
    assert seen.outcome is Outcome.ABSTAIN
    assert "(no answer within 0.3s)" in seen.detail


async def test_without_any_resolver_the_node_abstains(tools: Tools, host: Host) -> None:
    seen = await seen_by_tcp(tools, host.resolver(free_port()), "shop.test")
    assert seen.outcome is Outcome.ABSTAIN
    assert "refuses the connection" in seen.detail


async def test_the_evidence_does_not_take_time_from_the_probe(tools: Tools, host: Host) -> None:
    """The name fails at once, and the other names are answered only after the timeout."""
    asked: list[bytes] = []

    async def late(query: bytes, who: tuple[str, int]) -> None:
        if not of_shop(asked_name(query)) and not asked:
            asked.append(query)
            nursery.start_soon(answer_later, query, who)

    async def answer_later(query: bytes, who: tuple[str, int]) -> None:
        with trio.move_on_at(began + 0.4):
            await trio.sleep_forever()
        await server.say(answer(query, rcode=3), who)

    zone = only(of_shop, Zone({}, domains={"shop.test": SERVFAIL}), mute)
    async with trio.open_nursery() as nursery, hand_made(zone) as server:
        server.heard = late
        began = trio.current_time()
        seen = await seen_by_tcp(tools, host.resolver(server.port), "shop.test", timeout_s=0.3)
    assert seen.outcome is Outcome.FAIL


async def test_one_name_that_fails_among_its_neighbours_is_a_failure(
    tools: Tools, host: Host
) -> None:
    """The name server refuses all but its own zone, as one that serves no other does."""
    zone = only(of_shop, Zone({"shop.test": SERVFAIL}), Zone({}, domains={"test": REFUSED}))
    assert (await verdict(tools, host, zone)).outcome is Outcome.FAIL


async def test_names_under_a_configured_zone_are_judged_by_it_alone(
    tools: Tools, host: Host
) -> None:
    """The public part of the resolver works; what it forwards to is dead."""
    dead = Zone({}, domains={"corp.test": SERVFAIL})
    async with hand_made(dead) as server:
        resolver = host.resolver(server.port, ("corp.test", "test"))
        inner = await seen_by_tcp(tools, resolver, "db.corp.test")
        unaware = await seen_by_tcp(tools, host.resolver(server.port), "db.corp.test")
    assert inner.outcome is Outcome.ABSTAIN
    assert unaware.outcome is Outcome.FAIL


async def test_a_failing_name_in_a_forwarded_zone_that_works_is_a_failure(
    tools: Tools, host: Host
) -> None:
    zone = Zone({"db.corp.test": SERVFAIL})
    async with hand_made(zone) as server:
        seen = await seen_by_tcp(tools, host.resolver(server.port, ("corp.test",)), "db.corp.test")
    assert seen.outcome is Outcome.FAIL
    assert all(asked_name(query).endswith("corp.test") for query in server.asked)


async def test_an_answer_about_a_top_domain_is_weak_evidence_where_other_zones_are_known(
    tools: Tools, host: Host
) -> None:
    """A resolver that is cut off may know from memory that a top domain does not exist."""

    def cut_off(query: bytes) -> list[bytes]:
        name = asked_name(query)
        if name.endswith(("shop.test", "other.example")):
            return [answer(query, rcode=SERVFAIL)]
        return [answer(query, rcode=3, authority=soa_record(b"\0"))]

    async with hand_made(Zone({"www.other.example": ["127.0.0.1"]})) as server:
        resolver = host.resolver(server.port)
        await resolver.resolve("www.other.example", IpFamily.V4)
        server.react = cut_off
        informed = await seen_by_tcp(tools, resolver, "shop.test")
        lonely = await seen_by_tcp(tools, host.resolver(server.port), "shop.test")
    assert informed.outcome is Outcome.ABSTAIN
    assert lonely.outcome is Outcome.FAIL


async def test_a_domain_looked_up_lately_is_evidence(tools: Tools, host: Host) -> None:
    """The top domain itself is not answered for; the domain of another target is."""
    async with hand_made(Zone({"www.other.example": ["127.0.0.1"]})) as server:
        resolver = host.resolver(server.port)
        await resolver.resolve("www.other.example", IpFamily.V4)
        server.react = Zone({}, domains={"test": SERVFAIL})
        seen = await seen_by_tcp(tools, resolver, "shop.test")
        alone = await seen_by_tcp(tools, host.resolver(server.port), "shop.test")
    assert (seen.outcome, alone.outcome) == (Outcome.FAIL, Outcome.ABSTAIN)


async def test_canary_names_never_repeat(tools: Tools, host: Host) -> None:
    async with hand_made(Zone({}, domains={"shop.test": SERVFAIL})) as server:
        resolver = host.resolver(server.port)
        for _ in range(3):
            await seen_by_tcp(tools, resolver, "shop.test", ip_family=IpFamily.V4)
    names = {asked_name(query) for query in server.asked} - {"shop.test"}
    under_test = [name for name in names if not of_shop(name)]
    assert len(under_test) == 3, "each look-up has new evidence"
    assert all(name.startswith("qutrio-") and name.endswith(".test") for name in names)


async def test_many_failures_at_once_share_one_piece_of_evidence(host: Host) -> None:
    async with hand_made(Zone({})) as server:
        resolver = host.resolver(server.port)
        seen: list[Observation] = []
        now = BootClock().now()

        async def judge(number: int) -> None:
            seen.append(await resolver.judge(NoAnswer(f"h{number}.shop.test", "it failed", now)))

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(judge, number)
    assert {one.outcome for one in seen} == {Outcome.FAIL}
    assert len(server.asked) <= 2, "one name under the top domain, and one under its own"


async def test_evidence_from_before_the_look_up_does_not_count(host: Host) -> None:
    clock = BootClock()
    async with hand_made(Zone({})) as server:
        resolver = host.resolver(server.port)
        first = await resolver.judge(NoAnswer("shop.test", "it failed", clock.now()))
        server.react = Zone({}, domains={"test": SERVFAIL})
        second = await resolver.judge(NoAnswer("shop.test", "it failed", clock.now()))
    assert (first.outcome, second.outcome) == (Outcome.FAIL, Outcome.ABSTAIN)


async def test_old_evidence_does_not_count(mock_clock: trio.testing.MockClock) -> None:
    mock_clock.rate = 0.0
    clock = TrioClock()
    async with hand_made(Zone({})) as server:
        evidence, policy = Evidence(clock), Policy((server.server,))
        began = clock.now()
        for seconds, rounds in ((0.0, 1), (FRESH_S_MAX - 0.1, 1), (0.2, 2)):
            mock_clock.jump(seconds)
            assert await evidence.works("shop.test", began, policy)
            assert rounds <= len(server.asked) <= 2 * rounds


async def test_queries_for_evidence_are_limited_in_rate(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Failures that come one after another ask about four times a second, not each time."""
    del autojump_clock
    clock = TrioClock()
    evidence, nobody = Evidence(clock), Policy(())
    for _ in range(9):
        await trio.sleep(0.01)
        assert not await evidence.works("shop.test", clock.now(), nobody)
    assert clock.now() == pytest.approx(2.01)


async def test_who_waits_for_evidence_goes_on_when_the_first_gives_up(host: Host) -> None:
    async with hand_made(mute) as server, trio.open_nursery() as nursery:
        evidence, policy = Evidence(BootClock()), Policy((server.server,))
        first, since = trio.CancelScope(), Instant(0.0)
        works: list[bool] = []

        async def give_up() -> None:
            with first:
                await evidence.works("shop.test", since, policy)

        async def go_on() -> None:
            works.append(await evidence.works("shop.test", since, policy))

        nursery.start_soon(give_up)
        with trio.fail_after(20):
            while not server.asked:
                await trio.lowlevel.checkpoint()
        nursery.start_soon(go_on)
        await trio.testing.wait_all_tasks_blocked()
        server.react = Zone({})
        first.cancel()
    assert works == [True]


def test_zones_are_chosen_for_a_name() -> None:
    evidence = Evidence(TrioClock(), ("Corp.Example.", "example"))
    assert evidence.zones_for("db.corp.example") == ("corp.example",)
    assert evidence.zones_for("corp.example.") == ("corp.example",)
    assert evidence.zones_for("xcorp.example") == ("example",)
    assert evidence.zones_for("www.shop.test") == ("test", "shop.test")
    assert evidence.zones_for("db") == ("", "db")
    assert Evidence(TrioClock(), (".",)).zones_for("www.shop.test") == ("",)


def test_the_domains_learned_last_come_first_and_never_the_names_own() -> None:
    evidence = Evidence(TrioClock())
    for name in ("a.one.test", "b.two.test", "c.three.test", "d.shop.test", "a.one.test"):
        evidence.learn(name)
    assert evidence.zones_for("www.shop.test") == ("test", "shop.test", "one.test", "three.test")


def test_what_is_learned_is_bounded() -> None:
    evidence = Evidence(TrioClock())
    for number in range(LEARNED_MAX + 5):
        evidence.learn(f"www.d{number}.test")
    assert len(evidence._learned) == LEARNED_MAX


async def test_what_is_remembered_of_canaries_is_bounded() -> None:
    clock = TrioClock()
    evidence = Evidence(clock)
    for number in range(CANARIES_MAX + 5):
        assert not await evidence.works(f"www.shop.t{number}", clock.now(), Policy(()))
    assert len(evidence._canaries) == CANARIES_MAX


async def test_a_dead_first_server_does_not_hide_that_the_second_works(host: Host) -> None:
    async with hand_made(Zone({})) as server:
        policy = Policy((server_at(free_port()), server.server))
        assert await Evidence(BootClock()).works("shop.test", Instant(0.0), policy)
    async with hand_made(mute) as silent, hand_made(Zone({})) as server:
        policy = Policy((silent.server, server.server))
        assert await Evidence(BootClock()).works("shop.test", Instant(0.0), policy)
    del host


async def test_random_answers_never_blame_the_target_while_nobody_answers_for_others(
    tools: Tools, host: Host
) -> None:
    rng = random.Random(5)
    garbage = lambda query: [query[:2] + rng.randbytes(rng.randint(0, 60))]  # noqa: E731
    seen = await verdict(tools, host, garbage, timeout_s=0.3)
    assert seen.outcome is Outcome.ABSTAIN
