"""The HTTP prober refuses invalid certificates."""

import datetime
import ssl

import trustme
from attrs import evolve

from qutrio.model.checks import HttpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.http import probe_http
from qutrio.probes.interface import TlsContexts, Tools
from tests.probes.servers import answering, served

OK_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def https(port: int, *, verify_tls: bool = True) -> HttpCheck:
    url = f"https://127.0.0.1:{port}/"
    return HttpCheck(id=CheckId("c1"), name="web", url=url, verify_tls=verify_tls)


def tls_server(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_a_certificate_for_another_name_is_a_failure(
    tools: Tools, authority: trustme.CA
) -> None:
    async with served(answering(OK_ANSWER), tls_server(authority, "other.example")) as port:
        seen = await probe_http(https(port), tools)
    assert seen.outcome is Outcome.FAIL
    assert seen.detail.startswith("certificate not accepted: IP address mismatch")


async def test_a_certificate_of_an_unknown_authority_is_a_failure(tools: Tools) -> None:
    async with served(answering(OK_ANSWER), tls_server(trustme.CA(), "127.0.0.1")) as port:
        seen = await probe_http(https(port), tools)
        lax = await probe_http(https(port, verify_tls=False), tools)
    assert seen.outcome is Outcome.FAIL
    assert "certificate not accepted" in seen.detail
    assert lax.outcome is Outcome.OK


async def test_an_expired_certificate_is_a_failure(tools: Tools, authority: trustme.CA) -> None:
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=past).configure_cert(context)
    async with served(answering(OK_ANSWER), context) as port:
        seen = await probe_http(https(port), tools)
    assert seen.detail == "certificate not accepted: certificate has expired"
    assert seen.outcome is Outcome.FAIL


async def test_a_node_without_authorities_abstains(tools: Tools, authority: trustme.CA) -> None:
    empty = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare = TlsContexts(empty, tools.tls.unverified, empty, has_authorities=False)
    async with served(answering(OK_ANSWER), tls_server(authority, "127.0.0.1")) as port:
        seen = await probe_http(https(port), evolve(tools, tls=bare))
    assert seen.outcome is Outcome.ABSTAIN
    assert "install ca-certificates" in seen.detail
