"""Which prober serves which kind of check."""

from typing import assert_never

from qutrio.model.checks import Check, HttpCheck, TcpCheck, UnknownCheck
from qutrio.probes.http import probe_http
from qutrio.probes.interface import Observation, Tools, abstain
from qutrio.probes.tcp import probe_tcp


async def probe(check: Check, tools: Tools) -> Observation:
    """Probe any check once.  A new kind of check is one file and one case here."""
    match check:
        case HttpCheck():
            return await probe_http(check, tools)
        case TcpCheck():
            return await probe_tcp(check, tools)
        case UnknownCheck():
            return abstain(f"check type {check.kind_name!r} is not known here; upgrade this node")
        case _:
            assert_never(check)
