"""No observation quotes what a check keeps secret, or where a redirect led beyond its path."""

from typing import Any

import pytest
import trio

from qutrio.codec.plain import check_from_plain
from qutrio.model.checks import HttpCheck
from qutrio.model.results import Outcome
from qutrio.probes.http import probe_http
from qutrio.probes.interface import Tools
from qutrio.probes.runner import run_check
from tests.patience import HANG_S
from tests.probes.lines import Lines
from tests.probes.servers import Handler, answering, read_head, served
from tests.secrets.planted import CHECKS, SECRET

OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


def ok(body: str) -> bytes:
    return OK % (len(body), body.encode())


async def echo(stream: trio.abc.Stream) -> None:
    """Send the request back, as an echo service does."""
    await stream.send_all(await read_head(stream))


async def echo_behind_http(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"HTTP/" + await read_head(stream) + b"\r\n\r\n")


def leading(location: str) -> Handler:
    head = f"HTTP/1.1 302 F\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    return answering(head.encode())


ANSWERS: dict[str, Handler] = {
    "lacks": answering(ok("nothing")),
    "contains": answering(ok(f"{SECRET}1 {SECRET}2")),
    "does not match": answering(ok(f"-{SECRET}1")),
    "echo": echo,
    "echo-behind-http": echo_behind_http,
    "status": answering(b"HTTP/1.1 500 " + SECRET.encode() + b"\r\nContent-Length: 0\r\n\r\n"),
    "empty": answering(b""),
    "to-nowhere": leading(f"http://u:{SECRET}@nowhere.invalid/?k={SECRET}"),
    "to-a-closed-port": leading(f"http://127.0.0.1:1/?k={SECRET}#{SECRET}"),
    "to-no-tls": leading(f"https://127.0.0.1:1/?k={SECRET}"),
    "to-no-url": leading(f"http://[{SECRET}/"),
    "to-another-scheme": leading(f"ftp://u:{SECRET}@h/{SECRET}"),
}


@pytest.mark.parametrize("plain", CHECKS, ids=lambda plain: str(plain["name"]))
@pytest.mark.parametrize("name", list(ANSWERS))
async def test_no_failure_quotes_a_secret(name: str, plain: dict[str, Any], tools: Tools) -> None:
    lines = Lines()
    async with served(ANSWERS[name]) as port:
        url = f"http://127.0.0.1:{port}/p?k={SECRET}#{SECRET}"
        made = check_from_plain({**plain, "id": "c1", "url": url, "timeout": "30s"}, "x")
        assert isinstance(made, HttpCheck)
        with trio.fail_after(HANG_S):
            result = await run_check(made, tools, probe_http, lines)  # type: ignore[arg-type]
    assert result.outcome is not Outcome.OK
    assert result.detail
    assert SECRET not in f"{result} {lines.lines}"


async def test_a_probers_bug_is_logged_without_its_message(tools: Tools) -> None:
    async def broken(check: Any, _: Tools) -> Any:
        await trio.lowlevel.checkpoint()
        raise KeyError(check.body)

    lines = Lines()
    made = check_from_plain({**CHECKS[0], "id": "c1"}, "x")
    result = await run_check(made, tools, broken, lines)
    [(what, details)] = lines.lines
    assert what == "a prober failed; please report this bug"
    assert "KeyError" in str(details["traceback"])
    assert "test_secrets.py" in str(details["traceback"])
    assert SECRET not in f"{result} {details}"
