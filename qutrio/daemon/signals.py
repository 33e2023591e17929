"""The daemon's signals: TERM and INT end it, HUP reloads node.yaml."""

import signal
from collections.abc import Callable

import trio

from qutrio.plumbing.log import Log


async def wait_for_stop(
    reload: Callable[[], None],
    log: Log,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Return at the first SIGTERM or SIGINT; until then call `reload` at each SIGHUP.

    It reports that it has started once no signal can be missed.  A second SIGTERM or SIGINT,
    during shutdown, ends the process at once.
    """
    wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    with trio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            if number != signal.SIGHUP:
                log("stopping", signal=signal.Signals(number).name)
                return
            reload()
