"""The TLS prober: up means a handshake, and a certificate that is valid long enough."""

import ssl
from collections.abc import Sequence

from qutrio.model.members import split_address
from qutrio.model.results import Outcome
from qutrio.model.tls_check import TlsCheck
from qutrio.probes import certificates
from qutrio.probes.attempt import Progress
from qutrio.probes.dialling import connect
from qutrio.probes.each_address import attempt_all
from qutrio.probes.interface import TlsContexts, Tools
from qutrio.probes.observations import Observation, abstain

NOT_YET_VALID, EXPIRED = 9, 10
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


async def probe_tls(check: TlsCheck, tools: Tools) -> Observation:
    """Make a TLS handshake with the check's address, and judge the certificates.

    When OpenSSL refuses the dates of a chain, a second handshake without verification finds
    which date is wrong.
    """

    async def steps(progress: Progress) -> Observation:
        if check.verify_chain and not tools.tls.has_authorities:
            return abstain("this node has no CA certificates; install ca-certificates")
        try:
            return await _handshake(check, _context(check, tools.tls), progress)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code not in {NOT_YET_VALID, EXPIRED}:
                raise
            refused = progress.fail(f"certificate not accepted: {error.verify_message}")
        seen = await _handshake(check, tools.tls.unverified, progress)
        return refused if seen.outcome is Outcome.OK else seen

    return await attempt_all(check, split_address(check.address)[0], tools, steps)


async def _handshake(check: TlsCheck, context: ssl.SSLContext, progress: Progress) -> Observation:
    host, port = split_address(check.address)
    name = check.server_name or host.partition("%")[0].rstrip(".")
    connection = await connect(host, port, check.ip_family, progress)
    if isinstance(connection, Observation):
        return connection
    with connection:
        progress.enter("shaking hands (TLS)")
        await connection.start_tls(context, name)
        version, shown = connection.tls_details()
    return _judge(check, name, shown, version, progress)


def _context(check: TlsCheck, contexts: TlsContexts) -> ssl.SSLContext:
    if not check.verify_chain:
        return contexts.unverified
    return contexts.verified if check.verify_name else contexts.any_name


def _judge(
    check: TlsCheck, name: str, shown: Sequence[bytes], version: str, progress: Progress
) -> Observation:
    try:
        chain = [certificates.read_certificate(der) for der in shown]
        periods = [certificates.period_of(certificate) for certificate in chain]
    except ValueError as error:
        return progress.fail(f"the certificate cannot be read: {error}")
    if not periods:
        return progress.fail("the server showed no certificate")
    if check.verify_name and not check.verify_chain and not certificates.is_for(chain[0], name):
        return progress.fail(f"the certificate is not for {name}")
    validity = certificates.judge_dates(periods, check, progress.tools.clock.wall())
    if not validity.valid:
        return progress.fail(validity.words)
    return progress.ok(f"{validity.words}, {version}")
