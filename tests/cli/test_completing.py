"""The Tab key: names of what there is, and silence where nobody answers."""

import pytest

from qutrio.cli import completing
from tests.cli.in_process import CommandRunner, completed


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("qutrio check show ", ["web2", "web10"]),
        ("qutrio check edit web1", ["web10"]),
        ("qutrio explain web2", ["web2"]),
        ("qutrio alert test ", ["ops"]),
        ("qutrio check add http x y --alert o", ["ops"]),
        ("qutrio node remove ", ["a", "b"]),
        ("qutrio cluster yield --to b", ["b"]),
        ("qutrio enroll approve ", ["charlie", "t1"]),
        ("qutrio cluster engine set r", ["raft"]),
        ("qutrio settings set heart", ["heartbeat="]),
        ("qutrio alert add smtp m --security st", ["starttls"]),
        ("qutrio check add tcp x y --ip-family ", ["any", "4", "6"]),
    ],
)
async def test_the_tab_key_offers_what_there_is(
    qutrio: CommandRunner, monkeypatch: pytest.MonkeyPatch, typed: str, offered: list[str]
) -> None:
    for name in ("web10", "web2"):
        await qutrio("check", "add", "http", name, "https://x/")
    await qutrio("alert", "add", "webhook", "ops", "https://x/")
    await qutrio("enroll", "create", "--name", "charlie")
    assert await completed(qutrio, monkeypatch, typed) == offered


def test_without_a_daemon_there_is_nothing_to_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUTRIO_SOCKET", "/nowhere/q.sock")
    assert completing.check_names("") == []
    assert completing.token_names("") == []
    assert completing.setting_pairs("") == []
    assert completing.engines("g") == ["gossip"]
