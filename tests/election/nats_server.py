"""A real nats-server on this machine, that a test can kill and start again."""

import signal
from pathlib import Path
from subprocess import PIPE

import trio

from tests import needs
from tests.patience import HANG_S
from tests.workers import free_port

PROGRAM = needs.where("nats-server")
needs_nats_server = needs.program("nats-server")
START_DEADLINE_S = HANG_S


class NatsServer:
    """A server on a free port; it keeps the port when it is started again."""

    def __init__(self, configuration: Path | None = None) -> None:
        self.port = free_port()
        self._configuration = configuration
        self._process: trio.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, and return when it takes connections."""
        assert PROGRAM is not None
        command = [PROGRAM, "-a", "127.0.0.1", "-p", str(self.port)]
        if self._configuration is not None:
            command += ["-c", str(self._configuration)]
        self._process = await trio.lowlevel.open_process(command, stderr=PIPE)
        assert self._process.stderr is not None
        said = b""
        with trio.fail_after(START_DEADLINE_S):
            while b"Server is ready" not in said:
                more = await self._process.stderr.receive_some()
                assert more, said.decode()
                said += more

    async def kill(self) -> None:
        """Take it away as a power cut would."""
        if self._process is not None:
            process, self._process = self._process, None
            process.send_signal(signal.SIGKILL)
            await process.wait()
            assert process.stderr is not None
            await process.stderr.aclose()

    async def pause(self) -> None:
        """Freeze it: connections stay open, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        await trio.lowlevel.checkpoint()
