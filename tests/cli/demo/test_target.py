"""The website of the demo."""

from contextlib import suppress

import trio
import trio.testing

from qutrio.cli.demo.target import HOST, PAGE, Target, open_target
from tests.patience import HANG_S

WAIT_S_MAX = HANG_S


async def fetch(target: Target) -> bytes:
    """Return the whole answer; raises OSError while nobody listens."""
    with trio.fail_after(WAIT_S_MAX):
        stream = await trio.open_tcp_stream(HOST, target.port)
        async with stream:
            await stream.send_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            return b"".join([chunk async for chunk in stream])


async def refuses(target: Target) -> bool:
    try:
        await fetch(target)
    except OSError:
        return True
    return False


async def test_a_target_answers_until_it_is_taken_down_and_again_on_the_same_port() -> None:
    async with open_target() as target:
        port = target.port
        assert (await fetch(target)).endswith(b"\r\n\r\n" + PAGE)
        target.take_down()
        await trio.testing.wait_all_tasks_blocked()
        assert await refuses(target)
        await target.bring_up()
        assert target.port == port
        assert (await fetch(target)).startswith(b"HTTP/1.1 200 ")


async def test_taking_a_target_down_ends_what_is_open() -> None:
    async with open_target() as target:
        stream = await trio.open_tcp_stream(HOST, target.port)
        await stream.send_all(b"GET / HTTP/1.1\r\n")
        await trio.testing.wait_all_tasks_blocked()
        target.take_down()
        with trio.fail_after(WAIT_S_MAX):
            with suppress(trio.BrokenResourceError):
                assert await stream.receive_some() == b""
        assert await refuses(target)
        await stream.aclose()


async def test_a_client_that_leaves_early_harms_nobody() -> None:
    async with open_target() as target:
        async with await trio.open_tcp_stream(HOST, target.port) as stream:
            await stream.send_all(b"GET")
        assert PAGE in await fetch(target)
