"""The TLS prober against real servers: nginx, and handshakes that go wrong."""

import datetime
import ssl
from typing import Any

import pytest
import trio
import trustme
from attrs import evolve

from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.model.tls_check import TlsCheck
from qutrio.probes.interface import TlsContexts, Tools
from qutrio.probes.observations import Observation
from qutrio.probes.tls import probe_tls
from tests.probes.conftest import Nginx
from tests.probes.servers import answering, served
from tests.workers import free_port

SILENT = answering(b"")


def check(port: int, **fields: Any) -> TlsCheck:
    return TlsCheck(
        id=CheckId("c1"), name="mail", **{"address": f"127.0.0.1:{port}", "timeout_s": 20, **fields}
    )


def server(
    authority: trustme.CA, name: str = "127.0.0.1", *, days: float = 100.0
) -> ssl.SSLContext:
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=end).configure_cert(context)
    return context


async def seen(tools: Tools, context: ssl.SSLContext | None, **fields: Any) -> Observation:
    async with served(SILENT, context) as port:
        return await probe_tls(check(port, **fields), tools)


async def test_a_real_web_server_is_up_and_tells_how_long(tools: Tools, nginx: Nginx) -> None:
    got = await probe_tls(check(nginx.tls_port, warn_days=0), tools)
    assert got.outcome is Outcome.OK
    assert got.detail.startswith("certificate valid until ")
    assert ", TLSv1." in got.detail
    assert got.latency_ms is not None


async def test_inside_the_window_of_warning_the_vote_is_ok_and_says_so(
    tools: Tools, authority: trustme.CA
) -> None:
    got = await seen(tools, server(authority, days=9.5))
    assert got.outcome is Outcome.OK
    assert got.detail.startswith("WARNING: certificate expires in 9 days, on ")


async def test_inside_the_window_of_failure_the_vote_is_fail(
    tools: Tools, authority: trustme.CA
) -> None:
    got = await seen(tools, server(authority, days=9.5), fail_days=10)
    assert got.outcome is Outcome.FAIL
    assert "fewer than 10 days are a failure" in got.detail


@pytest.mark.parametrize("verify_chain", [True, False])
async def test_an_expired_certificate_tells_since_when(
    tools: Tools, authority: trustme.CA, verify_chain: bool
) -> None:
    got = await seen(tools, server(authority, days=-3.5), verify_chain=verify_chain)
    assert got.outcome is Outcome.FAIL
    assert got.detail.startswith("certificate expired 3 days ago, on ")


async def test_a_certificate_for_another_name_fails_unless_names_do_not_matter(
    tools: Tools, authority: trustme.CA
) -> None:
    context = server(authority, "other.example")
    strict = await seen(tools, context)
    assert strict.outcome is Outcome.FAIL
    assert strict.detail.startswith("certificate not accepted: IP address mismatch")
    assert (await seen(tools, context, verify_name=False)).outcome is Outcome.OK
    assert (await seen(tools, context, server_name="other.example")).outcome is Outcome.OK


async def test_an_unknown_authority_fails_unless_chains_do_not_matter(tools: Tools) -> None:
    context = server(trustme.CA())
    strict = await seen(tools, context)
    assert strict.outcome is Outcome.FAIL
    assert strict.detail.startswith("certificate not accepted: ")
    lax = await seen(tools, context, verify_chain=False)
    assert lax.outcome is Outcome.OK
    misnamed = await seen(tools, context, verify_chain=False, server_name="other.example")
    assert misnamed.outcome is Outcome.FAIL
    assert misnamed.detail == "the certificate is not for other.example"
    anybody = await seen(
        tools, context, verify_chain=False, verify_name=False, server_name="other.example"
    )
    assert anybody.outcome is Outcome.OK


async def test_the_name_that_is_sent_is_the_servers_or_that_of_the_check(
    tools: Tools, authority: trustme.CA
) -> None:
    context, names = server(authority, "shop.example"), list[str | None]()

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        names.append(name)

    context.sni_callback = note
    await seen(tools, context, server_name="shop.example")
    await seen(tools, context, verify_chain=False, verify_name=False)
    assert names == ["shop.example", None]


async def test_a_server_that_speaks_no_tls_is_a_failure(tools: Tools) -> None:
    async def plain(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"220 mail.example.org ESMTP\r\n")
        await stream.receive_some()

    async with served(plain) as port:
        got = await probe_tls(check(port), tools)
    assert got.outcome is Outcome.FAIL
    assert "TLS error while shaking hands" in got.detail


async def test_a_server_that_hangs_up_is_a_failure(tools: Tools) -> None:
    async def rude(stream: trio.abc.Stream) -> None:
        await stream.receive_some()

    async with served(rude) as port:
        got = await probe_tls(check(port), tools)
    assert got.outcome is Outcome.FAIL
    assert "closed by the target while shaking hands" in got.detail


async def test_a_server_that_never_answers_is_a_failure_in_time(tools: Tools) -> None:
    async def mute(stream: trio.abc.Stream) -> None:
        del stream
        await trio.sleep_forever()

    async with served(mute) as port:
        got = await probe_tls(check(port, timeout_s=0.3), tools)
    assert got.outcome is Outcome.FAIL
    assert got.detail == "no answer within 0.3s while shaking hands (TLS)"


async def test_a_closed_port_is_a_failure(tools: Tools) -> None:
    got = await probe_tls(check(free_port()), tools)
    assert got.outcome is Outcome.FAIL
    assert "refused" in got.detail


async def test_a_server_with_old_protocols_only_is_a_failure(
    tools: Tools, authority: trustme.CA
) -> None:
    old, modern = server(authority), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    modern.minimum_version = ssl.TLSVersion.TLSv1_3
    strict = evolve(tools, tls=evolve(tools.tls, verified=modern))
    got = await seen(strict, old)
    assert got.outcome is Outcome.FAIL
    assert "while shaking hands (TLS)" in got.detail


async def test_a_node_without_authorities_abstains_from_chains_only(
    tools: Tools, authority: trustme.CA
) -> None:
    empty = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare = evolve(tools, tls=TlsContexts(empty, tools.tls.unverified, empty, has_authorities=False))
    got = await seen(bare, server(authority))
    assert got.outcome is Outcome.ABSTAIN
    assert "install ca-certificates" in got.detail
    assert (await seen(bare, server(authority), verify_chain=False)).outcome is Outcome.OK
