"""What is run at this node when the role comes or goes, as the control socket shows it."""

import trio

from qutrio.control.context import ControlContext
from qutrio.control.request import Request
from qutrio.control.shapes import Row, hook_run_row


async def show_hooks(context: ControlContext, request: Request) -> Row:
    """Answer `hooks.show`: this node's hooks, and how they last ended."""
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
