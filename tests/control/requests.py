"""Asks one operation at the desk, without a socket."""

from typing import Any

import pytest

from qutrio.control.operations import perform
from qutrio.control.protocol import ControlFailure
from qutrio.control.request import Request
from tests.control.scripted_node import ScriptedNode, new_scripted_node, thinking

HTTP = {"kind": "http", "name": "web", "url": "https://example.org/", "interval": "20s"}


async def ask(scripted: ScriptedNode, op: str, **fields: object) -> dict[str, Any]:
    """Perform one operation while the scripted thinks."""
    async with thinking(scripted) as context:
        return await perform(context, Request({"op": op, **fields}))


async def refused(scripted: ScriptedNode, op: str, **fields: object) -> ControlFailure:
    """Perform one operation that must fail, and return how."""
    async with thinking(scripted) as context:
        with pytest.raises(ControlFailure) as caught:
            await perform(context, Request({"op": op, **fields}))
    return caught.value


async def with_check(**changes: object) -> ScriptedNode:
    """Return a scripted that watches `web`."""
    scripted = new_scripted_node()
    await ask(scripted, "check.add", check={**HTTP, **changes})
    return scripted
