"""The TCP prober: up means that the target accepts the connection."""

from qutrio.model.checks import TcpCheck
from qutrio.model.members import split_address
from qutrio.probes.attempt import Progress
from qutrio.probes.dialling import connect
from qutrio.probes.each_address import attempt_all
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation


async def probe_tcp(check: TcpCheck, tools: Tools) -> Observation:
    """Connect to the check's address once, and close the connection."""
    host, port = split_address(check.address)

    async def steps(progress: Progress) -> Observation:
        connection = await connect(host, port, check.ip_family, progress)
        if isinstance(connection, Observation):
            return connection
        with connection:
            return progress.ok(f"connected to {connection.address} port {port}")

    return await attempt_all(check, host, tools, steps)
