"""The HTTP prober: one request on a fresh connection, and redirects as far as allowed.

A probe dials and reads answers as browsers do, and remembers less than they do: it keeps no
connections, keeps cookies only until it ends, and shows no credentials to another server that
it was redirected to.
"""

from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import trio
from attrs import evolve

from qutrio.model.checks import URL_CHARS_MAX, HttpCheck
from qutrio.model.results import Outcome
from qutrio.model.urls import host_to_dial
from qutrio.probes.attempt import Progress
from qutrio.probes.dialling import connect
from qutrio.probes.each_address import attempt_all
from qutrio.probes.http_answer import Answer
from qutrio.probes.http_body import Body
from qutrio.probes.http_cookies import CookieJar
from qutrio.probes.http_redirect import LOCATION_BYTES_MAX, next_url
from qutrio.probes.http_request import (
    for_other_origin,
    host_field,
    redirected,
    request_bytes,
)
from qutrio.probes.interface import Observation, Tools

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}

Step: TypeAlias = tuple[HttpCheck, SplitResult]


async def probe_http(check: HttpCheck, tools: Tools) -> Observation:
    """Request the check's URL and judge the answer; all redirects share one timeout."""

    async def journey(progress: Progress) -> Observation:
        request, url, jar = check, urlsplit(check.url), CookieJar()
        for followed in range(check.redirects_max + 1):
            cookies = await jar.cookies_for(url) if followed else b""
            answer = await _exchange(request, url, cookies, progress)
            if isinstance(answer, Observation):
                return answer
            if not _leads_on(answer, check):
                return await _judge(answer, check, followed, progress)
            step = _next_step(answer, request, url, progress)
            if isinstance(step, Observation):
                return step
            jar.keep(answer.cookies, url, tools.clock.wall())
            request, url = step
        return progress.fail(f"more than {check.redirects_max} redirects")

    return await attempt_all(check, host_to_dial(urlsplit(check.url)), tools, journey)


async def _exchange(
    check: HttpCheck, url: SplitResult, cookies: bytes, progress: Progress
) -> Answer | Observation:
    host, port = host_to_dial(url), url.port or _PORTS[url.scheme]
    connection = await connect(host, port, check.ip_family, progress)
    if isinstance(connection, Observation):
        return connection
    with connection:
        if url.scheme == "https":
            tls = progress.tools.tls
            progress.enter("shaking hands (TLS)")
            name = host.partition("%")[0].rstrip(".")
            await connection.start_tls(tls.verified if check.verify_tls else tls.unverified, name)
        progress.enter("sending the request")
        await connection.send(request_bytes(check, url, cookies))
        progress.enter("waiting for the answer")
        wanted = _looks_into_body(check)
        answer = Answer(Body(check.body_bytes_max, wanted), head_only=check.method == "HEAD")
        while not answer.over:
            answer.feed(await connection.receive())
            if answer.broken is not None:
                return progress.fail(answer.broken)
            if answer.status:
                progress.doing = "reading the body"
        return answer


def _looks_into_body(check: HttpCheck) -> bool:
    patterns = (check.body_contains, check.body_not_contains, check.body_regex)
    return any(pattern is not None for pattern in patterns)


def _expected(status: int, check: HttpCheck) -> bool:
    return any(span.low <= status <= span.high for span in check.expect_status)


def _leads_on(answer: Answer, check: HttpCheck) -> bool:
    return (
        check.redirects_max > 0
        and answer.status in REDIRECTS
        and not _expected(answer.status, check)
        and bool(answer.fields.get(b"location"))
    )


def _next_step(
    answer: Answer, request: HttpCheck, url: SplitResult, progress: Progress
) -> Step | Observation:
    location = answer.fields[b"location"]
    if len(location) > LOCATION_BYTES_MAX:
        return progress.fail("redirected to a URL that is too long")
    try:
        target = next_url(url, location)
        port = target.port
    except ValueError:
        return progress.fail("redirected to something that is no URL")
    if target.scheme not in _PORTS or not target.hostname or port == 0:
        return progress.fail(f"redirected to {target.scheme[:20]!r}, which is not followed")
    if len(target.geturl()) > URL_CHARS_MAX:
        return progress.fail("redirected to a URL that is too long")
    if (target.scheme, host_field(target)) != (url.scheme, host_field(url)):
        request = for_other_origin(request)
    return redirected(request, answer.status), target


async def _judge(
    answer: Answer, check: HttpCheck, followed: int, progress: Progress
) -> Observation:
    seen = f"HTTP {answer.status}"
    if followed:
        seen += f" after {followed} redirect{'s' if followed > 1 else ''}"
    if not _expected(answer.status, check):
        spans = [
            f"{s.low}" if s.low == s.high else f"{s.low}-{s.high}" for s in check.expect_status
        ]
        return progress.fail(f"{seen}, expected {', '.join(spans)}")
    if not _looks_into_body(check):
        return progress.ok(seen)
    if answer.body.problem is not None:
        return progress.fail(f"{seen}, but {answer.body.problem}")
    verdict = progress.ok(seen)
    problem = await _body_problem(answer, check, progress)
    if isinstance(problem, Observation):
        return problem
    if problem is None:
        return verdict
    where = f" in its first {answer.body.size} bytes" if answer.body.full else ""
    return evolve(verdict, outcome=Outcome.FAIL, detail=f"{seen}, but {problem}{where}")


async def _text(answer: Answer) -> str:
    """Return the body as text, letting others run while a large one is decoded."""
    parts: list[str] = []
    for part in answer.body.text(answer.fields.get(b"content-type", b"")):
        if parts:
            await trio.lowlevel.checkpoint()
        parts.append(part)
    return "".join(parts)


async def _body_problem(
    answer: Answer, check: HttpCheck, progress: Progress
) -> str | Observation | None:
    """Return what is wrong with the body.  What it was searched for may be a secret."""
    text = await _text(answer)
    if check.body_contains is not None and check.body_contains not in text:
        return "the body lacks the text of body_contains"
    if check.body_not_contains is not None and check.body_not_contains in text:
        return "the body contains the text of body_not_contains"
    if check.body_regex is None:
        return None
    progress.enter("matching body_regex", local=True)
    found = await progress.tools.patterns.search(check.body_regex, text)
    if isinstance(found, Observation):
        return found
    return None if found else "the body does not match body_regex"
