"""Asks one operation at the desk, without a socket."""

from typing import Any

import pytest

from qutrio.control.operations import perform
from qutrio.control.protocol import ControlFailure
from qutrio.control.request import Request
from tests.control.brain import Brain, new_brain, thinking

HTTP = {"kind": "http", "name": "web", "url": "https://example.org/", "interval": "20s"}


async def ask(brain: Brain, op: str, **fields: object) -> dict[str, Any]:
    """Perform one operation while the brain thinks."""
    async with thinking(brain) as context:
        return await perform(context, Request({"op": op, **fields}))


async def refused(brain: Brain, op: str, **fields: object) -> ControlFailure:
    """Perform one operation that must fail, and return how."""
    async with thinking(brain) as context:
        with pytest.raises(ControlFailure) as caught:
            await perform(context, Request({"op": op, **fields}))
    return caught.value


async def with_check(**changes: object) -> Brain:
    """Return a brain that watches `web`."""
    brain = new_brain()
    await ask(brain, "check.add", check={**HTTP, **changes})
    return brain
