"""The target of checks: a real nginx with its own configuration."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from tests import needs
from tests.cluster.processes import Process
from tests.cluster.waiting import wait_for
from tests.workers import free_port

CONFIGURATION = """
daemon off;
master_process off;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {home}/access.log;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen {address}:{port};
        location / {{ return 200 "fine\\n"; }}
    }}
}}
"""
START_S_MAX = 10.0


class Nginx:
    """A web server that can be stopped and started again at the same address."""

    def __init__(self, home: Path, address: str = "127.0.0.1", inside: Sequence[str] = ()) -> None:
        """Listen at a free port of `address`; `inside` begins the command that starts it."""
        home.mkdir()
        self.address = address
        self._inside = inside
        self.port = free_port(address)
        self.output = home / "error.log"
        self._configuration = home / "nginx.conf"
        self._configuration.write_text(
            CONFIGURATION.format(home=home, address=address, port=self.port)
        )
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}/"

    def start(self) -> None:
        """Start, and return when connections are accepted."""
        program = needs.where("nginx")
        assert program is not None, "whoever calls this asks for nginx first"
        command = [*self._inside, program, "-e", str(self.output), "-c", str(self._configuration)]
        self._process = Process(command, os.environ, self.output)
        wait_for("nginx accepts connections", self._accepts, START_S_MAX)

    def stop(self) -> None:
        """End it, so that connections are refused."""
        assert self._process is not None
        self._process.end()

    def end(self) -> None:
        if self._process is not None:
            self._process.end()

    def _accepts(self) -> bool:
        try:
            socket.create_connection((self.address, self.port), 1.0).close()
        except OSError:
            return False
        return True
