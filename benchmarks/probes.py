"""The cost of a probe, compared with alternatives: `python benchmarks/probes.py`.

Prints CPU seconds per 1,000 probes of a local nginx, HTTP and HTTPS, each on a fresh connection:
qutrio, httpx, and prometheus-blackbox-exporter where the distribution's package is installed.
"""

import gc
import os
import platform
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
import trio
import trustme
from attrs import evolve, frozen

from qutrio.model.checks import HttpCheck
from qutrio.model.ids import CheckId
from qutrio.model.results import Outcome
from qutrio.plumbing.clock import BootClock
from qutrio.probes.http import probe_http
from qutrio.probes.toolbox import make_tools

PROBES = 500
AT_ONCE = 10
ROUNDS = 8

NGINX_CONFIG = """
daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
  client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
  uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {root}/server.pem; ssl_certificate_key {root}/server.pem;
    location / {{ return 200 "all is well\\n"; }}
  }}
}}
"""
EXPORTER_CONFIG = """
modules:
  http:
    prober: http
    timeout: 10s
    http: {{ preferred_ip_protocol: ip4, tls_config: {{ ca_file: {root}/ca.pem }} }}
"""


Measure: TypeAlias = Callable[[str, ssl.SSLContext], Awaitable[float]]


@frozen
class Target:
    """A running nginx, and the TLS context that trusts it."""

    root: Path
    url: str
    tls_url: str
    tls: ssl.SSLContext


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return int(probe_socket.getsockname()[1])


@contextmanager
def running(command: list[str], *ports: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; the block begins when all ports accept."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for port in ports:
            _await_port(port)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def _await_port(port: int) -> None:
    give_up = time.monotonic() + 20.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def local_nginx() -> Iterator[Target]:
    """Run nginx on loopback with a certificate of a new authority."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if nginx is None:
        sys.exit("this benchmark needs nginx")
    with tempfile.TemporaryDirectory() as directory:
        root, port, tls_port = Path(directory), free_port(), free_port()
        root.chmod(0o755)  # nginx's worker has another user when we are root
        authority = trustme.CA()
        pem = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes()
        (root / "server.pem").write_bytes(pem)
        (root / "ca.pem").write_bytes(authority.cert_pem.bytes())
        config = root / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(root=root, port=port, tls_port=tls_port))
        tls = ssl.create_default_context(cafile=str(root / "ca.pem"))
        with running([nginx, "-e", f"{root}/error.log", "-c", str(config)], port, tls_port):
            yield Target(root, f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{tls_port}/", tls)


async def _many(count: int, one: Callable[[], Awaitable[None]]) -> None:
    async def worker(share: int) -> None:
        for _ in range(share):
            await one()

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(worker, count // AT_ONCE)


async def cost_of_qutrio(url: str, tls: ssl.SSLContext) -> float:
    """Return the CPU seconds of `PROBES` probes."""
    tools = make_tools(BootClock())
    tools = evolve(tools, tls=evolve(tools.tls, verified=tls))
    check = HttpCheck(id=CheckId("c"), name="c", url=url)

    async def one() -> None:
        seen = await probe_http(check, tools)
        assert seen.outcome is Outcome.OK, seen.detail

    await _many(AT_ONCE, one)
    began = time.process_time()
    await _many(PROBES, one)
    return time.process_time() - began


async def cost_of_httpx(url: str, tls: ssl.SSLContext) -> float:
    """Return the CPU seconds of `PROBES` requests on fresh connections of one shared client."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(verify=tls, limits=limits) as client:

        async def one() -> None:
            assert (await client.get(url)).status_code == 200

        await _many(AT_ONCE, one)
        began = time.process_time()
        await _many(PROBES, one)
        return time.process_time() - began


def cpu_of(pid: int) -> float:
    """Return the CPU seconds another process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_exporter(program: str, target: Target) -> Iterator[Measure]:
    """Run the exporter until the block ends; the value measures its cost."""
    port = free_port()
    asks = f"http://127.0.0.1:{port}/probe"
    config = target.root / "exporter.yml"
    config.write_text(EXPORTER_CONFIG.format(root=target.root))
    command = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]

    async def measure(url: str, _: ssl.SSLContext) -> float:
        async with httpx.AsyncClient() as client:

            async def one() -> None:
                answer = await client.get(asks, params={"target": url, "module": "http"})
                assert "\nprobe_success 1" in answer.text

            await _many(AT_ONCE, one)
            began = cpu_of(process.pid)
            await _many(PROBES, one)
            return cpu_of(process.pid) - began

    with running(command, port) as process:
        yield measure


def measure_cost() -> None:
    """Print the table of CPU costs: the least of several rounds, which take turns."""
    with ExitStack() as stack:
        target = stack.enter_context(local_nginx())
        measures: dict[str, Measure] = {"qutrio": cost_of_qutrio, "httpx": cost_of_httpx}
        exporter = shutil.which("prometheus-blackbox-exporter")
        if exporter is not None:
            measures["blackbox-exporter"] = stack.enter_context(running_exporter(exporter, target))
        best = {
            (name, url): trio.run(measure, url, target.tls)
            for name, measure in measures.items()
            for url in (target.url, target.tls_url)
        }
        for _ in range(ROUNDS - 1):
            for (name, url), least in best.items():
                best[name, url] = min(least, trio.run(measures[name], url, target.tls))
    print(f"CPU seconds per 1,000 probes, least of {ROUNDS} rounds of {PROBES}")
    for name in measures:
        line = f"  {name:<20}"
        for kind, url in (("HTTP", target.url), ("HTTPS", target.tls_url)):
            share = best[name, url] / best["httpx", url]
            line += f"  {kind} {1000 * best[name, url] / PROBES:.3f} ({share:.0%} of httpx)"
        print(line)


def machine_line() -> str:
    """Return a description of this machine and the versions."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{ssl.OPENSSL_VERSION}, trio {trio.__version__}, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    print(machine_line())
    gc.collect()
    gc.freeze()  # like the daemon after its start; httpx benefits too
    measure_cost()
