"""Chooses the prober for each kind of check."""

from typing import assert_never

from qutrio.model.checks import Check, HttpCheck, TcpCheck, UnknownCheck
from qutrio.model.dns_check import DnsCheck
from qutrio.model.icmp_check import IcmpCheck
from qutrio.model.tls_check import TlsCheck
from qutrio.probes.dns_check import probe_dns
from qutrio.probes.http import probe_http
from qutrio.probes.icmp import probe_icmp
from qutrio.probes.interface import Tools
from qutrio.probes.observations import Observation, abstain
from qutrio.probes.tcp import probe_tcp
from qutrio.probes.tls import probe_tls


async def probe(check: Check, tools: Tools) -> Observation:
    """Probe any check once.  A new kind of check is one file and one case here."""
    match check:
        case HttpCheck():
            return await probe_http(check, tools)
        case TcpCheck():
            return await probe_tcp(check, tools)
        case IcmpCheck():
            return await probe_icmp(check, tools)
        case TlsCheck():
            return await probe_tls(check, tools)
        case DnsCheck():
            return await probe_dns(check, tools)
        case UnknownCheck():
            return abstain(f"check type {check.kind_name!r} is not known here; upgrade this node")
        case _:
            assert_never(check)
