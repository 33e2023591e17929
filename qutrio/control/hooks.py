"""The operation that shows this node's hooks: the commands run when it gains or loses the role."""

import trio

from qutrio.control.context import ControlContext
from qutrio.control.request import Request
from qutrio.control.shapes import Row, hook_run_row


async def show_hooks(context: ControlContext, request: Request) -> Row:
    """Return this node's hooks and their last runs (`hooks.show`)."""
    del request
    await trio.lowlevel.checkpoint()
    report = context.services.hooks()
    return {
        "gain": list(report.hooks.gain),
        "loss": list(report.hooks.loss),
        "timeout_s": report.hooks.timeout_s,
        "running": None if report.running is None else report.running.value,
        "runs": [hook_run_row(run) for run in report.runs],
    }
