"""Makes the tools of a real daemon, which all its probes share."""

import ssl
from pathlib import Path

from qutrio.plumbing.clock import Clock
from qutrio.probes.interface import TlsContexts, Tools
from qutrio.probes.patterns import PatternWorker
from qutrio.probes.resolver import HostResolver


def make_tls_contexts() -> TlsContexts:
    """Return the contexts for checks that verify certificates and for those that do not."""
    verified = ssl.create_default_context()
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    any_name = ssl.create_default_context()
    any_name.check_hostname = False
    return TlsContexts(verified, unverified, any_name, _has_authorities(verified))


def make_tools(clock: Clock, canary_zones: tuple[str, ...] = ()) -> Tools:
    """Return the tools of a daemon; call it inside `trio.run`."""
    return Tools(
        resolver=HostResolver(clock, canary_zones),
        tls=make_tls_contexts(),
        clock=clock,
        patterns=PatternWorker(),
    )


def _has_authorities(context: ssl.SSLContext) -> bool:
    if context.cert_store_stats()["x509_ca"]:
        return True
    directory = ssl.get_default_verify_paths().capath
    return directory is not None and any(Path(directory).glob("*.0"))
