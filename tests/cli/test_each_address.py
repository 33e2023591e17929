"""The option that asks for every address of a host, from the command line into the document."""

import pytest
from attrs import evolve

from qutrio.model.checks import HttpCheck, TcpCheck
from qutrio.model.levels import LEVEL
from tests.cli.in_process import CommandRunner


@pytest.mark.parametrize(
    ("kind", "target"), [("http", "https://shop.example/"), ("tcp", "shop.example:443")]
)
async def test_every_address_can_be_asked_for_and_no_longer_be(
    qutrio: CommandRunner, kind: str, target: str
) -> None:
    def wanted() -> bool:
        (check,) = qutrio.scripted.document.checks
        assert isinstance(check, HttpCheck | TcpCheck)
        return check.each_address

    qutrio.scripted.publish(evolve(qutrio.scripted.document, level=LEVEL))
    added = await qutrio("check", "add", kind, "shop", target, "--each-address")
    assert (added.code, added.err, wanted()) == (0, "", True)
    assert "each_address" in (await qutrio("check", "show", "shop")).out
    assert (await qutrio("check", "edit", "shop", "--interval", "5s")).code == 0
    assert wanted()
    assert (await qutrio("check", "edit", "shop", "--any-address")).code == 0
    assert not wanted()
