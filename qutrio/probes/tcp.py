"""The TCP prober: up means that somebody accepts the connection."""

from qutrio.model.checks import TcpCheck
from qutrio.model.members import split_address
from qutrio.probes.attempt import Progress, attempt
from qutrio.probes.connection import Connection
from qutrio.probes.interface import Observation, Tools


async def probe_tcp(check: TcpCheck, tools: Tools) -> Observation:
    """Connect to the check's address once, and hang up."""
    host, port = split_address(check.address)

    async def journey(progress: Progress) -> Observation:
        progress.enter(f"looking up {host}", local=True)
        endpoint = await tools.resolver.resolve(host, check.ip_family)
        if isinstance(endpoint, Observation):
            return endpoint
        with Connection(endpoint) as connection:
            await connection.dial(endpoint, port, progress)
            return progress.ok(f"connected to {endpoint.address} port {port}")

    return await attempt(check, tools, journey)
