"""What curl and browsers accept, a probe accepts; what is cut off or contradictory it does not."""

import pytest
import trio

from qutrio.model.checks import HttpCheck, StatusRange
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.probes.http import probe_http
from qutrio.probes.http_answer import HttpResponse
from qutrio.probes.http_body import Body
from qutrio.probes.interface import Tools
from tests import needs
from tests.probes.raw_answers import CASES, Case
from tests.probes.servers import answering, served

every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@every_case
@pytest.mark.parametrize("step", [1, 3, 16 * 1024])
def test_an_answer_reads_the_same_however_it_is_cut_into_packets(case: Case, step: int) -> None:
    answer = HttpResponse(Body(100, wanted=True), head_only=False)
    for at in range(0, len(case.raw), step):
        if not (answer.over or answer.broken):
            answer.feed(case.raw[at : at + step])
    if not (answer.over or answer.broken):
        answer.feed(b"")
    assert (answer.over, answer.broken is None) == (case.ok, case.ok)
    if case.ok:
        assert (answer.status, "".join(answer.body.text(b""))) == (case.status, case.body)


@pytest.mark.parametrize("raw", [c.raw for c in CASES if c.status == 200 and c.ok])
def test_an_answer_to_head_has_no_body_whatever_its_fields_say(raw: bytes) -> None:
    answer = HttpResponse(Body(100, wanted=True), head_only=True)
    answer.feed(raw)
    assert (answer.over, answer.status, answer.body.size) == (True, 200, 0)


@every_case
@needs.program("curl")
async def test_a_probe_accepts_whatever_curl_accepts(tools: Tools, case: Case) -> None:
    async with served(answering(case.raw)) as port:
        url = f"http://127.0.0.1:{port}/"
        command = ["curl", "-q", "-sS", "--noproxy", "*", "-m", "20", "-o", "/dev/null", url]
        curl = await trio.run_process(command, check=False, capture_stderr=True)
        check = HttpCheck(
            id=CheckId("c1"),
            name="web",
            url=url,
            timeout_s=30.0,
            expect_status=(StatusRange(100, 599),),
            body_contains=case.body,
        )
        seen = await probe_http(check, tools)
    assert (seen.outcome is Outcome.OK) == case.ok, seen.detail
    assert case.ok or case.strict or curl.returncode != 0
